from pathlib import Path

import pyarrow as pa

from trainables import encoded as module
from trainables.encoded import encoded, encoding, lengths_told

ROWS = [{"text_a": "the cat", "text_b": "the", "label": 0}, {"text_a": "the", "text_b": "a", "label": 1}]


def cached(cache: Path) -> list[Path]:
    return sorted(cache.glob("*.arrow"))


def test_rows_are_encoded_once_and_then_read_from_the_cache(make_examples, make_form, tmp_path: Path) -> None:
    examples, form = make_examples("mnli", ROWS), make_form("mnli")
    first = encoded(examples, form, "tokenizer", tmp_path)
    assert first.equals(form.encode(examples))
    (path,) = tmp_path.glob("*.arrow")
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


def test_many_examples_are_encoded_in_parts_that_come_to_the_same(
    make_examples, make_form, tmp_path: Path, monkeypatch
) -> None:
    form = make_form("squad_v1", max_length=32, stride=8)
    rows = [
        {
            "id": str(n),
            "context": "the cat sees the dog " * n,
            "question": "the",
            "answers": {"text": ["cat"], "answer_start": [4]},
        }
        for n in range(1, 8)
    ]
    examples = make_examples("squad_v1", rows)
    whole = form.encode(examples)
    monkeypatch.setattr(module, "_AT_A_TIME", 3)
    assert list(encoding(examples, form, "tokenizer", tmp_path)) == [3, 6, 7]
    assert encoded(examples, form, "tokenizer", tmp_path).equals(whole)
    assert list(encoding(examples, form, "tokenizer", tmp_path)) == []  # from the cache


def test_encoding_cut_short_leaves_nothing_behind(make_examples, make_form, tmp_path: Path) -> None:
    steps = encoding(make_examples("mnli", ROWS), make_form("mnli"), "tokenizer", tmp_path)
    next(steps)
    steps.close()
    assert not cached(tmp_path) and not list(tmp_path.glob("*.part"))


def test_pairs_that_are_too_long_are_counted_as_cut(make_examples, make_form) -> None:
    rows = [{"text_a": "the " * n, "text_b": "the", "label": 0} for n in (1, 20)]
    told = lengths_told(make_form("mnli", max_length=16).encode(make_examples("mnli", rows)))
    assert told == {"examples": 2, "split": 0, "cut": 1}


def test_choices_that_are_too_long_are_counted_as_cut(make_examples, make_form) -> None:
    rows = [{"context": "the", "question": "the", "choices": ["the " * n, "the"], "label": 0} for n in (1, 20)]
    told = lengths_told(make_form("hellaswag", max_length=16).encode(make_examples("hellaswag", rows)))
    assert told == {"examples": 2, "split": 0, "cut": 1}


def test_sentences_to_tag_are_split_and_only_words_are_cut(make_examples, make_form) -> None:
    rows = [{"tokens": words, "tags": [0] * len(words)} for words in (["the"], ["the"] * 20, ["x" * 30])]
    told = lengths_told(make_form("udpos", max_length=16).encode(make_examples("udpos", rows)))
    assert told == {"examples": 3, "split": 1, "cut": 1}


def test_contexts_make_windows_and_long_questions_are_cut(make_examples, make_form) -> None:
    rows = [
        {"id": "q", "context": "the " * words, "question": "the " * asked, "answers": {"text": [], "answer_start": []}}
        for words, asked in ((3, 3), (60, 3), (3, 60))
    ]
    told = lengths_told(make_form("squad_v1", max_length=32, stride=8).encode(make_examples("squad_v1", rows)))
    assert told == {"examples": 3, "split": 1, "cut": 1}
