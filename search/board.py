"""The state of a sweep: which trial may start now, which waits for whose stage, which has ended and why.

It knows nothing of Ray: trials are handed out by `next_trial`, what happens to them comes back through `happened` and
`ended`. Shared stages, resuming and reuse are all the same thing here: a stage whose key is in the store is done.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Container, Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

from search.halving import Halving
from search.plan import Plan
from search.queue import Queue
from search.strategies import Strategy
from spaces.trial import Trial
from trainables.stages import TrainStage

_ASK_AGAIN_SECONDS = 5.0  # how soon a stage that another sweep computes is looked for again
_RESTARTS = 3  # of a trial whose process crashed


class State(StrEnum):
    """Where a trial stands."""

    WAITING = "waiting"
    RUNNING = "running"
    STOPPED = "stopped early"
    FINISHED = "finished"
    FAILED = "failed"


@dataclass
class Standing:
    """A trial's state and what is known of it: `history` of its target stage, `reused` and `computed` stage keys."""

    state: State = State.WAITING
    reason: str = ""
    history: list[dict[str, Any]] = field(default_factory=list)
    reused: set[str] = field(default_factory=set)
    computed: set[str] = field(default_factory=set)
    seconds: float = 0.0
    crashes: int = 0


class Records(Protocol):
    """What a board asks of the store."""

    def record(self, key: str) -> dict[str, Any] | None:
        """What a finished stage reported."""

    def snapshot_record(self, key: str) -> dict[str, Any] | None:
        """What a stage under way had reported by its last snapshot."""


