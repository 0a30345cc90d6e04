from pathlib import Path

import pyarrow as pa

from trainables.encoded import encoded

ROWS = [{"text_a": "the cat", "text_b": "the", "label": 0}, {"text_a": "the", "text_b": "a", "label": 1}]


def cached(cache: Path) -> list[Path]:
    return sorted(cache.iterdir())


def test_rows_are_encoded_once_and_then_read_from_the_cache(make_examples, make_form, tmp_path: Path) -> None:
    examples, form = make_examples("mnli", ROWS), make_form("mnli")
    first = encoded(examples, form, "tokenizer", tmp_path)
    assert first.equals(form.encode(examples))
    (path,) = cached(tmp_path)
    marked = first.set_column(first.column_names.index("label"), "label", pa.array([2, 2], pa.int32()))
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, marked.schema) as writer:
        writer.write_table(marked)
    assert encoded(examples, form, "tokenizer", tmp_path)["label"].to_pylist() == [2, 2]


def test_another_tokenizer_length_or_content_is_encoded_anew(make_examples, make_form, tmp_path: Path) -> None:
    examples = make_examples("mnli", ROWS)
    encoded(examples, make_form("mnli"), "tokenizer", tmp_path)
    encoded(examples, make_form("mnli"), "other", tmp_path)
    assert len(cached(tmp_path)) == 2
    encoded(examples, make_form("mnli", max_length=16), "tokenizer", tmp_path)
    assert len(cached(tmp_path)) == 3
    encoded(examples, make_form("mnli", epochs=9), "tokenizer", tmp_path)
    assert len(cached(tmp_path)) == 3
