"""What does logging to MLflow cost the sweep's own loop? Stopover's tracker beside Ray's MLflowLoggerCallback.

    PYTHONPATH=. python benchmarks/tracking.py [--trials 1000] [--points 200] [--peer-trials 10]

Both are told of trials and of points on the way, as a sweep would tell them, and write to an MLflow server of their own
on loopback. Printed is the time for which the loop was kept, per point, and how long the server took to have all of it.
The share is of a sweep whose devices tell a point every so often. Exit code 1 where Stopover keeps the loop for more
than 2% of the time.
"""

import argparse
import logging
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import track

from search.results import TrialResult
from search.tables import table
from search.tracking import Tracker
from spaces.trial import Trial
from tests.mlflow_server import mlflow_server

GOAL = 0.02
DEVICES, SECONDS_BETWEEN_POINTS = 256, 30.0  # of the sweep that the share is of


def main() -> int:
    """Prints both; 0 where the goal is met."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=1000)
    parser.add_argument("--points", type=int, default=200)
    parser.add_argument("--peer-trials", type=int, default=10)
    arguments = parser.parse_args()
    console = Console()
    made = table("Logging", ("who",), ("points", "loop, µs a point", "all written, s", "share of the loop"))
    shares = {}
    for name, run, trials in (("Stopover", ours, arguments.trials), ("callback", theirs, arguments.peer_trials)):
        with (
            tempfile.TemporaryDirectory() as folder,
            mlflow_server(f"sqlite:///{folder}/mlflow.db", Path(folder)) as uri,
        ):
            kept, written = run(uri, trials, arguments.points)
        points = trials * arguments.points
        shares[name] = kept / points * DEVICES / SECONDS_BETWEEN_POINTS
        made.add_row(name, f"{points:,}", f"{1e6 * kept / points:.0f}", f"{written:.0f}", f"{shares[name]:.2%}")
    console.print(made)
    return 0 if shares["Stopover"] < GOAL else 1


def ours(uri: str, trials: int, points: int) -> tuple[float, float]:
    """Seconds for which the loop was kept, and until all was written."""
    began = time.perf_counter()
    tracker = Tracker(uri, "tracking", "tracking-1", "model", None)
    kept = time.perf_counter() - began
    for number in track(range(trials), "Stopover", transient=True):
        trial = Trial("xnli", "mnli", 1e-5, 1e-5, number)
        for step in range(1, points + 1):
            point = {"step": step, "steps": points, "examples": step, "loss": 1 / step, "dev": 50.0}
            kept += seconds_of(lambda: tracker.point(trial, point))  # noqa: B023 (called at once)
        kept += seconds_of(lambda: tracker.end(TrialResult(trial, "finished", dev=50.0)))  # noqa: B023
    tracker.close([], {})
    return kept, time.perf_counter() - began


def theirs(uri: str, trials: int, points: int) -> tuple[float, float]:
    """The same through Ray's callback, which writes in the loop."""
    logging.getLogger("ray").setLevel(logging.ERROR)
    from ray.air.integrations.mlflow import MLflowLoggerCallback

    began = time.perf_counter()
    callback = MLflowLoggerCallback(tracking_uri=uri, experiment_name="tracking")
    kept = seconds_of(callback.setup)
    for number in track(range(trials), "callback", transient=True):
        trial = TuneTrial(number)
        kept += seconds_of(lambda: callback.log_trial_start(trial))  # noqa: B023
        for step in range(1, points + 1):
            result = {"training_iteration": step, "loss": 1 / step, "dev": 50.0, "examples": step}
            kept += seconds_of(lambda: callback.log_trial_result(step, trial, result))  # noqa: B023
        kept += seconds_of(lambda: callback.log_trial_end(trial))  # noqa: B023
    return kept, time.perf_counter() - began


class TuneTrial:
    """As much of a Tune trial as the callback asks for."""

    def __init__(self, number: int) -> None:
        self.trial_id = str(number)
        self.config: dict[str, Any] = {"recipe": "mnli", "target": "xnli", "learning_rate": 1e-5, "seed": number}

    def __str__(self) -> str:
        return f"trial-{self.trial_id}"


def seconds_of(call: Callable[[], Any]) -> float:
    """How long a call takes."""
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


if __name__ == "__main__":
    sys.exit(main())
