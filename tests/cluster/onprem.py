"""A lab's hosts as a cluster of clusters/onprem.yaml, whose user sits at the operator's machine."""

import json
import re
import shlex
import subprocess
import sys

from tests.cluster.lab import CHECKOUT, Host, Lab
from tests.cluster.user import User

FILE = CHECKOUT / "clusters" / "onprem.yaml"
ENVIRONMENT = {"RAY_AUTH_MODE": "token", "RAY_UP_enable_autoscaler_v2": "0", "HF_HUB_OFFLINE": "1", "COLUMNS": "200"}
_TOKEN = "umask 077; ray get-auth-token --generate > /dev/null 2>&1; cat ~/.ray/auth_token"
_MEMBERS = """
import ray
ray.init("auto", log_to_driver=False, logging_level="ERROR")
print(*(node["NodeManagerAddress"] + "=" + node["NodeID"] for node in ray.nodes() if node["Alive"]))
"""


class Cluster(User):
    """`address` is the cluster file, filled in; `token` the cluster's secret."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.folder = lab.folder
        self.store = lab.shared / "stopover" / "store"
        self.head, *self.workers = lab.hosts
        self.token = self.done(["sh", "-c", _TOKEN], 60).strip()
        assert re.fullmatch(r"\w{32,}", self.token), "whoever looks for it looks for this"
        self.address = str(lab.folder / "onprem.yaml")
        (lab.folder / "onprem.yaml").write_text(self._filled_in())

    def run(self, command: list[str], seconds: float) -> subprocess.CompletedProcess[str]:
        return self.lab.run(command, seconds, ENVIRONMENT)

    def file(self, path: str) -> str:
        return self.on(self.head, f"cat ~/stopover/{path}")

    def up(self) -> None:
        """Starts it; the workers follow."""
        self.done(["ray", "up", "-y", "--no-config-cache", self.address], 400)

    def down(self) -> None:
        """Ends it."""
        self.done(["ray", "down", "-y", self.address], 200)

    def on(self, host: Host, command: str, seconds: float = 60) -> str:
        """What a shell command prints on a host, with the environment that the cluster's own commands have."""
        return self.lab.ssh(host, f"bash -ic {shlex.quote(command)} 2>/dev/null", seconds).stdout

    def members(self) -> dict[str, str]:
        """Ray's ids of the nodes that are up, by address. A host that has come back has a new one."""
        told = self.on(self.head, f"python -c {shlex.quote(_MEMBERS)}").split()
        return dict(pair.split("=") for pair in told if "=" in pair)

    def wait_for_members(self, *hosts: Host, seconds: float = 150) -> None:
        """Returns once some hosts are in."""
        wanted = {host.address for host in hosts}
        self.wait(lambda: wanted <= self.members().keys(), seconds, f"{wanted} in the cluster")

    def has_trials(self, host: Host) -> bool:
        """Whether a host computes."""
        return self.lab.ssh(host, "pgrep -f 'ray::[A-Za-z]*Trainable.train'").returncode == 0

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
