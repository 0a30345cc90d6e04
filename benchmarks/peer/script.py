"""The sweep as one would write it by hand today: Ray Tune, ASHA, Hugging Face's Trainer, Ray's MLflow callback.

One Tuner per target, since ASHA compares whatever it is given and targets do not compare. A trial is a function: it
trains the intermediate task, then the target, reports English dev at four evaluations, and scores all languages at its
end. Heads, losses and metrics are Stopover's, so that both sides compute the same things.
"""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"  # loopback only

import ray
from ray import tune
from ray.air.integrations.mlflow import MLflowLoggerCallback
from ray.tune.schedulers import ASHAScheduler

from spaces import TASKS, Role, Space
from spaces.tasks import Task

EVALUATIONS = 4  # of the target's training; ASHA's rungs are among them


def run(space: Space, model: Path, folder: Path, workers: int) -> list[dict[str, Any]]:
    """Runs the space's grid; one result per trial: recipe, target, rate, dev, score (None where stopped), phases."""
    results: list[dict[str, Any]] = []
    ray.init(address="local", num_cpus=workers, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    try:
        for target in space.targets:
            results += _run_target(space, target, model, folder)
    finally:
        ray.shutdown()
    return results


def _run_target(space: Space, target: str, model: Path, folder: Path) -> list[dict[str, Any]]:
    given = tune.with_parameters(trial, space=space, model=str(model), cache=str(folder / "cache"))
    trainable = tune.with_resources(given, {"cpu": 1})
    grid = {
        "recipe": tune.grid_search(list(space.recipes)),
        "learning_rate": tune.grid_search(list(space.learning_rates)),
        "target": target,
        "seed": space.seeds[0],
    }
    trains = TASKS[target].trains
    asha = ASHAScheduler(time_attr="training_iteration", max_t=EVALUATIONS + 1, grace_period=1, reduction_factor=3)
    tuner = tune.Tuner(
        trainable,
        param_space=grid,
        tune_config=tune.TuneConfig(metric="dev", mode="max", scheduler=asha if trains else None),
        run_config=tune.RunConfig(
            name=target,
            storage_path=str(folder / "ray"),
            verbose=0,
            callbacks=[MLflowLoggerCallback(tracking_uri=f"sqlite:///{folder / 'mlflow.db'}", experiment_name=target)],
        ),
    )
    found = []
    for result in tuner.fit():
        if result.error is not None:
            raise result.error
        metrics = result.metrics or {}
        names = ("recipe", "target", "learning_rate")
        found.append(
            {name: (result.config or {})[name] for name in names}
            | {name: metrics.get(name) for name in ("dev", "score")}
            | {"phases": {name: seconds for name, seconds in metrics.items() if name.startswith("seconds_")}}
        )
    return found


def trial(config: dict[str, Any], space: Space, model: str, cache: str) -> None:
    """The function that Tune runs in a process of its own."""
    began = time.perf_counter()
    from benchmarks.peer.training import Trial

    phases: dict[str, float] = {}

    @contextmanager
    def timed(phase: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        phases[f"seconds_{phase}"] = phases.get(f"seconds_{phase}", 0.0) + time.perf_counter() - start

    run = Trial(space, Path(model), Path(cache), config["learning_rate"], config["seed"])
    phases["seconds_start"] = time.perf_counter() - began
    dev = 0.0
    if config["recipe"] != "none":
        with timed("intermediate"):
            *_, dev = run.train(TASKS[config["recipe"]], Role.INTERMEDIATE, 1)
    target: Task = TASKS[config["target"]]
    if target.trains:
        start = time.perf_counter()
        for dev in run.train(target, Role.TARGET, EVALUATIONS):
            phases["seconds_target"] = time.perf_counter() - start
            tune.report({"dev": dev, **phases})
    with timed("score"):
        score = run.score(target)
    tune.report({"dev": dev, "score": score, **phases})
