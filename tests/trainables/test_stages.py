"""Keys are promises: a result in someone's store is found again only while its key stays. `golden_keys.json` holds
them for the made mirror. Where a change of meaning is meant, raise a version in `trainables/stages.py` and write the
file anew with `STOPOVER_WRITE_GOLDEN=1`; where it is not, the change voids every store there is.
"""

import json
import os
import shutil
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

from spaces import TASKS, Role, Space, UserError
from spaces.training import Training
from spaces.trial import Trial
from tests.made_data import NLI, nli, small_space, write_split
from trainables import stages
from trainables.examples import Data
from trainables.sources.mirror import MirrorSource
from trainables.stages import ScoreStage, Stage, TrainSet, TrainStage, as_plain, chain, from_plain, scored_languages

GOLDEN = Path(__file__).parent / "golden_keys.json"
MODEL = "model"


@pytest.fixture(scope="module")
def data(mirror: Path) -> Data:
    return Data(MirrorSource(mirror))


def stages_of(data: Data, target: str, recipe: str, rate: float = 0.003, seed: int = 0, **space: Any) -> list[Stage]:
    return chain(Trial(target, recipe, rate, rate, seed), small_space(**space), data, MODEL)


def keys(found: list[Stage]) -> list[str]:
    return [stage.key for stage in found]


def test_the_keys_are_the_golden_ones(data: Data) -> None:
    trials = [
        ("xnli", "none"), ("xnli", "mnli"), ("xquad", "none"), ("xquad", "mnli>squad_v1"),
        ("udpos", "ud_xpos"), ("tatoeba", "none"), ("tatoeba", "mnli"),
    ]  # fmt: skip
    made = {f"{target}/{recipe}": keys(stages_of(data, target, recipe)) for target, recipe in trials}
    if os.environ.get("STOPOVER_WRITE_GOLDEN"):
        GOLDEN.write_text(json.dumps(made, indent=2) + "\n")
    assert made == json.loads(GOLDEN.read_text())


def test_a_stage_comes_back_from_json_with_its_key(data: Data) -> None:
    phase = {"epochs": 0.5, "batch_size": 8, "dropout": 0}
    training = {"intermediate": phase, "tasks": {"xquad": {"stride": 32}}}
    found = stages_of(data, "xquad", "mnli>mnli+squad_v1", training=training)
    back = [from_plain(json.loads(json.dumps(as_plain(stage)))) for stage in found]
    assert back == found
    assert keys(back) == keys(found)


def test_a_trial_is_a_chain_from_the_model_to_the_score(data: Data) -> None:
    found = stages_of(data, "xquad", "mnli>squad_v1")
    assert [(type(stage), stage.task) for stage in found] == [
        (TrainStage, "mnli"),
        (TrainStage, "squad_v1"),
        (TrainStage, "xquad"),
        (ScoreStage, "xquad"),
    ]
    assert [stage.parent for stage in found] == [MODEL, found[0].key, found[1].key, found[2].key]
    assert [stage.role for stage in found[:3]] == [Role.INTERMEDIATE, Role.INTERMEDIATE, Role.TARGET]


def test_retrieval_trains_nothing_of_its_own(data: Data) -> None:
    (only,) = stages_of(data, "tatoeba", "none")
    assert (type(only), only.parent) == (ScoreStage, MODEL)
    assert [type(stage) for stage in stages_of(data, "tatoeba", "mnli")] == [TrainStage, ScoreStage]


def test_trials_share_the_stages_of_a_common_beginning(data: Data) -> None:
    alone, longer = stages_of(data, "xnli", "mnli"), stages_of(data, "xquad", "mnli>squad_v1")
    assert alone[0].key == longer[0].key
    assert not set(keys(alone[1:])) & set(keys(longer[1:]))


def test_a_stage_is_named_by_what_it_trains_on_not_by_who_asks(data: Data) -> None:
    # XQuAD's own training is SQuAD: after the recipe "none" it is the very stage that the recipe "squad_v1" begins with
    as_target = stages_of(data, "xquad", "none")[0]
    as_intermediate = stages_of(data, "xnli", "squad_v1")[0]
    assert (as_target.task, as_intermediate.task) == ("xquad", "squad_v1")
    assert as_target.key == as_intermediate.key


