"""The export's files read as XTREME's script reads them."""

from pathlib import Path

import pyarrow as pa
import pytest

from search.export import _labels, _spelled, export
from search.results import TrialResult
from spaces import TASKS, UserError
from spaces.trial import Trial
from trainables.examples import Data, Examples
from trainables.kept_scores import PREDICTIONS_FILE
from trainables.sources.mirror import MirrorSource
from trainables.store import Store


def examples(task: str, rows: list[dict[str, object]], labels: tuple[str, ...] = ()) -> Examples:
    return Examples(TASKS[task], "de", pa.Table.from_pylist(rows), labels or TASKS[task].labels, "digest")


def test_classes_stand_one_a_line() -> None:
    pairs = examples("xnli", [{"text_a": "a", "text_b": "b", "label": 2}, {"text_a": "c", "text_b": "d", "label": 0}])
    assert _spelled(pairs, ["neutral", "entailment"]) == "neutral\nentailment\n"
    assert _labels(pairs) == "contradiction\nentailment\n"


def test_tags_stand_one_a_line_with_a_blank_line_between_sentences() -> None:
    rows = [{"tokens": ["a", "\u200c", "b"], "tags": [0, 1, 7]}, {"tokens": ["c"], "tags": [1]}]
    tagged = examples("udpos", rows)
    assert _spelled(tagged, [["NOUN", "VERB"], ["X"]]) == "NOUN\nVERB\n\nX\n"
    assert _labels(tagged) == "ADJ\nNOUN\n\nADP\n"  # the empty word is dropped, as XTREME drops it


def test_answers_are_json_by_question_and_labels_squads_own() -> None:
    row = {"id": "q1", "context": "the cat", "question": "who", "answers": {"text": ["cat"], "answer_start": [4]}}
    asked = examples("xquad", [row])
    assert _spelled(asked, ["cat"]) == {"q1": "cat"}
    labels = _labels(asked)
    assert isinstance(labels, dict)
    (question,) = labels["data"][0]["paragraphs"][0]["qas"]
    assert question == {"id": "q1", "question": "who", "answers": [{"text": "cat", "answer_start": 4}]}


def test_questions_of_one_id_keep_an_answer_each() -> None:
    answers = {"text": ["cat"], "answer_start": [4]}
    rows = [{"id": name, "context": "the cat", "question": "who", "answers": answers} for name in ("q", "q", "r")]
    asked = examples("tydiqa", rows)
    assert _spelled(asked, ["a", "b", "c"]) == {"q": "a", "q#2": "b", "r": "c"}
    labels = _labels(asked)
    assert isinstance(labels, dict)
    assert [article["paragraphs"][0]["qas"][0]["id"] for article in labels["data"]] == ["q", "q#2", "r"]


def test_other_data_than_the_sweeps_are_refused(tmp_path: Path, mirror: Path) -> None:
    store = Store(tmp_path / "store")
    predictions = pa.table({"language": ["de"], "example": pa.array([0], pa.int32()), "prediction": ['"neutral"']})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, predictions.schema) as writer:
        writer.write_table(predictions)
    store.publish("0" * 64, {}, {PREDICTIONS_FILE: sink.getvalue().to_pybytes()})
    trial = Trial("xnli", "none", 1e-3, 1e-3, 0)
    result = TrialResult(trial, "finished", scored="0" * 64, languages={"de": {}})
    with pytest.raises(UserError, match=r"1 predictions, 12 examples.*give the mirror that the sweep ran on"):
        export([result], store, Data(MirrorSource(mirror)), tmp_path / "out", None, labels=False)


def test_english_stands_in_order_and_finds_rows_of_the_other_side() -> None:
    # XTREME's file has apple, berry, cherry, which are rows 2, 0 and 1; the other side stays as it is. The system finds
    # for berry (row 0) row 2, for cherry row 1, for apple row 0.
    words = (("Beere\n", "berry\n"), ("Kirsche\n", "cherry\n"), ("Apfel\n", "apple\n"))
    pairs = examples("tatoeba", [{"source_sentence": other, "target_sentence": english} for other, english in words])
    assert _labels(pairs) == "2\n0\n1\n"
    assert _spelled(pairs, [2, 1, 0]) == "0\n2\n1\n"


def test_the_english_side_is_sorted_without_the_blanks_around() -> None:
    rows = [{"source_sentence": "x", "target_sentence": english} for english in ("b\n", " a\n", "\tc", "a")]
    assert _labels(examples("tatoeba", rows)) == "1\n3\n0\n2\n"  # of equal ones the first row first


def test_mined_pairs_are_pairs_of_ids() -> None:
    rows = [
        {"side": 0, "id": "de-1", "sentence": "x", "pairs": [0, 1], "query": True},
        {"side": 0, "id": "de-2", "sentence": "y", "pairs": [], "query": False},
        {"side": 1, "id": "en-9", "sentence": "z", "pairs": [0], "query": False},
        {"side": 1, "id": "en-3", "sentence": "w", "pairs": [1], "query": False},
    ]
    mined = examples("bucc2018", rows)
    assert _labels(mined) == "de-1\ten-9\nde-1\ten-3\n"
    assert _spelled(mined, [["de-2", "en-9"]]) == "de-2\ten-9\n"


def test_predictions_that_the_store_lost_are_named(tmp_path: Path, mirror: Path) -> None:
    result = TrialResult(Trial("xnli", "none", 1e-3, 1e-3, 0), "finished", scored="0" * 64)
    with pytest.raises(UserError, match=r"are not in the store any more; run the sweep again$"):
        export([result], Store(tmp_path), Data(MirrorSource(mirror)), tmp_path / "out", None, labels=False)
    assert not (tmp_path / "out").exists()
