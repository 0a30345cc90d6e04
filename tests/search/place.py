"""A home with a small space in it, and how to run that as a user would: on real Ray, MLflow and files."""

import csv
import os
import subprocess
from pathlib import Path
from typing import Any

import yaml
from mlflow.entities import Run
from mlflow.tracking import MlflowClient

from search.home import Home
from search.results import Results
from tests.made_data import small_space
from tests.search.test_cli import STOPOVER

PHASE = {"epochs": 3, "batch_size": 8, "max_length": 64, "evaluations": 4}
SPACE = {
    "recipes": ["none", "mnli", "mnli>ud_xpos"],
    "targets": ["xnli", "xquad", "udpos", "tatoeba"],
    "learning_rates": [0.003, 0.0001],
    # No grace: at the lower rate nothing is learnt in so few steps, so that chance is up to how the head began.
    "stopping": {"rungs": [0.5], "reduction": 3, "keep": "recipe", "grace": None},
    "training": {"intermediate": PHASE, "target": PHASE},
}


class Place:
    """A home with a space in it, and how to run that."""

    def __init__(self, folder: Path, mirror: Path, model: Path, *given: str, **changes: Any) -> None:
        folder.mkdir(exist_ok=True)
        self.home = Home(folder / "home")
        self.space = folder / "space.yaml"
        self.write_space(**changes)
        self.given = ["--mirror", str(mirror), "--model", str(model), "--home", str(self.home.root)]
        self.given += given or ("--workers", "2")

    def write_space(self, **changes: Any) -> None:
        document = small_space(**SPACE | changes).model_dump(mode="json", exclude_defaults=True)
        self.space.write_text(yaml.safe_dump(document))

    def start(self) -> subprocess.Popen[str]:
        command = [*STOPOVER, "run", str(self.space), *self.given]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        return subprocess.Popen(command, env=os.environ | {"COLUMNS": "200"}, start_new_session=True, **pipes)

    def run(self) -> str:
        process = self.start()
        output, _ = process.communicate(timeout=300)
        assert process.returncode == 0, output
        return output

    def matrix(self) -> list[dict[str, str]]:
        (path,) = self.home.sweeps.glob("*/matrix.csv")
        with path.open() as file:
            return list(csv.DictReader(file))

    def results(self) -> Results:
        (folder,) = self.home.sweeps.glob("*/")
        return Results.load(folder)

    def runs(self) -> dict[str, Run]:
        client = MlflowClient(self.home.tracking_uri)
        experiment = client.get_experiment_by_name("small")
        assert experiment is not None
        found = client.search_runs([experiment.experiment_id], max_results=1000)
        names = [run.info.run_name for run in found]
        assert len(names) == len(set(names)), "a run is there twice"
        return {run.info.run_name: run for run in found}
