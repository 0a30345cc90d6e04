"""The state of a sweep: which trial may start now, which waits for whose stage, which has ended and why.

It knows nothing of Ray: trials are handed out by `next_trial`, what happens to them comes back through `happened` and
`ended`. Shared stages, resuming and reuse are all the same thing here: a stage whose key is in the store is done.
"""

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

from search.costs import Costs, work_of
from search.halving import Halving
from search.journal import Journal
from search.plan import Plan
from search.queue import Queue, Rank
from search.strategies import Outcome, Strategy
from spaces.budget import Budget
from spaces.trial import Trial
from trainables.doubt import beyond_doubt
from trainables.stages import Stage, TrainStage

_ASK_AGAIN_SECONDS = 5.0  # how soon a stage that another sweep computes is looked for again
_RESTARTS = 3  # of a trial whose process crashed
_MOVES = 20  # of a trial whose machine was lost: that it has no part in, but something may be wrong for all that


class State(StrEnum):
    """Where a trial stands."""

    WAITING = "waiting"
    RUNNING = "running"
    STOPPED = Outcome.STOPPED.value
    FINISHED = Outcome.FINISHED.value
    FAILED = Outcome.FAILED.value
    NOT_RUN = "not run"


_OUTCOMES = frozenset(State(outcome.value) for outcome in Outcome)


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
    moves: int = 0


class Records(Protocol):
    """What a board asks of the store."""

    def record(self, key: str) -> dict[str, Any] | None:
        """What a finished stage reported."""

    def snapshot_record(self, key: str) -> dict[str, Any] | None:
        """What a stage under way had reported by its last snapshot."""


