import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import torch

from spaces import TASKS, UserError
from spaces.training import Training
from spaces.trial import Trial
from tests.made_data import NLI, nli, small_space, write_split
from trainables import training
from trainables.encoded import encoded
from trainables.encoder import FineTuned
from trainables.events import Evaluated, Event, Progressed
from trainables.predicting import predict
from trainables.stages import TrainStage, chain
from trainables.training import Diverged, batches_of, evaluation_steps, fine_tuning, train
from trainables.updates import learning_rate_share
from trainables.weights import ENCODER_FILE, HEAD_FILE, part, read_tensors
from trainables.workbench import MissingParent, Workbench

MakeBench = Callable[..., Workbench]


def first_stage(bench: Workbench, target: str = "xnli", recipe: str = "mnli", **changes: Any) -> TrainStage:
    """The first stage of a trial: 60 pairs in batches of 8, twice, scored after 4, 8, 12 and 16 steps."""
    trial = Trial(target, recipe, 0.003, 0.003, 0)
    stage = chain(trial, small_space(), bench.data, bench.model_digest)[0]
    assert isinstance(stage, TrainStage)
    (one,) = stage.sets
    one = replace(one, settings=replace(one.settings, **changes.pop("settings", {})))
    return replace(stage, sets=(one,), **changes)


def evaluations(run: Iterator[Event]) -> Iterator[Evaluated]:
    """The evaluations of a run, without the progress that a slow machine also reports."""
    return (event for event in run if isinstance(event, Evaluated))


def cut_after(bench: Workbench, stage: TrainStage, count: int) -> None:
    """Trains up to an evaluation and stops, as a trial does that is ended at a rung."""
    run = train(stage, bench)
    found = 0
    while found < count:
        found += isinstance(next(run), Evaluated)
    run.close()


def result(bench: Workbench, stage: TrainStage) -> tuple[bytes, bytes, list[dict[str, Any]]]:
    """What a stage published: the bytes of encoder and head, and the history."""
    entry = bench.store.find(stage.key)
    assert entry is not None
    return entry.path(ENCODER_FILE).read_bytes(), entry.path(HEAD_FILE).read_bytes(), entry.record["history"]


def trained(bench: Workbench, stage: TrainStage) -> tuple[bytes, bytes, list[dict[str, Any]]]:
    for _ in train(stage, bench):
        pass
    return result(bench, stage)


@pytest.mark.parametrize(("step", "share"), [(0, 0.5), (1, 1.0), (2, 1.0), (6, 0.5), (9, 0.125)])
def test_the_rate_rises_over_the_warm_up_and_falls_to_zero(step: int, share: float) -> None:
    # 10 steps, 2 of them warm-up: 1/2, 2/2, then (10 - step) / 8
    assert learning_rate_share(step, 10, 0.2) == share


def test_without_warm_up_the_rate_begins_at_its_peak() -> None:
    assert learning_rate_share(0, 10, 0) == 1
    assert learning_rate_share(0, 1, 0.1) == 1


@pytest.mark.parametrize(
    ("steps", "evaluations", "after"),
    [(16, 4, [4, 8, 12, 16]), (10, 3, [3, 7, 10]), (3, 4, [1, 2, 3]), (1, 4, [1]), (100, 1, [100])],
)
def test_dev_is_scored_at_even_parts_and_at_the_end(steps: int, evaluations: int, after: list[int]) -> None:
    assert evaluation_steps(steps, Training(evaluations=evaluations)) == after


@pytest.mark.parametrize(("steps", "after"), [(25, [10, 20, 25]), (20, [10, 20]), (7, [7])])
def test_dev_is_scored_at_set_intervals_where_the_space_says_so(steps: int, after: list[int]) -> None:
    assert evaluation_steps(steps, Training(evaluate_every=10)) == after


