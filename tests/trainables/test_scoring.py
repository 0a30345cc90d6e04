import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from spaces.trial import Trial
from tests.made_data import small_space, write_split
from trainables.examples import Data
from trainables.kept_scores import POINTS_FILE, PREDICTIONS_FILE, read_units
from trainables.sampling import score_error
from trainables.scoring import score, sentence_vectors
from trainables.sources.mirror import MirrorSource
from trainables.stages import chain
from trainables.store import Store
from trainables.trial_run import run_trial
from trainables.workbench import MissingParent, Workbench

MakeBench = Callable[..., Workbench]


def scored(bench: Workbench, target: str, epochs: float, **space: Any) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The record and the predictions of a trial's score."""
    phase = {"epochs": epochs, "batch_size": 8, "max_length": 64, "evaluations": 1}
    made = small_space(training={"intermediate": phase, "target": phase}, **space)
    stages = chain(Trial(target, "none", 0.003, 0.003, 0), made, bench.data, bench.model_digest)
    assert [event.kind for event in run_trial(stages, bench)][-1] == "finished"
    entry = bench.store.find(stages[-1].key)
    assert entry is not None
    with pa.ipc.open_file(entry.path(PREDICTIONS_FILE)) as file:
        return entry.record, file.read_all().to_pylist()


def test_a_trained_target_is_scored_in_every_language_against_chance(make_bench: MakeBench) -> None:
    record, predictions = scored(make_bench(), "xnli", epochs=8)
    assert list(record["languages"]) == ["de", "en"]
    for language, scores in record["languages"].items():
        own = [json.loads(row["prediction"]) for row in predictions if row["language"] == language]
        gold = ["entailment", "neutral", "contradiction"] * 4
        assert scores["value"] == pytest.approx(100 * sum(a == b for a, b in zip(own, gold, strict=True)) / 12)
        assert scores["chance"] == pytest.approx(100 / 3)
        assert scores["examples"] == 12
        assert scores["metrics"] == {"accuracy": scores["value"]}
        assert scores["value"] > 80
        assert scores["above_chance"] is True
    assert "layer" not in record


@pytest.mark.parametrize(("target", "parallel"), [("xnli", True), ("xquad", True), ("udpos", False)])
def test_parallel_test_sets_tell_how_alike_english_is_answered(
    make_bench: MakeBench, target: str, parallel: bool
) -> None:
    record, predictions = scored(make_bench(), target, epochs=2)
    assert "consistency" not in record["languages"]["en"]
    assert ("consistency" in record["languages"]["de"]) is parallel
    if target == "xnli":
        answers = {code: [row["prediction"] for row in predictions if row["language"] == code] for code in ("en", "de")}
        alike = np.mean([a == b for a, b in zip(answers["en"], answers["de"], strict=True)])
        # the first of three places weighs 0.67, and where it differs the others still have something in common
        assert 66 * alike <= record["languages"]["de"]["consistency"] <= 100 - 50 * (1 - alike)


@pytest.mark.parametrize(
    ("target", "metrics"),
    [("xquad", {"exact_match", "f1"}), ("udpos", {"f1", "precision", "recall", "word_accuracy"})],
)
def test_other_formats_are_scored_with_their_metrics(make_bench: MakeBench, target: str, metrics: set[str]) -> None:
    record, predictions = scored(make_bench(), target, epochs=0.5)
    assert set(record["languages"]) == {"en", "de"}
    for language, scores in record["languages"].items():
        assert set(scores["metrics"]) == metrics
        numbers = [row["example"] for row in predictions if row["language"] == language]
        assert numbers == list(range(scores["examples"]))


@pytest.mark.parametrize("target", ["xnli", "xquad", "udpos", "tatoeba"])
def test_the_points_of_the_examples_add_up_to_the_score(make_bench: MakeBench, target: str) -> None:
    bench = make_bench()
    record, _ = scored(bench, target, epochs=2)
    (key,) = (item.key for item in bench.store.items() if "languages" in (bench.store.record(item.key) or {}))
    units = read_units(bench.store, key)
    assert units.keys() == record["languages"].keys()
    for language, of in units.items():
        assert of.score == pytest.approx(record["languages"][language]["value"], abs=1e-4)
    assert record["error"] == pytest.approx(score_error(units), abs=1e-4)


def test_test_examples_cap_what_is_scored(make_bench: MakeBench) -> None:
    record, predictions = scored(make_bench(), "xnli", 0.1, evaluation={"languages": ["de"], "test_examples": 5})
    assert list(record["languages"]) == ["de"]
    assert record["languages"]["de"]["examples"] == len(predictions) == 5