class Board:
    """One per sweep, in the driver. What happens costs time that grows with the logarithm of the trials.

    `plan` is empty at first: it gets the trials that the strategy gives, after those of the journal. `trained_before`
    are the examples that their stages had been trained on when the board first saw them.
    """

    def __init__(
        self,
        plan: Plan,
        halving: Halving,
        strategy: Strategy,
        store: Records,
        clock: Callable[[], float] = time.monotonic,
        budget: Budget | None = None,
        journal: Journal | None = None,
        grace: float | None = None,
    ) -> None:
        """`grace` is the share of an intermediate stage after which English dev must not be below chance."""
        self.plan = plan
        self.halving = halving
        self.strategy = strategy
        self.store = store
        self.budget = budget
        self.journal = journal or Journal()
        self.standings: dict[Trial, Standing] = {}
        self.done: set[str] = set()
        self.failed: dict[str, str] = {}
        self.given_up: dict[str, str] = {}  # intermediate stages below chance, and what to say of them
        self.claims: dict[str, Trial] = {}
        self.examples_trained = 0
        self.trained_before = 0
        self._grace = grace
        self._clock = clock
        self._since: dict[Trial, float] = {}  # until when the journal knows of a running trial's time
        self.costs = Costs()
        self._targets: dict[str, int] = {}  # in the order in which trials brought them
        self._ahead: dict[str, float] = defaultdict(float)  # work of the longest way from a stage's start to an end
        self._order: dict[str, tuple[int, int]] = {}  # of stages: by target, then as trials brought them
        self._rungs: Counter[str] = Counter()  # that target stages have passed
        self._queue = Queue(clock, free=lambda stage: stage not in self.claims, rank=self._rank)
        self._by_state: dict[State, dict[Trial, None]] = {state: {} for state in State}
        self._claimed: dict[Trial, list[str]] = {}
        self._users: dict[str, list[Trial]] = defaultdict(list)
        self._interrupted = [trial for trial in self.journal.trials if trial.id in self.journal.running]
        self._add(self.journal.trials)
        self._fill()

    def next_trial(self) -> Trial | None:
        """The trial to start now, marked as running; None when none can.

        A trial whose next stage is under way elsewhere is passed over, so that it holds no device while it waits.
        Of the others the one whose next stage most trials wait for comes first, after those that ran when the sweep
        was killed.
        """
        self._fill()
        chosen = self._interrupted_one() or self._queue.first()
        if chosen is not None:
            self._start(chosen)
        return chosen

    def happened(self, trial: Trial, event: dict[str, Any]) -> bool:
        """Takes an event of a running trial; whether the trial goes on."""
        match event["kind"]:
            case "evaluated":
                self._note_time(trial)
                return self._evaluated(trial, event)
            case "stage_done":
                self._note_time(trial)
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

    def crashed(self, trial: Trial, reason: str, machine_lost: bool = False) -> None:
        """A trial's process failed or died; the trial starts again from what the store holds, a few times.

        Many times where its whole machine was lost, as spot machines are: it had no part in that.
        """
        standing = self.standings[trial]
        standing.crashes += not machine_lost
        standing.moves += machine_lost
        if standing.crashes > _RESTARTS or standing.moves > _MOVES:
            self._leave(trial, State.FAILED, f"it crashed {standing.crashes + standing.moves} times, last: {reason}")
        else:
            self._leave(trial, State.WAITING)

    def claimed_by(self, trial: Trial) -> list[str]:
        """The stages that a running trial is to compute, in order."""
        return list(self._claimed.get(trial, ()))

    def could_use(self) -> int:
        """How many devices the sweep could use now: one for each trial that runs or could start.

        A strategy that has more to give is taken to fill as many again; it gives them as devices come free.
        """
        running, able = self.count(State.RUNNING), self._queue.could_start()
        if not able and self._wants_more():
            able = max(1, running)
        return running + able

    def note_times(self) -> None:
        """Writes down for how long running trials have held their devices, for a sweep that is about to be stopped."""
        for trial in self._by_state[State.RUNNING]:
            self._note_time(trial)

    @property
    def over(self) -> bool:
        """Whether nothing runs and nothing is left that could."""
        if self._by_state[State.RUNNING] or len(self._queue):
            return False
        return self.strategy.finished or bool(self._time_spent() or self._trials_spent())

    @property
    def device_hours(self) -> float:
        """For how long trials have held a device, over all runs of the sweep."""
        running = sum(self._clock() - since for since in self._since.values())
        return (self.journal.seconds + running) / 3600

    def in_state(self, state: State) -> list[Trial]:
        """The trials in a state, in the order in which they came to it."""
        return list(self._by_state[state])

    def count(self, state: State) -> int:
        """How many trials are in a state."""
        return len(self._by_state[state])

    # What the strategy gives, and what may be spent --------------------------------------------------------------

    def _fill(self) -> None:
        """Ends what there is no budget for, then asks for trials until one can start or the strategy has none."""
        self._end_what_is_spent()
        while self._queue.first() is None and self._wants_more():
            asked = self.strategy.ask(self._cost)
            if not asked:
                return
            self._add(asked)

    def _wants_more(self) -> bool:
        if self.strategy.finished or self._time_spent():
            return False
        # Those that wait for another's stage could start soon: no more than run, or choices were made ahead of results.
        waiting = sum(self._costs(trial) for trial in self._by_state[State.WAITING])
        return waiting <= len(self._by_state[State.RUNNING]) and not self._trials_spent(waiting)

    def _end_what_is_spent(self) -> None:
        time_spent = self._time_spent()
        spent = time_spent or self._trials_spent()
        if not spent:
            return
        for trial in self.in_state(State.WAITING):
            if time_spent or self._costs(trial):
                self._leave(trial, State.NOT_RUN, f"not run: {spent}")
        for trial in self.in_state(State.STOPPED):  # which may have been about to go on
            if trial in self._queue and (time_spent or self._costs(trial)):
                self._queue.remove(trial)

    def _time_spent(self) -> str:
        return self.budget.time_spent(self.device_hours) if self.budget else ""

    def _trials_spent(self, waiting: int = 0) -> str:
        return self.budget.trials_spent(len(self.journal.counted) + waiting) if self.budget else ""

    def _costs(self, trial: Trial) -> bool:
        """Whether a budget of trials has to pay for the trial: it is not counted yet, and trains something."""
        return trial.id not in self.journal.counted and self._cost(trial) > 0

    def _cost(self, trial: Trial) -> int:
        return self.plan.cost(trial, _Either(self.done, self.claims))

    # Trials and what the store holds of them ---------------------------------------------------------------------

    def _add(self, trials: Iterable[Trial]) -> None:
        added = [trial for trial in trials if trial not in self.standings]
        self.journal.given(added)
        for trial in added:
            self.standings[trial] = Standing()
            self._by_state[State.WAITING][trial] = None
            chain = self.plan.add(trial)
            for index, stage in enumerate(chain):
                self._ahead[stage.key] = max(self._ahead[stage.key], work_of(chain[index:]))
                if stage.key not in self._users:
                    target = self._targets.setdefault(trial.target, len(self._targets))
                    self._order[stage.key] = (target, len(self._order))
                    self._look_up(stage.key)
                self._users[stage.key].append(trial)
        changed = {other for trial in added for other in self._take_history(trial)}
        for trial in added:
            self._settle(trial)
        self._reconsider(changed - set(added))

    def _look_up(self, stage: str) -> None:
        record = self.store.record(stage)
        if record is not None and "failed" in record:
            self.failed[stage] = record["failed"]
        elif record is not None:
            self.done.add(stage)
        if isinstance(self.plan.stages[stage], TrainStage):  # of a test set not even the time is looked at
            self.costs.learn(self.plan.stages[stage], (record or {}).get("seconds", 0.0))
            for point in (record or self.store.snapshot_record(stage) or {}).get("history", []):
                self._judge(stage, point)
        self.trained_before += trained_on(self.plan.stages[stage], self.store)

    def _take_history(self, trial: Trial) -> Iterator[Trial]:
        stage = self.plan.target_stage(trial)
        if stage is not None:
            record = self.store.record(stage.key) or self.store.snapshot_record(stage.key) or {}
            for point in record.get("history", []):
                yield from self._record(trial, point)
            if stage.key in self.done:
                yield from self._record_end(trial)

    def _settle(self, trial: Trial) -> None:
        """Where a trial stands by what the store holds already."""
        stages = [stage.key for stage in self.plan.chains[trial]]
        self.standings[trial].reused = {stage for stage in stages if stage in self.done}
        reason = next((self.failed[stage] for stage in stages if stage in self.failed), self._hopeless(trial))
        if stages[-1] in self.done:
            self._move(trial, State.FINISHED)
        elif reason is not None:
            self._move(trial, State.FAILED, reason)
        elif self._outdone(trial):
            self._stop(trial)
        else:
            self._move(trial, State.WAITING)

    # What happens to running trials ------------------------------------------------------------------------------

    def _interrupted_one(self) -> Trial | None:
        """A trial that ran when the sweep was killed: first, so that the sweep goes on as it would have."""
        while self._interrupted:
            trial = self._interrupted.pop(0)
            if self.standings[trial].state is State.WAITING:
                return trial
        return None

    def _start(self, trial: Trial) -> None:
        self.journal.started(trial, counts=self._costs(trial))
        self._since[trial] = self._clock()
        self._move(trial, State.RUNNING)
        mine = [stage for stage in self._left(trial) if stage not in self.claims]
        self.claims.update(dict.fromkeys(mine, trial))
        self._claimed[trial] = mine

    def _note_time(self, trial: Trial) -> None:
        if trial in self._since:
            now = self._clock()
            self.journal.held(trial, now - self._since[trial])
            self._since[trial] = now

    def _evaluated(self, trial: Trial, event: dict[str, Any]) -> bool:
        stage = event["stage"]
        passed_before = self._rungs[stage]
        # One trial's intermediate stage may be what another trains for its target (SQuAD).
        for other in self._users[stage]:
            if self._trains_target(other, stage):
                self._reconsider(self._record(other, event))
        self._judge(stage, event)
        if stage in self.given_up:
            self._give_up(stage)
        elif self._trains_target(trial, stage):
            if self._outdone(trial):
                self._stop(trial)
            elif passed_before < self._rungs[stage] and self._gives_way(stage, event):
                self._leave(trial, State.WAITING)
        return self.standings[trial].state is State.RUNNING

    def _gives_way(self, stage: str, event: dict[str, Any]) -> bool:
        """Whether a trial at a rung lets others train first that have to come there anyway: they may outdo it."""
        return event["step"] < event["steps"] and self._queue.prefers_another(stage)

    def _trains_target(self, trial: Trial, stage: str) -> bool:
        own = self.plan.target_stage(trial)
        return own is not None and own.key == stage

    def _record(self, trial: Trial, point: dict[str, Any]) -> set[Trial]:
        """Takes a result; the trials that may now go on, or no longer."""
        history = self.standings[trial].history
        if history and history[-1]["step"] >= point["step"]:
            return set()
        history.append({name: point[name] for name in ("step", "steps", "examples", "loss", "dev")})
        return self._tell(trial, _share(point), point["dev"])

    def _record_end(self, trial: Trial) -> set[Trial]:
        """The target stage is done; where patience ended it, its last result stands for the rest."""
        history = self.standings[trial].history
        if not history or history[-1]["step"] == history[-1]["steps"]:
            return set()
        return self._tell(trial, 1.0, history[-1]["dev"])

    def _tell(self, trial: Trial, share: float, dev: float) -> set[Trial]:
        stage = self.plan.target_stage(trial)
        if stage is not None:
            self._rungs[stage.key] = self.halving.rungs_passed(share)
        self.strategy.tell(trial, share, dev)
        return {trial} | self.halving.record(trial, share, dev)

    def _judge(self, stage: str, point: dict[str, Any]) -> None:
        """Whether English dev of a stage under way is below chance beyond doubt, though its grace is over."""
        below = beyond_doubt(point.get("chance", 0.0) - point["dev"], point.get("error", 0.0))
        if self._grace is not None and _share(point) >= self._grace and below:
            task, part = self.plan.stages[stage].task, point["step"] / point["steps"]
            self.given_up[stage] = f"{task} is below chance on English dev after {part:.0%} of its training"

    def _hopeless(self, trial: Trial) -> str | None:
        """Why a trial is given up: one of its intermediate stages is; a target may be as bad as it is."""
        intermediate = (stage.key for stage in self.plan.chains[trial] if not self._trains_target(trial, stage.key))
        return next((self.given_up[stage] for stage in intermediate if stage in self.given_up), None)

    def _give_up(self, stage: str) -> None:
        for trial in self._users[stage]:
            reason = self._hopeless(trial)
            if reason is not None and self.standings[trial].state not in {State.FINISHED, State.FAILED}:
                self._leave(trial, State.FAILED, reason)

    def _reconsider(self, trials: set[Trial]) -> None:
        """Those that do not run may have been outdone, or lifted, by a result that became known."""
        for trial in sorted(trials):
            state = self.standings[trial].state
            if state is State.WAITING and self._outdone(trial):  # by what another trial trained for it
                self._stop(trial)
            elif state is State.STOPPED:
                self._queue_or_not(trial)

    def _outdone(self, trial: Trial) -> bool:
        """Whether a trial is to train no further; one that has trained already is scored, which costs little."""
        stage = self.plan.target_stage(trial)
        history = self.standings[trial].history
        at_end = bool(history) and history[-1]["step"] == history[-1]["steps"]
        trained = at_end or (stage is not None and stage.key in self.done)
        return not trained and not self.halving.goes_on(trial)

    def _stage_done(self, trial: Trial, event: dict[str, Any]) -> None:
        stage = event["stage"]
        self.done.add(stage)
        if not event["reused"]:
            self.costs.learn(self.plan.stages[stage], event["seconds"])
        self.claims.pop(stage, None)
        for other in self._users[stage]:
            if self._trains_target(other, stage):
                self._reconsider(self._record_end(other))
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
        """A trial gives away its device and what it claimed."""
        self._note_time(trial)
        if self._since.pop(trial, None) is not None:
            self.journal.left(trial)
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
        if state in _OUTCOMES:
            self.strategy.ended(trial, Outcome(state), reason)

    def _rank(self, stage: str) -> Rank:
        """Who comes first among equals: target by target, its lower rungs first, the longest way of these."""
        target, order = self._order[stage]
        return target, self._rungs[stage], -self._ahead[stage], order

    def _queue_or_not(self, trial: Trial) -> None:
        state = self.standings[trial].state
        able = state is State.WAITING or (state is State.STOPPED and not self._outdone(trial))
        if able and trial not in self._queue:
            self._queue.add(trial, self._left(trial), self._next_stage(trial))
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


def _share(point: Mapping[str, Any]) -> float:
    """How much of a stage is over; as stages are evaluated at the whole step that is nearest, half a step counts."""
    return min(1.0, (point["step"] + 0.5) / point["steps"])


def trained_by(plan: Plan, store: Records) -> int:
    """Examples that the store's stages and snapshots of a plan were trained on, whenever that was."""
    return sum(trained_on(stage, store) for stage in plan.stages.values())


def trained_on(stage: Stage, store: Records) -> int:
    """Examples that a stage was trained on by what the store holds of it."""
    if not isinstance(stage, TrainStage):
        return 0
    record = store.record(stage.key) or store.snapshot_record(stage.key) or {}
    return int(record.get("examples", 0))  # fewer than planned where patience ended it
