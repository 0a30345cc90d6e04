"""What a machine is like for the trials that are to run on it."""

import platform
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from spaces import UserError
from trainables.caches import Caches
from trainables.installed import versions
from trainables.store import Store
from trainables.store.holder import this_process


@dataclass(frozen=True)
class Machine:
    """A machine as one of its processes finds it.

    `boot` tells machines apart; `gpus` are those that torch sees; `clock` is its time; `cache_gigabytes` is the room
    where it caches. `store_fault` and `mirror_fault` say what is wrong with either, or nothing.
    """

    host: str
    boot: str
    versions: dict[str, str]
    gpus: int
    clock: float
    cache_gigabytes: float
    store_fault: str
    mirror_fault: str


def look_at_this_machine(store_place: str, cache: Path, mirror: Path | None, sign: str, answer: str) -> Machine:
    """Looks; in the store it reads the snapshot called `sign` and writes one called `answer`."""
    import torch

    caches = Caches.of_this_machine(cache)
    caches.root.mkdir(parents=True, exist_ok=True)
    return Machine(
        host=platform.node(),
        boot=this_process().get("boot", platform.node()),
        versions=versions(),
        gpus=torch.cuda.device_count(),
        clock=time.time(),
        cache_gigabytes=shutil.disk_usage(caches.root).free / 1e9,
        store_fault=_store_fault(store_place, caches, sign, answer),
        mirror_fault="" if mirror is None or mirror.is_dir() else f"the mirror folder {mirror} is not there",
    )


def _store_fault(place: str, caches: Caches, sign: str, answer: str) -> str:
    try:
        store = Store(place, caches.store)
        if store.snapshot_record(sign) is None:
            return f"{place} is another store there: what the driver wrote cannot be read"
        store.save_snapshot(answer, {}, {})
    except (OSError, UserError) as error:
        return f"the store {place} cannot be used: {error}"
    return ""