@pytest.mark.parametrize(("chosen", "layer"), [(None, 1), (0, 0), (2, 2)])
def test_retrieval_finds_equal_sentences_and_records_its_layer(
    make_bench: MakeBench, chosen: int | None, layer: int
) -> None:
    record, predictions = scored(make_bench(), "tatoeba", 1, evaluation={"retrieval_layer": chosen})
    assert record["layer"] == layer  # 14 of 24 layers is 1 of 2
    assert "mean" in record["pooling"]
    assert record["languages"]["de"]["value"] == 100
    assert record["languages"]["de"]["chance"] == 12.5
    assert [json.loads(row["prediction"]) for row in predictions] == list(range(8))


def test_a_sentences_vector_does_not_depend_on_its_neighbours(make_bench: MakeBench) -> None:
    bench = make_bench()
    encoder = bench.encoder_after(bench.model_digest).eval()
    texts = ["cat sees rome and the fish", "the", "dog"]
    together, _ = sentence_vectors(encoder, bench, texts, layer=1, max_length=64)
    alone = np.concatenate([sentence_vectors(encoder, bench, [text], 1, 64)[0] for text in texts])
    assert together.shape == (3, 32)
    assert np.allclose(together, alone, atol=1e-5)
    assert not np.allclose(together[0], together[1], atol=1e-2)


def test_scoring_without_the_trained_parent_is_told(make_bench: MakeBench) -> None:
    bench = make_bench()
    stages = chain(Trial("xnli", "none", 0.003, 0.003, 0), small_space(), bench.data, bench.model_digest)
    with pytest.raises(MissingParent):
        next(score(stages[-1], bench))


def test_capped_retrieval_scores_some_queries_and_searches_all(make_bench: MakeBench) -> None:
    record, predictions = scored(make_bench(), "tatoeba", 1, evaluation={"test_examples": 3})
    german = record["languages"]["de"]
    assert (german["examples"], german["chance"]) == (3, 12.5)
    assert len(predictions) == 8


def test_points_of_parallel_questions_are_grouped_with_their_translations(make_bench: MakeBench) -> None:
    bench = make_bench()
    scored(bench, "xquad", epochs=0.5)
    (key,) = (item.key for item in bench.store.items() if "languages" in (bench.store.record(item.key) or {}))
    entry = bench.store.find(key)
    assert entry is not None
    with pa.ipc.open_file(entry.path(POINTS_FILE)) as file:
        table = file.read_all()
    assert table.schema.field("group").type == pa.int32()
    # six questions, each about a text of its own, the same in both languages
    assert table["group"].to_pylist() == [*range(6), *range(6)]


def test_mining_is_scored_by_the_sentences_that_a_cap_leaves(tiny_model: Path, tmp_path: Path) -> None:
    pairs = [(f"x{n}", f"y{n}") for n in range(6)]
    words = ["the cat", "a dog runs", "no bird", "maybe the fish sees", "rome yes", "oslo and bern"]
    for split, prefix in (("validation", ""), ("test", "test.")):
        gold = {"source_lang": [one for one, _ in pairs], "target_lang": [other for _, other in pairs]}
        write_split(tmp_path, "google__xtreme/bucc18.de", split, gold)
        for name, side in (("de", "x"), ("en", "y")):
            sentences = {"id": [f"{side}{n}" for n in range(6)], "sentence": words}
            write_split(tmp_path, "bucc__bucc2018-mining-pool/de-en", f"{prefix}{name}", sentences)
    bench = Workbench(Store(tmp_path / "store"), Data(MirrorSource(tmp_path)), tiny_model, tmp_path / "cache")
    evaluation = {"languages": ["de"], "test_examples": 2}
    record, predictions = scored(bench, "bucc2018", 1, evaluation=evaluation)
    # Every sentence translates as itself. The two that count set the threshold, which others' pairs may pass as well.
    assert record["languages"]["de"]["value"] == 100
    assert record["languages"]["de"]["examples"] == 2
    assert record["languages"]["de"]["inputs"]["examples"] == 24
    found = [tuple(json.loads(row["prediction"])) for row in predictions]
    assert len(found) >= 2 and set(found) <= set(pairs)
    (key,) = (item.key for item in bench.store.items() if "languages" in (bench.store.record(item.key) or {}))
    assert len(read_units(bench.store, key)["de"].earned) == 2
