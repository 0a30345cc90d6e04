"""A sweep played through in simulated time: the real board, halving and strategies, but nothing is trained.

It is how scheduling and strategies are tested and compared at hundreds of devices and tens of thousands of trials, and
how long a plan would take on so many devices.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import count
from typing import Any

from search.board import Board, Records
from search.halving import Halving
from search.plan import Plan
from search.strategies import Strategy
from spaces.trial import Trial
from trainables.events import Evaluated, Finished, StageDone
from trainables.stages import Stage, TrainStage

Seconds = Callable[[Stage], float]  # that a stage takes on one device
DevScore = Callable[[Trial, float], float]  # on English dev (0 to 100) after a share (0 to 1] of the target stage


@dataclass
class Simulated:
    """How a simulated sweep went: its last board, simulated seconds until its end and spent on devices."""

    board: Board
    seconds: float = 0.0
    device_seconds: float = 0.0


class NothingKnown:
    """The records of a store that holds nothing."""

    def record(self, key: str) -> dict[str, Any] | None:
        return None

    def snapshot_record(self, key: str) -> dict[str, Any] | None:
        return None


@dataclass
class _Running:
    """A trial on a device: what happens next, and the seconds until then."""

    trial: Trial
    course: Iterator[tuple[float, dict[str, Any]]]
    waits_for: dict[str, Any] = field(default_factory=dict)


def simulate(
    plan: Plan,
    halving: Halving,
    strategy: Strategy,
    devices: int,
    seconds: Seconds,
    dev: DevScore,
    evaluations: int = 4,
    store: Records | None = None,
) -> Simulated:
    """Plays a sweep to its end on so many devices; each training stage is evaluated at even parts.

    What `store` holds already costs nothing.
    """
    now = 0.0
    board = Board(plan, halving, strategy, store or NothingKnown(), clock=lambda: now)
    result = Simulated(board)
    trained: dict[str, int] = {}  # evaluations passed, by stage: where a stopped one goes on
    due: list[tuple[float, int, _Running]] = []
    arrivals = count()

    def go_on(running: _Running) -> None:
        took, running.waits_for = next(running.course)
        result.device_seconds += took
        heappush(due, (now + took, next(arrivals), running))

    while True:
        while len(due) < devices and (trial := board.next_trial()) is not None:
            go_on(_Running(trial, _course(trial, board, trained, seconds, dev, evaluations)))
        if not due:
            break
        now, _, running = heappop(due)
        event = running.waits_for
        goes_on = board.happened(running.trial, event)
        if event["kind"] == Finished.kind:
            board.ended(running.trial)
        elif goes_on:
            go_on(running)
    result.seconds = now
    return result


def _course(
    trial: Trial, board: Board, trained: dict[str, int], seconds: Seconds, dev: DevScore, evaluations: int
) -> Iterator[tuple[float, dict[str, Any]]]:
    """What a trial does: seconds until each event, and the event."""
    stages = board.plan.chains[trial]
    target = board.plan.target_stage(trial)
    for stage in stages:
        if stage.key in board.done:
            continue
        took = seconds(stage)
        if isinstance(stage, TrainStage):
            for step in range(trained.get(stage.key, 0) + 1, evaluations + 1):
                trained[stage.key] = step
                share = step / evaluations
                score = dev(trial, share) if target is not None and stage.key == target.key else 0.0
                event = Evaluated(stage.key, step, evaluations, stage.examples_by(step, evaluations), 0.0, score)
                yield took / evaluations, event.as_dict()
        examples = stage.examples if isinstance(stage, TrainStage) else 0
        rest = 0.0 if isinstance(stage, TrainStage) else took
        yield rest, StageDone(stage.key, reused=False, examples=examples, seconds=took).as_dict()
    yield 0.0, Finished(stages[-1].key).as_dict()