def test_training_learns_and_says_how(make_bench: MakeBench) -> None:
    bench = make_bench()
    stage = first_stage(bench, settings={"epochs": 8})
    events = list(evaluations(train(stage, bench)))
    assert [(event.step, event.steps, event.examples) for event in events] == [
        (16, 64, 120), (32, 64, 240), (48, 64, 360), (64, 64, 480),
    ]  # fmt: skip
    assert events[-1].loss < 0.5 * events[0].loss
    assert events[-1].dev > 90  # a third by guessing
    record = bench.store.record(stage.key)
    assert record is not None
    assert [point["dev"] for point in record["history"]] == [event.dev for event in events]
    assert (record["task"], record["examples"], record["parent"]) == ("mnli", 480, bench.model_digest)
    assert record["dev"] == max(event.dev for event in events)
    assert bench.store.snapshot(stage.key) is None


@pytest.mark.parametrize(("target", "recipe"), [("xquad", "none"), ("udpos", "none"), ("xnli", "ud_xpos")])
def test_every_format_trains(make_bench: MakeBench, target: str, recipe: str) -> None:
    bench = make_bench()
    stage = first_stage(bench, target, recipe, settings={"epochs": 4})
    losses = [event.loss for event in evaluations(train(stage, bench))]
    assert losses[-1] < 0.9 * losses[0]


def joint_stage(bench: Workbench, recipe: str = "mnli+squad_v1+ud_xpos") -> TrainStage:
    """Pairs, questions and tags, in batches of 8, twice."""
    stage = chain(Trial("xnli", recipe, 0.003, 0.003, 0), small_space(), bench.data, bench.model_digest)[0]
    assert isinstance(stage, TrainStage)
    return stage


def test_tasks_trained_together_each_learn_with_a_head_of_their_own(make_bench: MakeBench) -> None:
    bench = make_bench()
    stage = joint_stage(bench)
    points = list(evaluations(train(stage, bench)))
    assert points[-1].dev > points[0].dev
    assert points[-1].examples == sum(one.examples for one in stage.sets)
    entry = bench.store.find(stage.key)
    assert entry is not None
    heads = {name.split(".")[0] for name in read_tensors(entry.path(HEAD_FILE))}
    assert heads == {"mnli", "squad_v1", "ud_xpos"}
    assert entry.record["inputs"]["train"]["examples"] == sum(one.rows for one in stage.sets)


def test_english_dev_of_tasks_trained_together_is_their_plain_mean(make_bench: MakeBench) -> None:
    bench = make_bench()
    stage = joint_stage(bench)
    (*_, last) = evaluations(train(stage, bench))
    entry = bench.store.find(stage.key)
    assert entry is not None
    heads = read_tensors(entry.path(HEAD_FILE))
    scores = []
    for one in stage.sets:
        form = fine_tuning(one, bench)
        model = FineTuned(bench.encoder_after(stage.key), [form.head], 0.0)
        model.heads[0].load_state_dict(part(heads, f"{one.task}."))
        dev = bench.data.examples(TASKS[one.task], "dev", "en", one.settings.dev_examples)
        rows = encoded(dev, form, bench.tokenizer_digest, bench.cache)
        scores.append(form.score(dev, predict(model, form, dev, rows)).value)
    assert entry.record["dev"] == pytest.approx(sum(scores) / 3)
    assert entry.record["dev"] >= last.dev  # the best weights are kept


def test_tasks_trained_together_go_on_to_the_very_same_weights(make_bench: MakeBench) -> None:
    whole, cut = make_bench("whole"), make_bench("cut")
    stage = joint_stage(whole)
    cut_after(cut, stage, 2)
    again = make_bench("cut")
    assert trained(again, stage) == trained(whole, stage)


@pytest.mark.parametrize("count", [1, 3])
def test_a_stage_cut_short_goes_on_to_the_very_same_weights(make_bench: MakeBench, count: int) -> None:
    whole, cut = make_bench("whole"), make_bench("cut")
    stage = first_stage(whole)
    cut_after(cut, stage, count)
    assert cut.store.find(stage.key) is None
    again = make_bench("cut")  # as another process would
    steps = [event.step for event in evaluations(train(stage, again))]
    assert steps == [4, 8, 12, 16][count:]
    assert result(again, stage) == trained(whole, stage)


