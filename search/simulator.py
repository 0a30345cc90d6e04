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
from search.journal import Journal
from search.plan import Plan
from search.strategies import Strategy
from spaces.budget import Budget
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


class SimulatedStore:
    """What simulated trials have computed, on top of what another store holds.

    A sweep that is simulated again with the same one (and the same journal) goes on, as a real one does.
    """

    def __init__(self, held: Records | None = None) -> None:
        self._held = held
        self._done: dict[str, dict[str, Any]] = {}
        self._under_way: dict[str, dict[str, Any]] = {}

    def record(self, key: str) -> dict[str, Any] | None:
        return self._done.get(key) or (self._held.record(key) if self._held else None)

    def snapshot_record(self, key: str) -> dict[str, Any] | None:
        return self._under_way.get(key) or (self._held.snapshot_record(key) if self._held else None)

    def take(self, event: dict[str, Any]) -> None:
        """Keeps what an event tells of its stage."""
        stage = event["stage"]
        if event["kind"] == Evaluated.kind:
            history = self._under_way.get(stage, {"history": []})["history"]
            self._under_way[stage] = {"history": [*history, event], "examples": event["examples"]}
        elif event["kind"] == StageDone.kind:
            self._done[stage] = self._under_way.pop(stage, {"history": []})


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
    store: SimulatedStore | None = None,
    budget: Budget | None = None,
    journal: Journal | None = None,
) -> Simulated:
    """Plays a sweep to its end on so many devices; each training stage is evaluated at even parts.

    `plan` makes the chains. What `store` holds already costs nothing.
    """
    now = 0.0
    store = store or SimulatedStore()
    board = Board(plan.emptied(), halving, strategy, store, lambda: now, budget, journal)
    result = Simulated(board)
    due: list[tuple[float, int, _Running]] = []
    arrivals = count()

    def go_on(running: _Running) -> None:
        took, running.waits_for = next(running.course)
        result.device_seconds += took
        heappush(due, (now + took, next(arrivals), running))

    while True:
        while len(due) < devices and (trial := board.next_trial()) is not None:
            go_on(_Running(trial, _course(trial, board, store, seconds, dev, evaluations)))
        if not due:
            break
        now, _, running = heappop(due)
        event = running.waits_for
        store.take(event)
        goes_on = board.happened(running.trial, event)
        if event["kind"] == Finished.kind:
            board.ended(running.trial)
        elif goes_on:
            go_on(running)
    result.seconds = now
    return result


def _course(
    trial: Trial, board: Board, store: SimulatedStore, seconds: Seconds, dev: DevScore, evaluations: int
) -> Iterator[tuple[float, dict[str, Any]]]:
    """What a trial does: seconds until each event, and the event."""
    stages = board.plan.chains[trial]
    target = board.plan.target_stage(trial)
    for stage in stages:
        if stage.key in board.done:
            continue
        took = seconds(stage)
        if isinstance(stage, TrainStage):
            for step in range(_passed(stage, store, evaluations) + 1, evaluations + 1):
                share = step / evaluations
                score = dev(trial, share) if target is not None and stage.key == target.key else 0.0
                event = Evaluated(stage.key, step, evaluations, stage.examples_by(step, evaluations), 0.0, score)
                yield took / evaluations, event.as_dict()
        examples = stage.examples if isinstance(stage, TrainStage) else 0
        rest = 0.0 if isinstance(stage, TrainStage) else took
        yield rest, StageDone(stage.key, reused=False, examples=examples, seconds=took).as_dict()
    yield 0.0, Finished(stages[-1].key).as_dict()


def _passed(stage: TrainStage, store: SimulatedStore, evaluations: int) -> int:
    """How many evaluations a stage has passed, where it is under way."""
    history = (store.snapshot_record(stage.key) or {}).get("history", [])
    return int(evaluations * history[-1]["step"] / history[-1]["steps"]) if history else 0
