"""Runs a trial: the stages of its chain that the store does not hold yet, in order."""

from collections.abc import Generator, Iterator, Sequence

from spaces import UserError
from trainables.events import Busy, Event, Failed, Finished, StageDone
from trainables.scoring import score
from trainables.stages import ScoreStage, Stage, TrainStage
from trainables.training import Diverged, train
from trainables.workbench import MissingParent, Workbench

_ATTEMPTS = 3  # a parent that keeps vanishing means a store that loses data: say so instead of going round


def run_trial(stages: Sequence[Stage], bench: Workbench) -> Generator[Event, None, None]:
    """Yields what happens; the last event is `Finished`, `Failed` or `Busy` (come back later)."""
    for _ in range(_ATTEMPTS):
        try:
            for stage in stages[_first_to_do(stages, bench) :]:
                last = None
                for last in _run_stage(stage, bench):
                    yield last
                if isinstance(last, Busy | Failed):
                    return
            yield Finished(stages[-1].key)
            return
        except MissingParent:
            continue  # its damaged entry is gone from the store: compute it again
    yield Failed(stages[-1].key, f"the store keeps losing stages under {bench.store.root}")


def _first_to_do(stages: Sequence[Stage], bench: Workbench) -> int:
    """The stage to start at: after the last one that the store holds."""
    there = [index for index, stage in enumerate(stages) if bench.store.record(stage.key) is not None]
    return max(there, default=0)  # that one again, so that its reuse (or failure) is reported


def _run_stage(stage: Stage, bench: Workbench) -> Iterator[Event]:
    record = bench.store.record(stage.key)
    if record is None:
        with bench.store.lease(stage.key) as ours:
            if not ours:
                yield Busy(stage.key)
                return
            record = bench.store.record(stage.key)  # it may have come while we asked
            if record is None:
                yield from _compute(stage, bench)
                return
    if "failed" in record:
        yield Failed(stage.key, record["failed"])
    else:
        yield StageDone(stage.key, reused=True, examples=0, seconds=0.0)


def _train(stage: TrainStage, bench: Workbench) -> Iterator[Event]:
    """Trains; where the loss is lost, once more from the last snapshot: it may have been the machine's fault."""
    try:
        yield from train(stage, bench)
        return
    except Diverged:
        pass
    try:
        yield from train(stage, bench)
    except Diverged as error:
        bench.store.publish(stage.key, {"failed": str(error)}, {})  # for good: nobody need try it again
        raise


def _compute(stage: Stage, bench: Workbench) -> Iterator[Event]:
    before = bench.store.snapshot_record(stage.key) or {"seconds": 0.0}
    try:
        match stage:
            case TrainStage():
                yield from _train(stage, bench)
            case ScoreStage():
                yield from score(stage, bench)
    except Diverged as error:
        yield Failed(stage.key, str(error))
        return
    except UserError as error:
        yield Failed(stage.key, str(error))
        return
    record = bench.store.record(stage.key) or {}
    examples = record.get("examples", 0) - before.get("examples", 0) if isinstance(stage, TrainStage) else 0
    yield StageDone(stage.key, False, examples, record.get("seconds", 0.0) - before["seconds"])