@pytest.mark.parametrize("step", [1, 4, 6])  # before the first evaluation, right before it, after it
def test_a_stage_cut_between_evaluations_goes_on_to_the_very_same_weights(make_bench: MakeBench, step: int) -> None:
    whole, cut = make_bench("whole"), make_bench("cut")
    cut.news_seconds = 0.0
    stage = first_stage(whole)
    run = train(stage, cut)
    last = next(event for event in run if isinstance(event, Progressed) and event.step == step)
    run.close()
    assert last.examples == round(120 * step / 16)
    snapshot = cut.store.snapshot_record(stage.key) or {}
    assert (snapshot["step"], snapshot["examples"]) == (step, last.examples)  # nothing is trained twice
    assert trained(cut, stage) == trained(whole, stage)  # the same process may go on as well


def test_news_between_evaluations_tell_the_loss_since_the_last(make_bench: MakeBench) -> None:
    bench = make_bench()
    bench.news_seconds = 0.0
    events = list(train(first_stage(bench, settings={"batch_size": 10}), bench))  # 60 rows, all batches of one size
    first = next(event for event in events if isinstance(event, Evaluated))
    steps = [event.loss for event in events[: events.index(first)] if isinstance(event, Progressed)]
    assert len(steps) == first.step == 3
    assert sum(steps) / 3 == pytest.approx(first.loss)


def test_a_damaged_snapshot_means_beginning_again(make_bench: MakeBench) -> None:
    whole, cut = make_bench("whole"), make_bench("cut")
    stage = first_stage(whole)
    cut_after(cut, stage, 1)
    (state,) = (cut.store.root / "snapshots" / stage.key).glob("*.safetensors")
    state.write_bytes(state.read_bytes()[:-1])
    assert trained(make_bench("cut"), stage) == trained(whole, stage)


def test_what_a_process_did_before_does_not_matter(make_bench: MakeBench) -> None:
    fresh, used = make_bench("fresh"), make_bench("used")
    stage = first_stage(fresh)
    trained(used, first_stage(used, "xquad", "none", settings={"epochs": 1}))
    torch.rand(7)
    assert trained(used, stage) == trained(fresh, stage)


def test_the_seed_decides(make_bench: MakeBench) -> None:
    bench = make_bench()
    first, other = (trained(bench, first_stage(bench, seed=seed, settings={"epochs": 1})) for seed in (0, 1))
    assert first[0] != other[0]
    assert first[1] != other[1]


def mnli_and_xnli(bench: Workbench, first_rate: float, **settings: Any) -> list[TrainStage]:
    """The stages that train MNLI and then, on the same rows, XNLI, which learns nothing at its rate."""
    trial = Trial("xnli", "mnli", learning_rate=1e-12, intermediate_learning_rate=first_rate, seed=0)
    *found, _ = chain(trial, small_space(), bench.data, bench.model_digest)
    stages = []
    for stage in found:
        assert isinstance(stage, TrainStage)
        stages.append(stage)
    assert (stages[0].sets[0].train, stages[0].seed) == (stages[1].sets[0].train, stages[1].seed)
    return stages


def head_of(bench: Workbench, stage: TrainStage) -> dict[str, torch.Tensor]:
    entry = bench.store.find(stage.key)
    assert entry is not None
    return read_tensors(entry.path(HEAD_FILE))


def test_a_targets_head_is_new_also_on_the_rows_of_the_step_before(make_bench: MakeBench) -> None:
    bench = make_bench()
    stages = mnli_and_xnli(bench, first_rate=1e-12)  # so that heads stay as they began
    for stage in stages:
        trained(bench, stage)
    first, second = (head_of(bench, stage) for stage in stages)
    assert first.keys() == second.keys()
    for name in ("dense.weight", "out.weight"):
        assert torch.corrcoef(torch.stack([first[name].flatten(), second[name].flatten()]))[0, 1].abs() < 0.3


