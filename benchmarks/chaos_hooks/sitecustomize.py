"""Faults from inside a process: put this folder first on PYTHONPATH and name a folder in STOPOVER_FAULTS.

The file `clock` in it says by how many seconds the clock has jumped; a file `nan` spoils the weights of the next
training step of any process, which takes the file away.
"""

import importlib.util
import os
import sys
import time
from importlib.abc import MetaPathFinder
from pathlib import Path

FAULTS = Path(os.environ["STOPOVER_FAULTS"])
REAL_TIME, REAL_TIME_NS = time.time, time.time_ns


def jumped() -> float:
    try:
        return float((FAULTS / "clock").read_text() or 0)
    except (FileNotFoundError, ValueError):
        return 0.0


time.time = lambda: REAL_TIME() + jumped()
time.time_ns = lambda: REAL_TIME_NS() + int(jumped() * 1e9)


class AfterImport(MetaPathFinder):
    """Spoils `trainables.updates` once it is imported."""

    def find_spec(self, fullname, path=None, target=None):
        if fullname != "trainables.updates":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(fullname)
        execute = spec.loader.exec_module

        def execute_and_spoil(module):
            execute(module)
            spoil(module.Updates)

        spec.loader.exec_module = execute_and_spoil
        return spec


def spoil(updates):
    take = updates.take

    def take_or_spoil(self, step):
        loss = take(self, step)
        try:
            (FAULTS / "nan").unlink()
        except FileNotFoundError:
            return loss
        for parameter in self.model.parameters():
            parameter.data.fill_(float("nan"))
        return loss * float("nan")

    updates.take = take_or_spoil


sys.meta_path.insert(0, AfterImport())
