"""What a cluster is sent, and how its commands fail; `tests/cluster` has the clusters themselves."""

import subprocess
import sys
from pathlib import Path

import pytest

from search import jobs
from search.ray_session import cluster_ray
from spaces import UserError, load_space
from tests.ports import free_port
from tests.search.test_cli import STOPOVER


def test_the_space_and_the_code_that_runs_it_are_packed(tmp_path: Path) -> None:
    space = load_space("quickstart").without(["xnli"])
    jobs._pack(space, tmp_path)
    assert load_space(str(tmp_path / "space.yaml")) == space
    assert sorted(path.name for path in tmp_path.iterdir()) == ["search", "space.yaml", "spaces", "trainables"]
    assert not list(tmp_path.rglob("__pycache__"))
    # It runs as the job runs it: from that folder, with the packages found there.
    code = "import search.cli, trainables; print(search.cli.__file__, trainables.__path__[0])"
    told = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    assert told.split() == [str(tmp_path / "search" / "cli.py"), str(tmp_path / "trainables")]


def test_options_of_the_user_are_quoted() -> None:
    command = jobs._entrypoint(["--mirror", "a folder; rm -rf /"])
    assert command.endswith("exec python -m search.cli run space.yaml --mirror 'a folder; rm -rf /'")


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*STOPOVER, *command], capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize(
    ("address", "said"),
    [
        (f"http://127.0.0.1:{free_port()}", "no cluster answers at"),
        ("nowhere.yaml", "there is no such cluster file"),
        ("-oProxyCommand=true", "give http://HOST:PORT, a cluster file (cluster.yaml) or USER@HOST"),
        ("a host", "give http://HOST:PORT, a cluster file (cluster.yaml) or USER@HOST"),
    ],
)
@pytest.mark.parametrize("command", [("list",), ("submit", "quickstart"), ("stop", "quickstart")])
def test_a_cluster_that_is_not_there_is_one_line(command: tuple[str, ...], address: str, said: str) -> None:
    ended = run(*command, f"--address={address}")
    assert ended.returncode == 2
    assert said in ended.stderr and ended.stderr.count("\n") == 1


def test_a_bad_space_is_told_before_a_cluster_is_asked() -> None:
    ended = run("submit", "quikstart", f"--address=http://127.0.0.1:{free_port()}")
    assert ended.returncode == 2 and "did you mean 'quickstart'" in ended.stderr


def test_ui_of_a_cluster_wants_a_way_to_its_head() -> None:
    ended = run("ui", "--address", "http://127.0.0.1:8265")
    assert ended.returncode == 2 and "give the cluster's file or USER@HOST" in ended.stderr


@pytest.mark.parametrize(
    ("address", "said"),
    [
        (f"127.0.0.1:{free_port()}", "no Ray cluster answers at 127.0.0.1"),
        ("ray://127.0.0.1:10001", "give HOST:PORT of a Ray cluster, or auto"),
        ("here", "give HOST:PORT of a Ray cluster, or auto"),
    ],
)
def test_a_sweep_on_a_cluster_that_is_not_there_is_one_line(address: str, said: str) -> None:
    with pytest.raises(UserError, match=said), cluster_ray(address):
        pass
