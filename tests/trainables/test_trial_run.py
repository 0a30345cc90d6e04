import math
import shutil
from collections.abc import Callable
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest
import torch

from spaces.trial import Trial
from tests.made_data import small_space
from tests.stores import first_line, held_elsewhere
from trainables.events import Busy, Evaluated, Event, Failed, Finished, Progressed, Scored, StageDone
from trainables.full_disk import DiskFull
from trainables.stages import Stage, chain
from trainables.trial_run import run_trial
from trainables.updates import Updates
from trainables.weights import ENCODER_FILE
from trainables.workbench import Workbench

MakeBench = Callable[..., Workbench]


def stages_of(bench: Workbench, target: str = "xnli", recipe: str = "mnli", rate: float = 0.003) -> list[Stage]:
    return chain(Trial(target, recipe, rate, rate, 0), small_space(), bench.data, bench.model_digest)


def told(stages: list[Stage], bench: Workbench) -> list[Event]:
    """What a run tells, without the progress that a slow machine also reports."""
    return [event for event in run_trial(stages, bench) if not isinstance(event, Progressed)]


def folder_of(bench: Workbench, stage: Stage) -> Path:
    return bench.store.root / "stages" / stage.key[:2] / stage.key


def test_a_trial_runs_its_stages_in_order_and_a_second_run_trains_nothing(make_bench: MakeBench) -> None:
    bench = make_bench()
    first, second, last = stages = stages_of(bench)
    events = told(stages, bench)
    assert [(type(event), event.stage) for event in events] == [
        *[(Evaluated, first.key)] * 4,
        (StageDone, first.key),
        *[(Evaluated, second.key)] * 4,
        (StageDone, second.key),
        *[(Scored, last.key)] * 2,
        (StageDone, last.key),
        (Finished, last.key),
    ]
    done = [event for event in events if isinstance(event, StageDone)]
    assert [(event.reused, event.examples) for event in done] == [(False, 120), (False, 120), (False, 0)]
    assert all(event.seconds > 0 for event in done)
    assert list(run_trial(stages, make_bench())) == [StageDone(last.key, True, 0, 0.0), Finished(last.key)]


def test_a_trial_begins_after_the_stages_that_another_left(make_bench: MakeBench) -> None:
    bench = make_bench()
    stages = stages_of(bench)
    list(run_trial(stages[:1], bench))
    events = told(stages, make_bench())
    assert events[0] == StageDone(stages[0].key, True, 0, 0.0)
    assert {event.stage for event in events if isinstance(event, Evaluated)} == {stages[1].key}


def test_a_trial_cut_short_counts_only_what_it_trains_itself(make_bench: MakeBench) -> None:
    bench = make_bench()
    stages = stages_of(bench)[:1]
    run = run_trial(stages, bench)
    while not isinstance(next(run), Evaluated):
        pass
    run.close()
    *_, done, _ = run_trial(stages, make_bench())
    assert isinstance(done, StageDone)
    assert (done.reused, done.examples) == (False, 90)  # a quarter of 120 was there


def test_a_stage_that_another_process_computes_makes_the_trial_come_back(make_bench: MakeBench) -> None:
    bench = make_bench()
    stages = stages_of(bench)
    with held_elsewhere(bench.store.root, stages[0].key) as other:
        assert first_line(other) == "True"
        assert list(run_trial(stages, bench)) == [Busy(stages[0].key)]
    assert isinstance(next(run_trial(stages, bench)), Evaluated | Progressed)


def test_a_trial_that_is_closed_gives_its_lease_back(make_bench: MakeBench) -> None:
    bench = make_bench()
    stages = stages_of(bench)
    run = run_trial(stages, bench)
    next(run)
    with bench.store.lease(stages[0].key) as ours:
        assert not ours
    run.close()
    with bench.store.lease(stages[0].key) as ours:
        assert ours


