"""A sweep whose store is a bucket: the same answer, shared with another machine, and no credentials anywhere."""

import csv
import os
import subprocess
from pathlib import Path

import fsspec
import pytest
import yaml

from search.home import Home
from search.results import Results
from tests.made_data import small_space
from tests.s3_server import SECRET
from tests.search.test_cli import STOPOVER
from trainables.store import Store

SPACE = {"recipes": ["none", "mnli"], "targets": ["xnli", "tatoeba"], "learning_rates": [0.003]}


class Machine:
    """A machine with a home of its own, and how to run the space there."""

    def __init__(self, folder: Path, mirror: Path, model: Path) -> None:
        folder.mkdir()
        self.home = Home(folder / "home")
        self.space = folder / "space.yaml"
        self.space.write_text(yaml.safe_dump(small_space(**SPACE).model_dump(mode="json", exclude_defaults=True)))
        self.given = ["--mirror", str(mirror), "--model", str(model), "--workers", "2"]

    def stopover(self, *arguments: str) -> str:
        command = [*STOPOVER, *arguments, "--home", str(self.home.root)]
        environment = os.environ | {"COLUMNS": "200"}
        run = subprocess.run(command, capture_output=True, text=True, timeout=300, env=environment)
        assert run.returncode == 0, run.stdout + run.stderr
        return run.stdout + run.stderr

    def run(self, *store: str) -> str:
        return " ".join(self.stopover("run", str(self.space), *self.given, *store).split())

    def results(self) -> Results:
        (folder,) = self.home.sweeps.glob("*/")
        return Results.load(folder)

    def matrix(self) -> list[dict[str, str]]:
        (path,) = self.home.sweeps.glob("*/matrix.csv")
        with path.open() as file:
            return list(csv.DictReader(file))


@pytest.mark.slow
def test_a_sweep_on_a_bucket(s3: str, tmp_path: Path, mirror: Path, tiny_model: Path) -> None:
    local, first, second = (Machine(tmp_path / name, mirror, tiny_model) for name in ("local", "first", "second"))
    local.run()
    told = first.run("--store", s3)
    assert first.matrix() == local.matrix()
    assert not first.home.store.exists()

    told += second.run("--store", s3)
    assert "0 trained in this run" in told
    assert second.matrix() == local.matrix()
    assert second.results().totals["examples_trained_now"] == 0

    told += second.stopover("plan", str(second.space), *second.given[:4], "--store", s3)
    told += second.stopover("export", "small", "--xtreme", str(tmp_path / "out"), *second.given[:2], "--store", s3)
    assert list((tmp_path / "out").rglob("*.tsv"))
    told += second.stopover("gc", "--store", s3, "--keep-days", "0")
    assert "0 in all" in told and f"Kept for sweep {first.results().sweep}" in told
    assert all(Store(s3, tmp_path / "cache").find(key) for key in scored(local))

    assert_no_secret(told, s3, tmp_path)


def scored(machine: Machine) -> list[str]:
    return [result.scored for result in machine.results().trials if result.scored]


def assert_no_secret(told: str, url: str, folder: Path) -> None:
    """No secret in what was printed, in what homes hold (MLflow's database and logs too), nor in the bucket."""
    files, root = fsspec.url_to_fs(url, use_listings_cache=False, skip_instance_cache=True)
    contents = [told.encode(), *files.cat(files.find(root)).values()]
    contents += [path.read_bytes() for path in folder.rglob("*") if path.is_file()]
    assert len(contents) > 20
    assert not any(SECRET.encode() in content for content in contents)
