"""Runs a command and watches how much memory it takes."""

import contextlib
import os
import subprocess
import threading
import time
from collections.abc import Callable, Sequence

import psutil

Memory = Callable[[psutil.Process], float]  # bytes that a process takes now


def watched(command: Sequence[str], memory: Memory, quiet: bool = False) -> tuple[float, float]:
    """Seconds that a command takes, and the peak of its memory in bytes; raises `CalledProcessError`."""
    began = time.perf_counter()
    output = subprocess.DEVNULL if quiet else None
    process = psutil.Popen(command, stdout=output, env=os.environ | {"HF_HUB_OFFLINE": "1"})
    peak = [0.0]
    watcher = threading.Thread(target=_watch, args=(process, memory, peak))
    watcher.start()
    code = process.wait()
    watcher.join()
    if code:
        raise subprocess.CalledProcessError(code, command)
    return time.perf_counter() - began, peak[0]


def _watch(process: psutil.Process, memory: Memory, peak: list[float]) -> None:
    while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
        with contextlib.suppress(psutil.Error):  # it, or a child of it, has just ended
            peak[0] = max(peak[0], memory(process))
        time.sleep(0.1)