def test_tasks_trained_together_are_one_stage(data: Data) -> None:
    found = stages_of(data, "xnli", "mnli+squad_v1")
    assert [stage.task for stage in found] == ["mnli+squad_v1", "xnli", "xnli"]
    mnli, squad = stages_of(data, "xnli", "mnli")[0], stages_of(data, "xnli", "squad_v1")[0]
    assert found[0].examples == mnli.examples + squad.examples
    assert found[0].sets == mnli.sets + squad.sets
    assert not {found[0].key} & {mnli.key, squad.key}


@pytest.mark.parametrize(
    "training",
    [
        {"intermediate": {"warmup": 0.2}},  # of the course
        {"tasks": {"squad_v1": {"epochs": 1}}},  # of one of them
    ],
)
def test_settings_of_what_is_trained_together_are_in_its_key(data: Data, training: dict[str, Any]) -> None:
    base, changed = (stages_of(data, "xnli", "mnli+squad_v1", **more) for more in ({}, {"training": training}))
    assert base[0].key != changed[0].key


def test_rates_of_the_phases_go_to_their_stages(data: Data) -> None:
    trial = Trial("xnli", "mnli", learning_rate=0.001, intermediate_learning_rate=0.01, seed=0)
    first, second, _ = chain(trial, small_space(), data, MODEL)
    assert (first.learning_rate, second.learning_rate) == (0.01, 0.001)


def test_another_rate_seed_or_model_is_another_stage_all_the_way_down(data: Data) -> None:
    base = keys(stages_of(data, "xnli", "mnli"))
    for other in (
        stages_of(data, "xnli", "mnli", rate=0.001),
        stages_of(data, "xnli", "mnli", seed=1),
        chain(Trial("xnli", "mnli", 0.003, 0.003, 0), small_space(), data, "another model"),
    ):
        assert not set(keys(other)) & set(base)


def test_settings_of_the_target_leave_the_intermediate_stage_alone(data: Data) -> None:
    base = keys(stages_of(data, "xnli", "mnli"))
    phase = {"epochs": 2, "batch_size": 8, "max_length": 64, "evaluations": 4}
    changed = keys(stages_of(data, "xnli", "mnli", training={"intermediate": phase, "target": phase | {"epochs": 3}}))
    assert changed[0] == base[0]
    assert not set(changed[1:]) & set(base[1:])


def test_other_data_is_another_stage_and_the_same_data_elsewhere_is_not(
    mirror: Path, data: Data, tmp_path: Path
) -> None:
    base = keys(stages_of(data, "xnli", "mnli"))
    copy = Path(shutil.copytree(mirror, tmp_path / "copy"))
    assert keys(stages_of(Data(MirrorSource(copy)), "xnli", "mnli")) == base
    write_split(copy, "facebook__xnli/de", "test", nli(9), label=NLI)
    tested = keys(stages_of(Data(MirrorSource(copy)), "xnli", "mnli"))
    assert tested[:2] == base[:2]
    assert tested[2] != base[2]
    write_split(copy, "nyu-mll__glue/mnli", "validation_matched", nli(21), label=NLI)
    assert keys(stages_of(Data(MirrorSource(copy)), "xnli", "mnli"))[0] != base[0]


def stage(**changes: Any) -> TrainStage:
    of_set = {field.name for field in fields(TrainSet)}
    base = TrainSet("mnli", "t", "d", ("a", "b"), 60, Training())
    train_set = replace(base, **{name: value for name, value in changes.items() if name in of_set})
    others = {name: value for name, value in changes.items() if name not in of_set}
    return replace(TrainStage("p", Role.INTERMEDIATE, (train_set,), 0.001, 0), **others)


@pytest.mark.parametrize(
    "changes",
    [
        {"parent": "q"},
        {"train": "u"},
        {"dev": "e"},
        {"labels": ("b", "a")},
        {"learning_rate": 0.002},
        {"seed": 1},
        {"task": "squad_v1"},  # another format
        {"settings": Training(epochs=3)},
        {"settings": Training(batch_size=16)},
        {"settings": Training(batch_tokens=4096)},
        {"settings": Training(max_length=128)},
        {"settings": Training(stride=64)},
        {"settings": Training(evaluations=5)},
        {"settings": Training(warmup=0)},
        {"settings": Training(weight_decay=0)},
        {"settings": Training(clip=2)},
        {"settings": Training(dropout=0)},
    ],
    ids=str,
)
def test_all_that_decides_the_result_is_in_the_key(changes: dict[str, Any]) -> None:
    assert stage(**changes).key != stage().key


