"""The generator's promises: the same rows in every process, disjoint splits, parallel languages, true labels."""

import subprocess
import sys

import pyarrow as pa
import pytest

from trainables.world import LANGUAGES, SKILLS, TAG_NAMES, monolingual, parallel, rows

FINGERPRINT = """
import hashlib
from trainables.world import SKILLS, rows
table = [rows(skill, "train", code, 20, 3).to_pylist() for skill in SKILLS for code in ("en", "qad")]
print(hashlib.sha256(repr(table).encode()).hexdigest())
"""


def sentences_of(skill: str, split: str, code: str = "en", size: int = 300) -> list[tuple[str, ...]]:
    table = rows(skill, split, code, size).to_pydict()
    columns = [column for name, column in table.items() if name not in {"id", "title", "label", "tags", "answers"}]
    return [tuple(str(value) for value in row) for row in zip(*columns, strict=True)]


def test_another_process_makes_the_same_rows() -> None:
    made = {
        subprocess.run([sys.executable, "-c", FINGERPRINT], capture_output=True, text=True, check=True).stdout
        for _ in range(2)
    }
    assert len(made) == 1 and len(made.pop().strip()) == 64


@pytest.mark.parametrize("skill", SKILLS)
def test_fewer_rows_and_another_seed_change_what_they_should(skill: str) -> None:
    assert rows(skill, "train", "en", 50).equals(rows(skill, "train", "en", 50))
    assert not rows(skill, "train", "en", 50).equals(rows(skill, "train", "en", 50, seed=1))
    assert len(rows(skill, "train", "qae", 7)) == 7


@pytest.mark.parametrize("skill", SKILLS)
def test_splits_share_no_example(skill: str) -> None:
    train, dev, test = (set(sentences_of(skill, split)) for split in ("train", "validation", "test"))
    assert not train & test
    assert not train & dev
    assert not dev & test


@pytest.mark.parametrize("skill", ["nli", "paraphrase", "qa", "pos"])
def test_languages_say_the_same_things(skill: str) -> None:
    english, other = rows(skill, "test", "en", 200), rows(skill, "test", "qac", 200)
    assert sentences_of(skill, "test", "en")[0] != sentences_of(skill, "test", "qac")[0]
    if "label" in english.column_names:
        assert english["label"].equals(other["label"])
    if skill == "pos":  # the words move, what they are stays: languages differ in articles and particles only
        nouns = [
            [sum(TAG_NAMES["pos"][tag] == "NOUN" for tag in sentence) for sentence in table["tags"].to_pylist()]
            for table in (english, other)
        ]
        assert nouns[0] == nouns[1]


@pytest.mark.parametrize("code", LANGUAGES)
def test_every_answer_stands_where_the_row_says(code: str) -> None:
    for row in rows("qa", "test", code, 200).to_pylist():
        (answer,), (start,) = row["answers"]["text"], row["answers"]["answer_start"]
        assert answer
        assert row["context"][start : start + len(answer)] == answer


@pytest.mark.parametrize("skill", TAG_NAMES)
def test_every_word_has_a_tag_of_the_tag_set(skill: str) -> None:
    for row in rows(skill, "train", "en", 200).to_pylist():
        assert len(row["tokens"]) == len(row["tags"]) > 0
        assert all(0 <= tag < len(TAG_NAMES[skill]) for tag in row["tags"])


def test_a_paraphrase_says_the_same_and_a_distortion_does_not() -> None:
    table = rows("paraphrase", "test", "qac", 400).to_pylist()  # no everyday words outside English: same words
    bare = [(row["sentence1"].split(", ")[-1], row["sentence2"].split(", ")[-1], row["label"]) for row in table]
    assert all((first == second) == bool(label) for first, second, label in bare)


def test_labels_are_balanced() -> None:
    for skill, kinds in (("nli", 3), ("paraphrase", 2), ("ending", 2)):
        labels = rows(skill, "train", "en", 3000)["label"].to_pylist()
        assert all(0.9 < labels.count(kind) * kinds / 3000 < 1.1 for kind in range(kinds))


def test_scripts_are_the_languages_own() -> None:
    letters = {
        code: {letter for text in monolingual(code, 50) for letter in text if letter.isalpha()} for code in LANGUAGES
    }
    assert letters["en"] & letters["qaa"]
    for code in ("qac", "qad", "qae"):
        assert not letters[code] & letters["en"]


def test_parallel_text_has_one_english_for_all() -> None:
    halden, kelu = parallel("qaa", 30), parallel("qae", 30)
    assert [english for english, _ in halden] == [english for english, _ in kelu]
    assert [other for _, other in halden] != [other for _, other in kelu]


@pytest.mark.parametrize(
    ("skill", "split", "code", "message"),
    [
        ("juggling", "train", "en", "no skill 'juggling'"),
        ("nli", "exam", "en", "no split 'exam'"),
        ("nli", "train", "xx", "no language 'xx'"),
    ],
)
def test_what_the_world_has_not_is_named(skill: str, split: str, code: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        rows(skill, split, code, 3)


def test_rows_are_arrow() -> None:
    assert isinstance(rows("nli", "train", "en", 3), pa.Table)
