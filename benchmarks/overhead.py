"""What does the driver itself cost? A sweep of a thousand trials whose stages are all in the store.

    python benchmarks/overhead.py [--trials 1008]

Fills a store with made-up results for every stage of a space over the embedded world, runs `stopover run` on it twice
(all from the store, MLflow in its own database) and prints wall-clock and the driver's peak memory. Exit code 1 where
the first run takes over 60 s or 1.5 GB.
"""

import argparse
import random
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import yaml
from peak import watched
from rich.console import Console

from search.home import Home
from search.sweep import prepare
from spaces import load_space
from trainables.kept_scores import POINTS_FILE
from trainables.model_files import find_model
from trainables.stages import Stage, TrainStage
from trainables.store import Store

LIMIT_SECONDS, LIMIT_BYTES = 60.0, 1.5e9
EVALUATIONS = 4


def main() -> int:
    """Prints both runs; 0 when the first keeps the limits."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=1008)
    trials = parser.parse_args().trials
    with tempfile.TemporaryDirectory(prefix="stopover-overhead-") as folder:
        home = Home(Path(folder) / "home")
        shutil.copytree(find_model("world", Home(Path(".stopover")).caches.world_model), home.caches.world_model)
        space = write_space(Path(folder), trials)
        plan = prepare(load_space(str(space)), home, None, Console()).plan
        store = Store(home.store)
        for stage in plan.stages.values():
            store.publish(stage.key, record_of(stage), files_of(stage))
        print(f"{len(plan.chains):,} trials, {len(plan.stages):,} stages in the store", flush=True)
        first, peak = timed(space, home)
        again, _ = timed(space, home)
    print(f"first run {first:.1f} s ({1000 * first / len(plan.chains):.0f} ms a trial), peak {peak / 1e9:.2f} GB")
    print(f"run again {again:.1f} s")
    return 0 if first <= LIMIT_SECONDS and peak <= LIMIT_BYTES else 1


def write_space(folder: Path, trials: int) -> Path:
    """The quickstart with so many seeds that it has at least so many trials."""
    document: dict[str, Any] = load_space("quickstart").model_dump(mode="json", exclude_defaults=True)
    each = len(document["recipes"]) * len(document["targets"]) * len(document["learning_rates"])
    document |= {"name": "overhead", "seeds": list(range(-(-trials // each)))}
    path = folder / "overhead.yaml"
    path.write_text(yaml.safe_dump(document))
    return path


def record_of(stage: Stage) -> dict[str, Any]:
    """A result as training or scoring would have left it, with random scores."""
    rng = random.Random(stage.key)
    if isinstance(stage, TrainStage):
        history = [
            {"step": 10 * n, "steps": 10 * EVALUATIONS, "examples": stage.examples_by(n, EVALUATIONS),
             "loss": 1.0 / n, "dev": 50 + 10 * rng.random() + n, "chance": 33.0, "error": 2.0}
            for n in range(1, EVALUATIONS + 1)
        ]  # fmt: skip
        told = {"examples": sum(one.rows for one in stage.sets), "split": 0, "cut": 0}
        shared = {"dev": max(point["dev"] for point in history), "examples": stage.examples, "seconds": 60.0}
        return {"stage": "train", "task": stage.task, "history": history, "inputs": {"train": told}, **shared}
    languages = {
        code: {"value": value, "chance": 10.0, "error": 1.0, "examples": count, "metrics": {"accuracy": value},
               "above_chance": True, "inputs": {"examples": count, "split": 0, "cut": 0}}
        for code, _, count in stage.tests
        for value in [30 + 40 * rng.random()]
    }  # fmt: skip
    return {"stage": "score", "task": stage.task, "languages": languages, "seconds": 5.0}


def files_of(stage: Stage) -> dict[str, bytes | Path]:
    """What scoring keeps of every test example, at random."""
    if isinstance(stage, TrainStage):
        return {}
    languages = [code for code, _, count in stage.tests for _ in range(count)]
    earned = np.random.default_rng(0).integers(0, 2, len(languages)).astype(np.float32)
    group = np.concatenate([np.arange(count, dtype=np.int32) for _, _, count in stage.tests])
    table = pa.table({"language": languages, "earned": earned, "possible": np.ones_like(earned), "group": group})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    return {POINTS_FILE: sink.getvalue().to_pybytes()}


def timed(space: Path, home: Home) -> tuple[float, float]:
    """Seconds and the driver's peak of resident memory of one run."""
    command = [sys.executable, "-m", "search.cli", "run", str(space), "--home", str(home.root)]
    return watched(command, lambda driver: driver.memory_info().rss, quiet=True)


if __name__ == "__main__":
    sys.exit(main())
