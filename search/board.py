"""The state of a sweep: which trial may start now, which waits for whose stage, which has ended and why.

It knows nothing of Ray: trials are handed out by `next_trial`, what happens to them comes back through `happened` and
`ended`. Shared stages, resuming and reuse are all the same thing here: a stage whose key is in the store is done.
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from search.halving import Halving
from search.plan import Plan
from search.strategies import Strategy
from spaces.trial import Trial
from trainables.stages import TrainStage
from trainables.store import Store

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
    not_before: float = 0.0


class Board:
    """One per sweep, in the driver."""

    def __init__(
        self,
        plan: Plan,
        halving: Halving,
        strategy: Strategy,
        store: Store,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.plan = plan
        self.halving = halving
        self.strategy = strategy
        self.store = store
        self.clock = clock
        self.standings: dict[Trial, Standing] = {}
        self.done: set[str] = set()
        self.failed: dict[str, str] = {}
        self.claims: dict[str, Trial] = {}
        self.examples_trained = 0
        self._trials_by_target_stage: dict[str, list[Trial]] = {}
        self._find_done()
        self._add(self.strategy.ask(self._costs()))

    def next_trial(self) -> Trial | None:
        """The trial to start now, marked as running; None when none can.

        A trial whose next stage is under way elsewhere is passed over, so that it holds no device while it waits.
        Of the others the one whose next stage most trials wait for comes first.
        """
        self._add(self.strategy.ask(self._costs()))
        ready = [trial for trial in self.standings if self._ready(trial)]
        if not ready:
            return None
        # Stopped trials that may go on come first among equals: most of their work is done.
        chosen = max(ready, key=lambda trial: (self._waiting_for(trial), trial in self._resumable()))
        self._start(chosen)
        return chosen

    def happened(self, trial: Trial, event: dict[str, Any]) -> bool:
        """Takes an event of a running trial; whether the trial goes on."""
        standing = self.standings[trial]
        match event["kind"]:
            case "evaluated":
                return self._evaluated(trial, event)
            case "stage_done":
                self._stage_done(trial, event)
            case "busy":
                standing.not_before = self.clock() + _ASK_AGAIN_SECONDS
                self._leave(trial, State.WAITING)
            case "failed":
                self.failed[event["stage"]] = event["reason"]
                self._leave(trial, State.FAILED, event["reason"])
                self._fail_followers()
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
        running = any(standing.state is State.RUNNING for standing in self.standings.values())
        return self.strategy.finished and not running and not any(self._could_run(trial) for trial in self.standings)

    def in_state(self, state: State) -> list[Trial]:
        """The trials in a state."""
        return [trial for trial, standing in self.standings.items() if standing.state is state]

    # What the store holds already ------------------------------------------------------------------------------

    def _find_done(self) -> None:
        for key in self.plan.stages:
            record = self.store.record(key)
            if record is not None and "failed" in record:
                self.failed[key] = record["failed"]
            elif record is not None:
                self.done.add(key)

    def _add(self, trials: Iterable[Trial]) -> None:
        added = list(trials)
        for trial in added:
            self.standings[trial] = Standing()
            stage = self.plan.target_stage(trial)
            if stage is not None:
                self._trials_by_target_stage.setdefault(stage.key, []).append(trial)
                record = self.store.record(stage.key) or self.store.snapshot_record(stage.key) or {}
                for point in record.get("history", []):
                    self._record(trial, point)
        for trial in added:
            self._settle(trial)
        if added:
            self._fail_followers()

    def _settle(self, trial: Trial) -> None:
        standing = self.standings[trial]
        standing.reused = {stage.key for stage in self.plan.chains[trial] if stage.key in self.done}
        if self.plan.chains[trial][-1].key in self.done:
            standing.state = State.FINISHED
        elif not self.halving.goes_on(trial):
            self._stop(trial)

    # What may start --------------------------------------------------------------------------------------------

    def _ready(self, trial: Trial) -> bool:
        stage = self._next_stage(trial)
        late = self.standings[trial].not_before <= self.clock()
        return self._could_run(trial) and stage not in self.claims and late

    def _could_run(self, trial: Trial) -> bool:
        state = self.standings[trial].state
        return state is State.WAITING or (state is State.STOPPED and self.halving.goes_on(trial))

    def _resumable(self) -> list[Trial]:
        return self.in_state(State.STOPPED)

    def _next_stage(self, trial: Trial) -> str:
        stages = self.plan.chains[trial]
        return next((stage.key for stage in stages if stage.key not in self.done), stages[-1].key)

    def _waiting_for(self, trial: Trial) -> int:
        stage = self._next_stage(trial)
        return sum(
            self._could_run(other) and any(one.key == stage for one in self.plan.chains[other])
            for other in self.standings
        )

    def _start(self, trial: Trial) -> None:
        self.standings[trial].state = State.RUNNING
        self.standings[trial].reason = ""
        for stage in self.plan.chains[trial]:
            if stage.key not in self.done:
                self.claims.setdefault(stage.key, trial)

    def _costs(self) -> dict[Trial, int]:
        free = self.done | set(self.claims)
        return {trial: self.plan.cost(trial, free) for trial in self.plan.chains}

    # What happens to running trials ----------------------------------------------------------------------------

    def _evaluated(self, trial: Trial, event: dict[str, Any]) -> bool:
        for other in self._trials_by_target_stage.get(event["stage"], []):
            self._record(other, event)
        stage = self.plan.target_stage(trial)
        at_end = event["step"] == event["steps"]  # trained already: scoring it costs little
        if stage is None or stage.key != event["stage"] or at_end or self.halving.goes_on(trial):
            return True
        self._stop(trial)
        return False

    def _record(self, trial: Trial, point: dict[str, Any]) -> None:
        share = point["step"] / point["steps"]
        history = self.standings[trial].history
        if not history or history[-1]["step"] < point["step"]:
            history.append({name: point[name] for name in ("step", "steps", "examples", "loss", "dev")})
            self.halving.record(trial, share, point["dev"])
            self.strategy.tell(trial, share, point["dev"])

    def _stage_done(self, trial: Trial, event: dict[str, Any]) -> None:
        self.done.add(event["stage"])
        self.claims.pop(event["stage"], None)
        standing = self.standings[trial]
        (standing.reused if event["reused"] else standing.computed).add(event["stage"])
        standing.seconds += event["seconds"]
        self.examples_trained += event["examples"]

    def _stop(self, trial: Trial) -> None:
        rung = self.halving.rung_reached(trial)
        share = self.halving.rungs[rung] if rung is not None else 0
        self._leave(trial, State.STOPPED, f"stopped early at rung {share:g} of the target stage")

    def _leave(self, trial: Trial, state: State, reason: str = "") -> None:
        standing = self.standings[trial]
        standing.state, standing.reason = state, reason
        self.claims = {stage: owner for stage, owner in self.claims.items() if owner != trial}

    def _fail_followers(self) -> None:
        for trial, standing in self.standings.items():
            reasons = [self.failed[stage.key] for stage in self.plan.chains[trial] if stage.key in self.failed]
            if reasons and standing.state in {State.WAITING, State.STOPPED}:
                self._leave(trial, State.FAILED, reasons[0])


def trained_by(plan: Plan, store: Store) -> int:
    """Examples that the store's stages and snapshots of a plan were trained on, whenever that was."""
    total = 0
    for key, stage in plan.stages.items():
        if isinstance(stage, TrainStage):
            if store.record(key) is not None:
                total += stage.examples
            else:
                history = (store.snapshot_record(key) or {}).get("history", [])
                total += history[-1]["examples"] if history else 0
    return total