def test_a_target_knows_nothing_before_its_own_training(make_bench: MakeBench) -> None:
    bench = make_bench()
    mnli, xnli = mnli_and_xnli(bench, first_rate=0.003)
    mnli = replace(mnli, sets=(replace(mnli.sets[0], settings=replace(mnli.settings, epochs=8)),))
    xnli = replace(xnli, parent=mnli.key)
    learnt = max(point["dev"] for point in trained(bench, mnli)[2])
    assert learnt > 90
    assert max(point["dev"] for point in trained(bench, xnli)[2]) < 60  # a third by guessing


def test_two_stages_of_one_trial_meet_the_same_rows_in_other_orders(make_bench: MakeBench) -> None:
    mnli, xnli = mnli_and_xnli(make_bench(), first_rate=0.003)
    rows = pa.table({"input_ids": [[0] * (3 + n % 7) for n in range(60)]})
    first, second, again = (
        [chosen.tolist() for _, chosen in batches_of(stage, [rows])] for stage in (mnli, xnli, replace(mnli))
    )
    assert first == again
    assert sorted(row for batch in first for row in batch) == sorted(row for batch in second for row in batch)
    assert not {tuple(sorted(batch)) for batch in first} & {tuple(sorted(batch)) for batch in second}


def test_sets_of_one_size_that_are_trained_together_go_in_orders_of_their_own(make_bench: MakeBench) -> None:
    stage = joint_stage(make_bench(), "mnli+squad_v1")
    rows = pa.table({"input_ids": [[0]] * 60})
    first, second = (
        [chosen.tolist() for whose, chosen in batches_of(stage, [rows, rows]) if whose == number] for number in (0, 1)
    )
    assert len(first) == len(second) == 16
    assert first != second


def test_the_best_weights_on_dev_are_kept_not_the_last(make_bench: MakeBench, mirror: Path, tmp_path: Path) -> None:
    # dev contradicts what training teaches, so that dev falls while training learns
    contrary = Path(shutil.copytree(mirror, tmp_path / "contrary"))
    rows = nli(24)
    rows["label"] = [(label + 1) % 3 for label in rows["label"]]
    write_split(contrary, "nyu-mll__glue/mnli", "validation_matched", rows, label=NLI)
    bench = make_bench(mirror=contrary)
    stage = first_stage(bench, settings={"epochs": 6, "evaluations": 12})
    history = trained(bench, stage)[2]
    best = max(point["dev"] for point in history)
    assert history[-1]["dev"] < best
    assert score_of_published(bench, stage) == pytest.approx(best)


def score_of_published(bench: Workbench, stage: TrainStage) -> float:
    entry = bench.store.find(stage.key)
    assert entry is not None
    form = fine_tuning(stage.sets[0], bench)
    model = FineTuned(bench.encoder_after(stage.key), [form.head], stage.settings.dropout)
    model.heads[0].load_state_dict(read_tensors(entry.path(HEAD_FILE)))
    dev = bench.data.examples(TASKS[stage.task], "dev", "en", stage.settings.dev_examples)
    return form.score(dev, predict(model, form, dev, encoded(dev, form, bench.tokenizer_digest, bench.cache))).value


def test_the_parents_weights_are_where_training_begins(make_bench: MakeBench) -> None:
    bench = make_bench()
    first = first_stage(bench)
    after_first = trained(bench, first)[0]
    second = first_stage(bench, parent=first.key, learning_rate=1e-12, settings={"epochs": 0.1})
    trained(bench, second)
    before, after = (
        read_tensors(bench.store.root / "stages" / s.key[:2] / s.key / ENCODER_FILE) for s in (first, second)
    )
    assert after_first
    assert all(torch.allclose(after[name], before[name], atol=1e-6) for name in before)


def test_a_missing_parent_is_told(make_bench: MakeBench) -> None:
    bench = make_bench()
    with pytest.raises(MissingParent):
        next(train(first_stage(bench, parent="ab" * 32), bench))


def test_a_loss_that_is_no_number_ends_the_stage(make_bench: MakeBench) -> None:
    bench = make_bench()
    stage = first_stage(bench, learning_rate=1e38)
    with pytest.raises(Diverged, match=r"mnli diverged before step \d+: its loss is (nan|inf) at rate 1e\+38"):
        trained(bench, stage)
    assert bench.store.find(stage.key) is None


