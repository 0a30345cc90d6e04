"""A lab's hosts as a cluster of clusters/onprem.yaml, and a user who sends sweeps to it from his own machine."""

import json
import shlex
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tests.cluster.lab import CHECKOUT, Host, Lab

FILE = CHECKOUT / "clusters" / "onprem.yaml"
STOPOVER = [sys.executable, "-m", "search.cli"]
USER = {"RAY_AUTH_MODE": "token", "RAY_UP_enable_autoscaler_v2": "0", "HF_HUB_OFFLINE": "1", "COLUMNS": "200"}
_TOKEN = "umask 077; ray get-auth-token --generate > /dev/null; cat ~/.ray/auth_token"
_MEMBERS = """
import ray
ray.init("auto", log_to_driver=False, logging_level="ERROR")
print(*(node["NodeManagerAddress"] + "=" + node["NodeID"] for node in ray.nodes() if node["Alive"]))
"""


class Cluster:
    """`file` is the cluster file, filled in; `token` the cluster's secret."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.head, *self.workers = lab.hosts
        self.token = lab.run(["sh", "-c", _TOKEN], env=USER).stdout.strip()
        self.file = lab.folder / "onprem.yaml"
        self.file.write_text(self._filled_in())

    def up(self) -> str:
        """`ray up`; what it printed."""
        return self._done(["ray", "up", "-y", "--no-config-cache", str(self.file)], 400)

    def down(self) -> str:
        """`ray down`; what it printed."""
        return self._done(["ray", "down", "-y", str(self.file)], 200)

    def stopover(self, *arguments: str, seconds: float = 120) -> str:
        """What a command of the user's prints that is to succeed."""
        return self._done([*STOPOVER, *arguments, "--address", str(self.file)], seconds)

    def try_stopover(self, *arguments: str, seconds: float = 120) -> subprocess.CompletedProcess[str]:
        """A command of the user's that may fail."""
        return self.lab.run([*STOPOVER, *arguments, "--address", str(self.file)], seconds, USER)

    def on(self, host: Host, command: str, seconds: float = 60) -> str:
        """What a shell command prints on a host, with the environment that the cluster's own commands have."""
        return self.lab.ssh(host, f"bash -ic {shlex.quote(command)} 2>/dev/null", seconds).stdout

    def members(self) -> dict[str, str]:
        """Ray's ids of the nodes that are up, by address. A host that has come back has a new one."""
        told = self.on(self.head, f"python -c {shlex.quote(_MEMBERS)}").split()
        return dict(pair.split("=") for pair in told if "=" in pair)

    def wait(self, for_it: Callable[[], object], seconds: float, what: str) -> None:
        """Returns once something has come true."""
        end = time.monotonic() + seconds
        while not for_it():
            assert time.monotonic() < end, f"{what} did not come within {seconds:g} s"
            time.sleep(4)

    def wait_for_members(self, *hosts: Host, seconds: float = 150) -> None:
        """Returns once some hosts are in."""
        wanted = {host.address for host in hosts}
        self.wait(lambda: wanted <= self.members().keys(), seconds, f"{wanted} in the cluster")

    def stages(self) -> dict[str, str]:
        """The finished stages in the store: which host computed each."""
        manifests = (self.lab.shared / "stopover" / "store" / "stages").rglob("manifest.json")
        records = {path.parent.name: json.loads(path.read_text())["body"]["record"] for path in manifests}
        return {key: record["host"] for key, record in records.items() if "host" in record}

    def matrix(self, sweep: str) -> str:
        """A sweep's transfer matrix, from the head."""
        return self.on(self.head, f"cat ~/stopover/sweeps/{sweep}/matrix.csv")

    def _filled_in(self) -> str:
        head, *workers = [host.address for host in self.lab.hosts]
        text = FILE.read_text()
        for before, after in (
            ("10.0.0.10 10.0.0.11 10.0.0.12", " ".join([head, *workers])),
            ("10.0.0.10", head),
            ("[10.0.0.11, 10.0.0.12]", json.dumps(workers)),
            ("ssh_user: ubuntu", "ssh_user: root"),
            ("~/.ssh/id_ed25519", str(self.lab.key)),
            ("=/shared", f"={self.lab.shared}"),
            ("file:///shared", f"file://{self.lab.shared}"),
            (
                "- bash ~/stopover-src/clusters/setup.sh",
                f"- STOPOVER_VENV={sys.prefix} bash ~/stopover-src/clusters/setup.sh",
            ),
        ):
            assert before in text, f"{FILE} no longer has {before}"
            text = text.replace(before, after)
        return text

    def _done(self, command: list[str], seconds: float) -> str:
        done = self.lab.run(command, seconds, USER)
        assert done.returncode == 0, (
            f"{command} ended with {done.returncode}:\n{done.stdout[-4000:]}\n{done.stderr[-2000:]}"
        )
        return done.stdout + done.stderr


def local_matrix(space: str, home: Path) -> tuple[str, str]:
    """A sweep's id and matrix when it is run on this machine alone."""
    command = [*STOPOVER, "run", space, "--home", str(home)]
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stdout + done.stderr
    [sweep] = (home / "sweeps").iterdir()
    return sweep.name, (sweep / "matrix.csv").read_text()
