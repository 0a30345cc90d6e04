"""A trial as a Ray Tune `Trainable`: one step is one event. The only file of this floor that imports Ray.

Actors are reused: a process keeps its workbench (encoder, tokenizer, data) and runs trial after trial. Ray's own
checkpoints are not used; a trial that starts again goes on from what the store holds.
"""

import faulthandler
import os
import platform
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ray import tune

from spaces import UserError
from trainables.events import LAST_EVENTS, Event
from trainables.stages import from_plain

if TYPE_CHECKING:
    from trainables.workbench import Workbench


@dataclass(frozen=True)
class Job:
    """What all trials of a sweep share; sent to each worker process once.

    `model` is a folder that every machine has, or the key of one in the store (`trainables.model_in_store`). `cache`
    is where machines keep what they can make again, unless their environment names another folder. `versions` are
    what they have to have installed (None: all is one installation). A process from which no event comes for
    `hang_seconds` is ended. `devices` is how many devices a trial has, or what part of one.
    """

    source: str
    mirror: Path | None
    test_splits: Mapping[str, str]
    model: Path | str
    store: str
    cache: Path
    hang_seconds: float = 3600.0
    devices: float = 1.0
    versions: dict[str, str] | None = None


class TrialTrainable(tune.Trainable):
    """Runs the stages of a trial, which `config["stages"]` holds as plain data.

    Each result carries one event (`trainables.events`) as `event`, and what the process takes of the machine as
    `system` (`trainables.system_load`); `done` ends the trial.
    """

    def setup(self, config: dict[str, Any], job: Job) -> None:  # type: ignore[override]
        # Tokenizers would start a thread per core beside the trial's one.
        os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
        from trainables.system_load import Load

        self.bench = workbench_for(job)
        self._hang_seconds = job.hang_seconds
        self._load = Load(self.bench.device)
        self._begin(config)

    def step(self) -> dict[str, Any]:
        # A process that hangs tells its driver nothing; ended, it is started again and goes on from the store.
        faulthandler.dump_traceback_later(self._hang_seconds, exit=True, file=2)
        try:
            event = next(self._events)
        finally:
            faulthandler.cancel_dump_traceback_later()
        over = event.kind in LAST_EVENTS
        if over:
            self._end()
        return {"event": event.as_dict(), "done": over, "system": self._load.told()}

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        self._end()
        self._begin(new_config)
        return True

    def cleanup(self) -> None:
        self._end()

    def save_checkpoint(self, checkpoint_dir: str) -> dict[str, Any]:
        return {}

    def load_checkpoint(self, checkpoint: dict[str, Any] | None) -> None:
        pass

    def _end(self) -> None:
        from trainables.device import release_memory

        self._events.close()  # ends a stage that was stopped at a rung, and with it the stage's lease
        release_memory(self.bench.device)

    def _begin(self, config: dict[str, Any]) -> None:
        from trainables.trial_run import run_trial

        stages = [from_plain(plain) for plain in config["stages"]]
        self._events: Generator[Event, None, None] = run_trial(stages, self.bench)


def workbench_for(job: Job) -> "Workbench":
    """A workbench on this machine. Raises `UserError` where other versions are installed than the sweep began with."""
    from trainables.caches import Caches
    from trainables.examples import Data
    from trainables.installed import differing, versions
    from trainables.model_in_store import get_model
    from trainables.sources import open_source
    from trainables.store import Store
    from trainables.workbench import Workbench

    differ = differing(job.versions, versions()) if job.versions else []
    if differ:
        raise UserError(f"{platform.node()} has {', '.join(differ)}; install the same on all machines")
    caches = Caches.of_this_machine(job.cache)
    store = Store(job.store, caches.store)
    data = Data(open_source(job.source, job.mirror, caches.encoded), job.test_splits)
    held = get_model(store, job.model) if isinstance(job.model, str) else None
    model = held.folder if held else Path(job.model)
    return Workbench(store, data, model, caches.encoded, job.devices, held)