@pytest.mark.parametrize(
    "changes",
    [
        {"role": Role.TARGET},
        {"task": "snli"},  # the same format and metric on the same content
        {"settings": Training(examples=50, dev_examples=10)},  # what a cap cuts is told by the digests
        {"settings": Training(epochs=2, dropout=0.1)},  # defaults, said aloud
    ],
    ids=str,
)
def test_nothing_else_is(changes: dict[str, Any]) -> None:
    assert stage(**changes).key == stage().key


@pytest.mark.parametrize("version", ["TRAINING_VERSION", "FORMAT_VERSIONS"])
def test_raising_a_version_voids_old_results(version: str, monkeypatch: pytest.MonkeyPatch) -> None:
    before = stage().key
    raised = 99 if version == "TRAINING_VERSION" else dict.fromkeys(stages.FORMAT_VERSIONS, 99)
    monkeypatch.setattr(stages, version, raised)
    assert stage().key != before


@pytest.mark.parametrize("changes", [{"parent": "q"}, {"seed": 1}, {"train": "u"}, {"learning_rate": 0.002}], ids=str)
def test_stages_with_other_keys_draw_other_numbers(changes: dict[str, Any]) -> None:
    assert stage(**changes).seed_of("head") != stage().seed_of("head")


def test_stages_with_one_key_draw_the_same_numbers_and_each_draw_is_its_own() -> None:
    assert stage(task="snli", role=Role.TARGET).seed_of("head") == stage().seed_of("head")
    assert stage().seed_of("head") != stage().seed_of("batches")


def test_examples_are_rows_times_epochs() -> None:
    assert stage().examples == 120
    assert stage(settings=Training(epochs=0.25)).examples == 15


def scoring(task: str = "tatoeba", layer: int | None = None, settings: Training | None = None) -> ScoreStage:
    return ScoreStage("p", task, (("de", "x", 8),), settings or Training(), None, layer, 16)


def test_the_retrieval_layer_is_in_the_key_of_retrieval_only() -> None:
    assert scoring(layer=1).key != scoring(layer=2).key
    assert scoring("xnli", layer=1).key == scoring("xnli", layer=2).key


def test_scores_depend_on_lengths_and_not_on_how_long_training_took() -> None:
    assert scoring(settings=Training(max_length=64)).key != scoring().key
    assert scoring(settings=Training(epochs=9)).key == scoring().key


def space(languages: Any) -> Space:
    return small_space(evaluation={"languages": languages})


def test_all_languages_are_those_of_the_source(data: Data) -> None:
    assert scored_languages(TASKS["xnli"], space("all"), data) == ("de", "en")
    assert scored_languages(TASKS["tatoeba"], space("all"), data) == ("de",)


def test_languages_that_the_benchmark_lacks_are_passed_over(data: Data) -> None:
    assert scored_languages(TASKS["xnli"], space(["de", "fi"]), data) == ("de",)


def test_a_language_that_the_source_lacks_is_told_with_its_place(data: Data) -> None:
    with pytest.raises(UserError, match=r"xnli: no test set in 'fr' at .*facebook__xnli/fr/test.parquet"):
        scored_languages(TASKS["xnli"], space(["de", "fr"]), data)


def test_a_target_without_any_language_is_an_error(data: Data) -> None:
    with pytest.raises(UserError, match="none of the space's languages has a test set; it has de, en"):
        scored_languages(TASKS["xnli"], space(["fi"]), data)


def test_a_cap_of_queries_is_another_score_over_the_same_pool(data: Data) -> None:
    whole, capped = (stages_of(data, "tatoeba", "none", evaluation={"test_examples": cap})[0] for cap in (None, 3))
    assert isinstance(whole, ScoreStage) and isinstance(capped, ScoreStage)
    assert whole.key != capped.key
    assert ([rows for _, _, rows in whole.tests], [rows for _, _, rows in capped.tests]) == ([8], [3])
    assert whole.texts == capped.texts == 16


def test_squad_is_one_stage_whoever_trains_on_it(data: Data) -> None:
    dev = {name: data.examples(TASKS[name], "dev").digest for name in ("squad_v1", "xquad", "mlqa")}
    assert len(set(dev.values())) == 1
