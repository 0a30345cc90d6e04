import hashlib
from pathlib import Path

import pyarrow as pa
import pytest

from trainables.digest import digest_of, digest_of_file, digest_of_folder, digest_of_table

ROWS = {
    "text": ["a", None, "longer", "", "ü"],
    "number": [1, 2, None, 4, 5],
    "words": [["x"], [], None, ["y", "z"], ["w"]],
    "answers": [{"text": ["a"], "start": [0]}] * 5,
}


def test_the_digest_is_sha256_of_sorted_compact_json() -> None:
    assert digest_of({"b": [1, 0.5], "a": "ü"}) == hashlib.sha256('{"a":"ü","b":[1,0.5]}'.encode()).hexdigest()


def test_the_order_of_keys_does_not_matter_but_that_of_lists_does() -> None:
    assert digest_of({"a": 1, "b": {"c": 2, "d": 3}}) == digest_of({"b": {"d": 3, "c": 2}, "a": 1})
    assert digest_of([1, 2]) != digest_of([2, 1])


def test_a_number_that_is_none_has_no_digest() -> None:
    with pytest.raises(ValueError, match="JSON"):
        digest_of({"loss": float("nan")})


def test_chunks_slices_and_metadata_do_not_change_a_tables_digest() -> None:
    whole = pa.table(ROWS)
    expected = digest_of_table(whole)
    pieces = pa.concat_tables([whole.slice(0, 1), whole.slice(1, 3), whole.slice(4)])
    assert pieces["text"].num_chunks == 3
    assert digest_of_table(pieces) == expected
    inside_another = pa.concat_tables([whole, whole, whole]).combine_chunks().slice(5, 5)
    assert digest_of_table(inside_another) == expected
    assert digest_of_table(whole.replace_schema_metadata({"made": "today"})) == expected


@pytest.mark.parametrize(
    ("column", "values"),
    [
        ("text", ["a", "", "longer", "", "ü"]),
        ("number", [1, 2, 3, 4, 5]),
        ("words", [["x"], [], None, ["y"], ["z", "w"]]),
    ],
)
def test_another_value_is_another_digest(column: str, values: list[object]) -> None:
    assert digest_of_table(pa.table(ROWS | {column: values})) != digest_of_table(pa.table(ROWS))


def test_rows_and_column_names_belong_to_the_digest() -> None:
    table = pa.table(ROWS)
    assert digest_of_table(table.take([1, 0, 2, 3, 4])) != digest_of_table(table)
    assert digest_of_table(table.rename_columns(["t", "number", "words", "answers"])) != digest_of_table(table)


def test_a_files_digest_is_that_of_its_bytes(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    assert digest_of_file(tmp_path / "a") == hashlib.sha256(b"abc").hexdigest()


def test_a_folders_digest_tells_names_and_contents_of_matching_files(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "notes.md").write_text("one")
    first = digest_of_folder(tmp_path, ("*.json",))
    (tmp_path / "notes.md").write_text("two")
    assert digest_of_folder(tmp_path, ("*.json", "config.json")) == first
    (tmp_path / "config.json").rename(tmp_path / "other.json")
    assert digest_of_folder(tmp_path, ("*.json",)) != first