def test_a_loss_that_is_no_number_is_seen_before_the_next_evaluation(make_bench: MakeBench) -> None:
    bench = make_bench()
    bench.news_seconds = 0.0
    run = train(first_stage(bench, learning_rate=1e38, settings={"evaluations": 1}), bench)
    seen = []
    with pytest.raises(Diverged, match="before step 16"):
        for event in run:
            seen.append(event)
    assert len(seen) < 15


def test_without_patience_left_a_stage_ends_early_and_is_kept(
    make_bench: MakeBench, mirror: Path, tmp_path: Path
) -> None:
    contrary = Path(shutil.copytree(mirror, tmp_path / "contrary"))
    rows = nli(24)
    rows["label"] = [(label + 1) % 3 for label in rows["label"]]
    write_split(contrary, "nyu-mll__glue/mnli", "validation_matched", rows, label=NLI)
    bench = make_bench(mirror=contrary)
    stage = first_stage(bench, settings={"epochs": 6, "evaluations": 12, "patience": 2})
    history = trained(bench, stage)[2]
    devs = [point["dev"] for point in history]
    assert len(history) < 12 and devs.index(max(devs)) == len(devs) - 3
    record = bench.store.record(stage.key)
    assert record is not None and record["examples"] == history[-1]["examples"] < stage.examples
    assert score_of_published(bench, stage) == pytest.approx(max(devs))


def test_a_loss_far_above_where_it_began_ends_the_stage(make_bench: MakeBench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = make_bench()
    stage = first_stage(bench, settings={"evaluations": 4})
    monkeypatch.setattr(training, "_FAR_ABOVE", 0.1)  # a loss that falls to half is far above a tenth
    with pytest.raises(Diverged, match=r"mnli diverged by step 4: its loss rose from"):
        trained(bench, stage)


class Memory:
    """A device that holds so many examples at once."""

    def __init__(self, holds: int) -> None:
        self.holds = holds
        self.largest = 0

    def forward(self, model: FineTuned, batch: dict[str, torch.Tensor], head: int) -> torch.Tensor:
        rows = len(batch["input_ids"])
        if rows > self.holds:
            raise torch.OutOfMemoryError("out of memory")
        self.largest = max(self.largest, rows)
        return whole_forward(model, batch, head)


whole_forward = FineTuned.forward


@pytest.mark.parametrize(("batch_tokens", "parts"), [(8192, 4), (1, 1)])  # all eight at once, or one by one
def test_a_batch_that_memory_does_not_hold_goes_through_in_parts(
    make_bench: MakeBench, monkeypatch: pytest.MonkeyPatch, batch_tokens: int, parts: int
) -> None:
    whole, small = make_bench("whole"), make_bench("small")
    for bench in (whole, small):  # parts draw other numbers for dropout than the whole
        for module in bench.encoder_after(bench.model_digest).modules():
            module.p = 0.0
    stage = first_stage(whole, settings={"epochs": 1, "dropout": 0, "batch_tokens": batch_tokens})
    trained(whole, stage)
    memory = Memory(holds=3)
    monkeypatch.setattr(FineTuned, "forward", lambda model, batch, head: memory.forward(model, batch, head))
    trained(small, stage)
    first, second = (bench.store.record(stage.key) for bench in (whole, small))
    assert first is not None and second is not None
    assert memory.largest <= 3
    assert (first["parts_of_a_batch"], second["parts_of_a_batch"]) == (1, parts)
    for one, other in zip(first["history"], second["history"], strict=True):
        assert other["loss"] == pytest.approx(one["loss"], rel=1e-3)


def test_memory_that_does_not_hold_one_example_is_told(make_bench: MakeBench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = make_bench()
    stage = first_stage(bench)
    monkeypatch.setattr(FineTuned, "forward", lambda model, batch, head: Memory(holds=0).forward(model, batch, head))
    with pytest.raises(UserError, match=r"mnli: the memory of cpu does not hold a single example; lower max_length"):
        trained(bench, stage)
