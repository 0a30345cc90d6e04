"""A user of a cluster: sends sweeps to it by Stopover's own commands, and waits for what comes of them."""

import json
import re
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from tests.cluster.lab import CHECKOUT

STOPOVER = [sys.executable, "-m", "search.cli"]
TINY = {
    "name": "tiny",
    "source": "world",
    "model": "world",
    "recipes": ["none", "mnli", "squad_v1"],
    "targets": ["xquad", "udpos"],
    "learning_rates": [5e-4, 1e-3],
    "stopping": {"grace": None},  # so short a training of mnli may stay below chance, by its last digits
    "training": {
        "intermediate": {"dev_examples": 100, "examples": 3000, "epochs": 2, "max_length": 128},
        "target": {"dev_examples": 100, "examples": 600, "epochs": 4, "max_length": 128},
    },
}


class User(ABC):
    """`address` is what the user gives his commands, `store` where the cluster keeps stages, `folder` is the user's."""

    address: str
    store: Path
    folder: Path

    @abstractmethod
    def run(self, command: list[str], seconds: float) -> subprocess.CompletedProcess[str]:
        """Runs a command at the user's."""

    @abstractmethod
    def file(self, path: str) -> str:
        """What a file under the cluster's home holds."""

    def stopover(self, *arguments: str, seconds: float = 120) -> str:
        """What a command prints that is to succeed."""
        return self.done([*STOPOVER, *arguments, "--address", self.address], seconds)

    def done(self, command: list[str], seconds: float) -> str:
        """The same of any command."""
        ended = self.run(command, seconds)
        printed = ended.stdout + ended.stderr
        assert ended.returncode == 0, f"{command} ended with {ended.returncode}:\n{printed[-6000:]}"
        return printed

    def space(self, **changes: object) -> str:
        """A small space, in a file of the user's."""
        path = self.folder / "tiny.yaml"
        path.write_text(yaml.safe_dump(TINY | changes))
        return str(path)

    def submit(self, space: str) -> str:
        """The job of a sweep that was sent off."""
        return _found(r"Submitted: (\S+)", self.stopover("submit", space, "--detach"))

    def state(self, job: str) -> str:
        """How a job stands."""
        return _found(r"\S+: (\w+),", self.stopover("status", job))

    def finished(self, job: str, seconds: float) -> str:
        """What a job has printed once it is over, which it is to be without a fault."""
        self.wait(lambda: self.state(job) not in {"pending", "running"}, seconds, f"the end of {job}")
        log = self.stopover("logs", job)
        assert self.state(job) == "succeeded", log[-6000:]
        return log

    def matrix(self, log: str) -> str:
        """The transfer matrix of the sweep that printed this."""
        return self._of_sweep(log, "matrix.csv")

    def results(self, log: str) -> dict[str, Any]:
        """The results of the sweep that printed this."""
        return dict(json.loads(self._of_sweep(log, "results.json")))

    def stages(self) -> dict[str, str]:
        """The finished stages in the store: which host computed each."""
        manifests = (self.store / "stages").rglob("manifest.json")
        records = {path.parent.name: json.loads(path.read_text())["body"]["record"] for path in manifests}
        return {key: record["host"] for key, record in records.items() if "host" in record}

    def wait(self, for_it: Callable[[], object], seconds: float, what: str) -> None:
        """Returns once something has come true."""
        end = time.monotonic() + seconds
        while not for_it():
            assert time.monotonic() < end, f"{what} did not come within {seconds:g} s"
            time.sleep(2)

    def wait_for_stages(self, number: int) -> None:
        """Returns once the store has so many."""
        self.wait(lambda: len(self.stages()) >= number, 300, f"{number} stages")

    def _of_sweep(self, log: str, name: str) -> str:
        sweep = _found(r"/sweeps/(\S+)", log)
        return self.file(f"sweeps/{sweep}/{name}")


def run_here(space: str, home: Path) -> None:
    """Runs a sweep on this machine alone."""
    command = [*STOPOVER, "run", space, "--home", str(home)]
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stdout + done.stderr


def matrix_in(home: Path) -> str:
    """The transfer matrix of a home's only sweep."""
    [sweep] = (home / "sweeps").iterdir()
    return (sweep / "matrix.csv").read_text()


def _found(pattern: str, text: str) -> str:
    found = re.search(pattern, text)
    assert found is not None, text[-4000:]
    return found[1]