def test_a_damaged_parent_is_computed_again_to_the_same_weights(make_bench: MakeBench) -> None:
    bench = make_bench()
    first, second, last = stages = stages_of(bench)
    list(run_trial(stages[:1], bench))
    weights = folder_of(bench, first) / ENCODER_FILE
    before = weights.read_bytes()
    weights.write_bytes(before[:-1] + bytes([before[-1] ^ 1]))
    events = told(stages, make_bench())
    assert weights.read_bytes() == before
    assert [event.stage for event in events if isinstance(event, StageDone) and not event.reused] == [
        first.key,
        second.key,
        last.key,
    ]
    assert events[-1] == Finished(last.key)


def test_a_diverged_stage_fails_the_trial_now_and_later_and_is_not_tried_again(make_bench: MakeBench) -> None:
    bench = make_bench()
    stages = [replace(stages_of(bench)[0], learning_rate=1e38)]
    (failed,) = run_trial(stages, bench)
    assert isinstance(failed, Failed)
    assert "mnli diverged" in failed.reason
    assert list(run_trial(stages, make_bench())) == [failed]


def lose_a_step(monkeypatch: pytest.MonkeyPatch, times: int) -> None:
    """Some training steps, from the sixth on, leave no number in any weight, as a broken device might."""
    take, steps = Updates.take, count()

    def spoilt(self: Updates, step: int) -> torch.Tensor:
        loss = take(self, step)
        if 6 <= next(steps) < 6 + times:
            for parameter in self.model.parameters():
                parameter.data.fill_(math.nan)
            return loss * math.nan
        return loss

    monkeypatch.setattr(Updates, "take", spoilt)


def test_a_step_that_the_machine_lost_is_made_good_from_the_snapshot(
    make_bench: MakeBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, spoilt = make_bench("whole"), make_bench("spoilt")
    first = stages_of(whole)[:1]
    list(run_trial(first, whole))
    lose_a_step(monkeypatch, times=1)
    events = list(run_trial(first, spoilt))
    assert isinstance(events[-1], Finished)
    weights = [(folder_of(bench, first[0]) / ENCODER_FILE).read_bytes() for bench in (whole, spoilt)]
    assert weights[0] == weights[1]


def test_a_stage_that_is_lost_twice_fails_for_good(make_bench: MakeBench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = make_bench()
    lose_a_step(monkeypatch, times=100)
    *_, failed = run_trial(stages_of(bench)[:1], bench)
    assert isinstance(failed, Failed) and "mnli diverged" in failed.reason


def test_a_disk_that_is_full_when_a_failure_is_written_down_is_told(
    make_bench: MakeBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = make_bench()

    def full(*_: object) -> None:
        raise DiskFull("no space left under the store")

    monkeypatch.setattr(bench.store, "publish", full)
    (failed,) = run_trial([replace(stages_of(bench)[0], learning_rate=1e38)], bench)
    assert isinstance(failed, Failed) and "no space left" in failed.reason


def test_data_that_vanishes_fails_the_trial_with_its_place_and_may_be_mended(
    make_bench: MakeBench, mirror: Path, tmp_path: Path
) -> None:
    broken = Path(shutil.copytree(mirror, tmp_path / "broken"))
    stages = stages_of(make_bench(mirror=broken), "tatoeba", "none")
    path = broken / "google__xtreme" / "tatoeba.deu" / "validation.parquet"
    kept = path.read_bytes()
    path.unlink()
    (failed,) = run_trial(stages, make_bench(mirror=broken))
    assert isinstance(failed, Failed)
    assert str(path) in failed.reason
    path.write_bytes(kept)
    assert [type(event) for event in run_trial(stages, make_bench(mirror=broken))] == [Scored, StageDone, Finished]


def test_a_baseline_is_the_same_whatever_the_process_ran_before(make_bench: MakeBench) -> None:
    fresh = make_bench("fresh")
    baseline = stages_of(fresh, recipe="none")
    list(run_trial(baseline, fresh))
    list(run_trial(stages_of(fresh)[:1], make_bench("used")))
    used = make_bench("used")  # a process that starts with a trial whose first stage is there already
    list(run_trial(stages_of(used), used))
    list(run_trial(baseline, used))
    expected, found = ((folder_of(bench, baseline[0]) / ENCODER_FILE).read_bytes() for bench in (fresh, used))
    assert found == expected
