"""Runs a board's trials on Ray Tune: the board decides, Tune schedules, places and restarts."""

import logging
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from search.on_ray import ReadyRay  # before Ray: it sets what Ray reads when it is imported  # isort: skip
from ray import tune
from ray.tune import Callback, CheckpointConfig, FailureConfig, ResultGrid, RunConfig, TuneConfig, Tuner
from ray.tune.experiment import Trial as TuneTrial
from ray.tune.result import HOSTNAME, PID
from ray.tune.schedulers import FIFOScheduler, TrialScheduler
from ray.tune.search import Searcher

from search.board import Board, State
from spaces.trial import Trial
from trainables.events import LAST_EVENTS
from trainables.stages import as_plain

logger = logging.getLogger(__name__)
OnEvent = Callable[[Trial | None, dict[str, Any] | None], None]
_MACHINE_LOST = ("its node has died", "is temporarily unavailable")  # Ray's words once it knows, and until then


def run_board(board: Board, ray: ReadyRay, on_event: OnEvent) -> None:
    """Runs until the board is over. `on_event` is called in this process with (trial, event), and with (None, None)
    now and then while nothing happens.

    Once `ray.stopping` says so, running trials end as soon as they have told something, which leaves a snapshot, and
    `KeyboardInterrupt` is raised.
    """
    bridge = _Bridge(board, ray, on_event)
    trainable = tune.with_resources(
        tune.with_parameters(ray.trainable, job=ray.job), {"cpu": ray.resources.cpus, "gpu": ray.resources.gpus}
    )
    with tempfile.TemporaryDirectory(prefix="stopover-tune-") as scratch:  # the store remembers, Tune need not
        tuner = Tuner(
            trainable,
            tune_config=TuneConfig(
                search_alg=_Suggester(bridge),
                scheduler=_Scheduler(bridge),
                num_samples=-1,
                reuse_actors=True,
                trial_dirname_creator=lambda trial: trial.trial_id,  # Tune would make a name of all that is in config
            ),
            run_config=RunConfig(
                name="sweep",
                storage_path=scratch,
                verbose=0,
                failure_config=FailureConfig(max_failures=0),  # the board starts crashed trials again
                checkpoint_config=CheckpointConfig(checkpoint_at_end=False),  # other machines do not see the folder
                callbacks=[_Watch(bridge)],
            ),
        )
        _fit_quietly(tuner)
    if ray.stopping():
        raise KeyboardInterrupt


def _fit_quietly(tuner: Tuner) -> ResultGrid:
    # Tune warns of failed trials in many lines; the board keeps each reason.
    logger = logging.getLogger("ray.tune")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        return tuner.fit()
    finally:
        logger.setLevel(level)


class _Bridge:
    """Which Tune trial runs which of the board's."""

    def __init__(self, board: Board, ray: ReadyRay, on_event: OnEvent) -> None:
        self.board = board
        self.store = ray.store
        self.places = ray.places
        self.stopping = ray.stopping
        self.on_event = on_event
        self.trials: dict[str, Trial] = {}
        self.processes: dict[str, tuple[str, int]] = {}  # host and number of the process that told of a trial last

    def __getstate__(self) -> dict[str, Any]:
        # Tune pickles searcher and scheduler for its own restore, which is not used: the store remembers.
        return {}

    def event(self, tune_id: str, event: dict[str, Any]) -> bool:
        trial = self.trials[tune_id]
        goes_on = self.board.happened(trial, event)
        self.on_event(trial, event)
        return goes_on

    def ended(self, tune_id: str) -> None:
        trial = self.trials[tune_id]
        if self.stopping():  # what it has not told yet it tells when the sweep goes on
            return
        self.board.ended(trial)
        self.on_event(trial, None)

    def crashed(self, tune_id: str, reason: str, machine_lost: bool) -> None:
        trial = self.trials[tune_id]
        if tune_id in self.processes:  # another machine would wait for the dead one's leases to expire
            for stage in self.board.claimed_by(trial):
                self.store.revoke_lease(stage, *self.processes[tune_id])
        self.board.crashed(trial, reason, machine_lost)
        if self.board.standings[trial].state is State.WAITING:
            logger.warning("%s: %s; it goes on from its last snapshot", trial.id, reason)
        self.on_event(trial, None)


class _Suggester(Searcher):
    """Hands the board's next trial to Tune; None makes Tune ask again later."""

    def __init__(self, bridge: _Bridge) -> None:
        super().__init__()
        self._bridge = bridge

    def suggest(self, trial_id: str) -> dict[str, Any] | None:
        board = self._bridge.board
        if board.over or self._bridge.stopping():
            return Searcher.FINISHED  # type: ignore[return-value]
        # Tune asks ahead; a trial handed out before a device is free would hold its claims for nothing.
        full = board.count(State.RUNNING) >= self._bridge.places()
        trial = None if full else board.next_trial()
        if trial is None:
            return None
        self._bridge.trials[trial_id] = trial
        return {"trial": trial.id, "stages": [as_plain(stage) for stage in board.plan.chains[trial]]}

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        # Tune passes a trial's last result here only, not to the scheduler.
        last = _event(result or {})
        if last.get("kind") in LAST_EVENTS:
            self._bridge.event(trial_id, last)
        if not error:  # `_Watch` hears of errors, with their reason
            self._bridge.ended(trial_id)

    # Tune saves a searcher's state for restoring; the store does that here.
    def save(self, checkpoint_path: str) -> None:
        pass

    def restore(self, checkpoint_path: str) -> None:
        pass


class _Scheduler(FIFOScheduler):
    """Passes events to the board and stops the trials that it pauses."""

    def __init__(self, bridge: _Bridge) -> None:
        super().__init__()
        self._bridge = bridge

    def on_trial_result(self, tune_controller: Any, trial: TuneTrial, result: dict[str, Any]) -> str:
        self._bridge.processes[trial.trial_id] = result[HOSTNAME], result[PID]
        goes_on = self._bridge.event(trial.trial_id, _event(result)) and not self._bridge.stopping()
        return TrialScheduler.CONTINUE if goes_on else TrialScheduler.STOP


def _event(result: dict[str, Any]) -> dict[str, Any]:
    """The event in a result, with what the process takes of the machine as `system`; Tune hands results over flat:
    event/kind, event/stage ..., system/memory_gb ..."""
    event = _under("event/", result)
    return event | {"system": _under("system/", result)} if event else {}


def _under(prefix: str, result: dict[str, Any]) -> dict[str, Any]:
    return {name.removeprefix(prefix): value for name, value in result.items() if name.startswith(prefix)}


class _Watch(Callback):
    """Hears of crashes, and lets the live table tick while nothing happens."""

    def __init__(self, bridge: _Bridge) -> None:
        self._bridge = bridge

    def on_trial_error(self, iteration: int, trials: list[TuneTrial], trial: TuneTrial, **info: Any) -> None:
        self._bridge.crashed(trial.trial_id, *_crash_reason(trial))

    def on_step_end(self, iteration: int, trials: list[TuneTrial], **info: Any) -> None:
        self._bridge.on_event(None, None)


def _crash_reason(trial: TuneTrial) -> tuple[str, bool]:
    """One line of what Tune wrote down of a crash, and whether the trial's machine was lost."""
    text = Path(trial.error_file).read_text(errors="replace") if trial.error_file else ""
    if any(words in text for words in _MACHINE_LOST):
        return "its machine was lost", True
    if "creation task" not in text and ("actor died" in text or "actor is dead" in text):
        return "its worker process died (killed, out of memory, or a crash in native code)", False
    return text.strip().rpartition("\n")[2] or "no reason is known", False
