"""A mirror built from a hub on loopback: real requests, the libraries' own caches."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import yaml

from tests.conftest import REPOSITORY
from tests.hub_server import hub_of
from tests.made_data import small_space, write_hub
from trainables.model_files import find_model, model_digest


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory, mirror: Path, tiny_model: Path) -> Iterator[str]:
    with hub_of(write_hub(tmp_path_factory.mktemp("hub"), mirror, tiny_model)) as address:
        yield address


def stopover(hub: str, home: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("STOPOVER_", "HF_"))}
    environment |= {"HF_ENDPOINT": hub, "HF_HOME": str(home / "hf"), "STOPOVER_HOME": str(home), "COLUMNS": "200"}
    command = [sys.executable, "-m", "search.cli", *map(str, arguments)]
    return subprocess.run(command, env=environment, cwd=REPOSITORY, capture_output=True, text=True, timeout=180)


def space_file(folder: Path, **changes: object) -> Path:
    space = small_space(source="hub", model="made/encoder", targets=["xnli", "tatoeba"], **changes)
    path = folder / "space.yaml"
    path.write_text(yaml.safe_dump(space.model_dump(mode="json", exclude_defaults=True)))
    return path


IN_GERMAN = {"languages": ["de"]}


def test_a_fetched_mirror_has_all_that_a_space_needs(hub: str, tmp_path: Path, mirror: Path, tiny_model: Path) -> None:
    space, to = space_file(tmp_path, evaluation=IN_GERMAN), tmp_path / "fetched"
    done = stopover(hub, tmp_path, "fetch", space, "--to", to)
    assert done.returncode == 0, done.stdout + done.stderr
    for table in ("nyu-mll__glue/mnli/train", "facebook__xnli/de/test", "google__xtreme/tatoeba.deu/validation"):
        ours, theirs = (pq.read_table(folder / f"{table}.parquet") for folder in (to, mirror))
        assert ours.to_pylist() == theirs.to_pylist()
    assert not list(to.rglob("*.part"))
    found = find_model("made/encoder", tmp_path / "world", mirror=to)
    assert model_digest(found) == model_digest(tiny_model)
    # Offline, in another home, the mirror alone is enough, and class names have survived.
    offline = stopover("http://127.0.0.1:9", tmp_path / "elsewhere", "check", space, "--mirror", to)
    assert offline.returncode == 0 and "fine. 4 trials" in offline.stdout, offline.stdout + offline.stderr


def test_what_cannot_be_had_is_said_and_the_rest_is_kept(hub: str, tmp_path: Path) -> None:
    space, to = space_file(tmp_path, evaluation={"languages": ["de", "sw"]}), tmp_path / "fetched"
    for _ in range(2):  # again: what is there stays, what is missing is still said
        done = stopover(hub, tmp_path, "fetch", space, "--to", to)
        assert done.returncode == 2
        assert "missing: xnli: facebook/xnli (sw, test)" in done.stdout, done.stdout + done.stderr
        (line,) = (line for line in done.stderr.splitlines() if line.startswith("stopover:"))
        assert "2 things could not be had" in line
        assert (to / "facebook__xnli" / "de" / "test.parquet").is_file()


def test_check_tells_what_is_cached_from_what_is_on_the_hub(hub: str, tmp_path: Path) -> None:
    space = space_file(tmp_path, evaluation=IN_GERMAN)
    assert "on the hub" in stopover(hub, tmp_path, "check", space).stdout
    again = stopover(hub, tmp_path, "check", space)
    assert again.returncode == 0, again.stdout + again.stderr
    assert "on the hub" not in again.stdout and "Here: 5 sets" in again.stdout


def test_the_world_is_never_fetched(hub: str, tmp_path: Path) -> None:
    done = stopover(hub, tmp_path, "fetch", "quickstart", "--to", tmp_path / "fetched")
    assert done.returncode == 2 and "generated" in done.stderr