class Board:
    """One per sweep, in the driver. What happens costs time that grows with the logarithm of the trials."""

    def __init__(
        self,
        plan: Plan,
        halving: Halving,
        strategy: Strategy,
        store: Records,
        clock: Callable[[], float] = time.monotonic,
        grace: float | None = None,
    ) -> None:
        """`grace` is the share of an intermediate stage after which English dev must not be below chance."""
        self.plan = plan
        self.halving = halving
        self.strategy = strategy
        self.store = store
        self.standings: dict[Trial, Standing] = {}
        self.done: set[str] = set()
        self.failed: dict[str, str] = {}
        self.given_up: dict[str, str] = {}  # intermediate stages below chance, and what to say of them
        self.claims: dict[str, Trial] = {}
        self.examples_trained = 0
        self._grace = grace
        self._queue = Queue(clock, free=lambda stage: stage not in self.claims)
        self._by_state: dict[State, dict[Trial, None]] = {state: {} for state in State}
        self._claimed: dict[Trial, list[str]] = {}
        self._users: dict[str, list[Trial]] = defaultdict(list)
        self._add(self.strategy.ask(self._cost))

    def next_trial(self) -> Trial | None:
        """The trial to start now, marked as running; None when none can.

        A trial whose next stage is under way elsewhere is passed over, so that it holds no device while it waits.
        Of the others the one whose next stage most trials wait for comes first.
        """
        self._add(self.strategy.ask(self._cost))
        chosen = self._queue.first()
        if chosen is not None:
            self._start(chosen)
        return chosen

    def happened(self, trial: Trial, event: dict[str, Any]) -> bool:
        """Takes an event of a running trial; whether the trial goes on."""
        match event["kind"]:
            case "evaluated":
                return self._evaluated(trial, event)
            case "stage_done":
                self._stage_done(trial, event)
            case "busy":
                self._queue.sleep(event["stage"], _ASK_AGAIN_SECONDS)
                self._leave(trial, State.WAITING)
            case "failed":
                self._leave(trial, State.FAILED, event["reason"])
                self._stage_failed(event["stage"], event["reason"])
            case "finished":
                self._leave(trial, State.FINISHED)
        return True

    def ended(self, trial: Trial) -> None:
        """A trial's process is through with it."""
        if self.standings[trial].state is State.RUNNING:
            self._leave(trial, State.FAILED, "it ended without a result")

    def crashed(self, trial: Trial, reason: str) -> None:
        """A trial's process failed or died; the trial starts again from what the store holds, a few times."""
        standing = self.standings[trial]
        standing.crashes += 1
        if standing.crashes > _RESTARTS:
            self._leave(trial, State.FAILED, f"it crashed {standing.crashes} times, last: {reason}")
        else:
            self._leave(trial, State.WAITING)

    @property
    def over(self) -> bool:
        """Whether nothing runs and nothing is left that could."""
        return self.strategy.finished and not self._by_state[State.RUNNING] and not len(self._queue)

    def in_state(self, state: State) -> list[Trial]:
        """The trials in a state, in the order in which they came to it."""
        return list(self._by_state[state])

    def count(self, state: State) -> int:
        """How many trials are in a state."""
        return len(self._by_state[state])

    # Trials and what the store holds of them ---------------------------------------------------------------------

    def _add(self, trials: Iterable[Trial]) -> None:
        added = [trial for trial in trials if trial not in self.standings]
        for trial in added:
            self.standings[trial] = Standing()
            self._by_state[State.WAITING][trial] = None
            for stage in self.plan.add(trial):
                if stage.key not in self._users:
                    self._look_up(stage.key)
                self._users[stage.key].append(trial)
            self._take_history(trial)
        for trial in added:
            self._settle(trial)

    def _look_up(self, stage: str) -> None:
        record = self.store.record(stage)
        if record is not None and "failed" in record:
            self.failed[stage] = record["failed"]
        elif record is not None:
            self.done.add(stage)
        for point in (record or self.store.snapshot_record(stage) or {}).get("history", []):
            self._judge(stage, point)

    def _take_history(self, trial: Trial) -> None:
        stage = self.plan.target_stage(trial)
        if stage is not None:
            record = self.store.record(stage.key)
            for point in (record or self.store.snapshot_record(stage.key) or {}).get("history", []):
                self._record(trial, point)
            if record is not None:
                self._record_end(trial)

    def _settle(self, trial: Trial) -> None:
        """Where a trial stands by what the store holds already."""
        stages = [stage.key for stage in self.plan.chains[trial]]
        self.standings[trial].reused = {stage for stage in stages if stage in self.done}
        reason = next((self.failed[stage] for stage in stages if stage in self.failed), self._hopeless(trial))
        if stages[-1] in self.done:
            self._move(trial, State.FINISHED)
        elif reason is not None:
            self._move(trial, State.FAILED, reason)
        elif not self.halving.goes_on(trial):
            self._stop(trial)
        else:
            self._move(trial, State.WAITING)

    def _cost(self, trial: Trial) -> int:
        self.plan.add(trial)
        return self.plan.cost(trial, _Either(self.done, self.claims))

    # What happens to running trials ------------------------------------------------------------------------------

    def _start(self, trial: Trial) -> None:
        self._move(trial, State.RUNNING)
        mine = [stage for stage in self._left(trial) if stage not in self.claims]
        self.claims.update(dict.fromkeys(mine, trial))
        self._claimed[trial] = mine

    def _evaluated(self, trial: Trial, event: dict[str, Any]) -> bool:
        # One trial's intermediate stage may be what another trains for its target (SQuAD).
        for other in self._users[event["stage"]]:
            if self._trains_target(other, event["stage"]):
                self._record(other, event)
        self._judge(event["stage"], event)
        if event["stage"] in self.given_up:
            self._give_up(event["stage"])
            return self.standings[trial].state is State.RUNNING
        at_end = event["step"] == event["steps"]  # trained already: scoring it costs little
        if at_end or not self._trains_target(trial, event["stage"]) or self.halving.goes_on(trial):
            return True
        self._stop(trial)
        return False

    def _judge(self, stage: str, point: dict[str, Any]) -> None:
        """Whether English dev of a stage under way is below chance beyond doubt, though its grace is over."""
        share = point["step"] / point["steps"]
        highest = point["dev"] + 1.645 * point.get("error", 0.0)  # one-sided, at 95%
        if self._grace is not None and share >= self._grace and highest < point.get("chance", 0.0):
            task = self.plan.stages[stage].task
            self.given_up[stage] = f"{task} is below chance on English dev after {share:.0%} of its training"

    def _hopeless(self, trial: Trial) -> str | None:
        """Why a trial is given up: one of its intermediate stages is; a target may be as bad as it is."""
        intermediate = (stage.key for stage in self.plan.chains[trial] if not self._trains_target(trial, stage.key))
        return next((self.given_up[stage] for stage in intermediate if stage in self.given_up), None)

    def _give_up(self, stage: str) -> None:
        for trial in self._users[stage]:
            reason = self._hopeless(trial)
            if reason is not None and self.standings[trial].state not in {State.FINISHED, State.FAILED}:
                self._leave(trial, State.FAILED, reason)

    def _trains_target(self, trial: Trial, stage: str) -> bool:
        own = self.plan.target_stage(trial)
        return own is not None and own.key == stage

    def _record(self, trial: Trial, point: dict[str, Any]) -> None:
        share = point["step"] / point["steps"]
        history = self.standings[trial].history
        if not history or history[-1]["step"] < point["step"]:
            history.append({name: point[name] for name in ("step", "steps", "examples", "loss", "dev")})
            self._tell(trial, share, point["dev"])

    def _tell(self, trial: Trial, share: float, dev: float) -> None:
        self.strategy.tell(trial, share, dev)
        for other in self.halving.record(trial, share, dev):
            if other in self.standings and self.standings[other].state is State.STOPPED:
                self._queue_or_not(other)

    def _record_end(self, trial: Trial) -> None:
        """The target stage is done; where patience ended it, its last result stands for the rest."""
        history = self.standings[trial].history
        if history and history[-1]["step"] < history[-1]["steps"]:
            self._tell(trial, 1.0, history[-1]["dev"])

    def _stage_done(self, trial: Trial, event: dict[str, Any]) -> None:
        stage = event["stage"]
        self.done.add(stage)
        for other in self._users[stage]:
            if self._trains_target(other, stage):
                self._record_end(other)
        self.claims.pop(stage, None)
        self._queue.move(stage, self._next_stage)
        standing = self.standings[trial]
        (standing.reused if event["reused"] else standing.computed).add(stage)
        standing.seconds += event["seconds"]
        self.examples_trained += event["examples"]

    def _stage_failed(self, stage: str, reason: str) -> None:
        self.failed[stage] = reason
        for trial in self._users[stage]:
            if self.standings[trial].state in {State.WAITING, State.STOPPED}:
                self._leave(trial, State.FAILED, reason)

    def _stop(self, trial: Trial) -> None:
        rung = self.halving.rung_reached(trial)
        share = self.halving.rungs[rung] if rung is not None else 0
        self._leave(trial, State.STOPPED, f"stopped early at rung {share:g} of the target stage")

    def _leave(self, trial: Trial, state: State, reason: str = "") -> None:
        """A trial gives away what it claimed."""
        self._move(trial, state, reason)
        for stage in self._claimed.pop(trial, ()):
            if self.claims.get(stage) == trial:
                del self.claims[stage]
                self._queue.look_at(stage)

    # Who could run -----------------------------------------------------------------------------------------------

    def _move(self, trial: Trial, state: State, reason: str = "") -> None:
        standing = self.standings[trial]
        del self._by_state[standing.state][trial]
        self._by_state[state][trial] = None
        standing.state, standing.reason = state, reason
        self._queue_or_not(trial)

    def _queue_or_not(self, trial: Trial) -> None:
        state = self.standings[trial].state
        stopped = state is State.STOPPED
        able = state is State.WAITING or (stopped and self.halving.goes_on(trial))
        if able and trial not in self._queue:
            self._queue.add(trial, self._left(trial), self._next_stage(trial), begun=stopped)
        elif not able:
            self._queue.remove(trial)

    def _left(self, trial: Trial) -> list[str]:
        return [stage.key for stage in self.plan.chains[trial] if stage.key not in self.done]

    def _next_stage(self, trial: Trial) -> str:
        stages = self.plan.chains[trial]
        return next((stage.key for stage in stages if stage.key not in self.done), stages[-1].key)


@dataclass(frozen=True)
class _Either:
    """What is in one of two collections."""

    one: Container[str]
    other: Container[str]

    def __contains__(self, stage: object) -> bool:
        return stage in self.one or stage in self.other


def trained_by(plan: Plan, store: Records) -> int:
    """Examples that the store's stages and snapshots of a plan were trained on, whenever that was."""
    total = 0
    for key, stage in plan.stages.items():
        if isinstance(stage, TrainStage):
            record = store.record(key)
            if record is not None:
                total += record.get("examples", 0)
            else:
                history = (store.snapshot_record(key) or {}).get("history", [])
                total += history[-1]["examples"] if history else 0
    return total
