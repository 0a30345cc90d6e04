"""Ray nodes on this machine's loopback: all of a cluster but ssh and the network, where no hosts can be made."""

import os
import secrets
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.cluster.lab import CHECKOUT
from tests.cluster.user import User
from tests.ports import free_port


class Node:
    """A node with an address and a folder of its own, killed and started as a whole."""

    def __init__(self, address: str, scratch: Path, options: list[str], environment: dict[str, str]) -> None:
        self.address = address
        agent = f"--dashboard-agent-listen-port={free_port()}"
        memory = "--object-store-memory=100000000"
        self._command = [str(Path(sys.executable).with_name("ray")), "start", "--block", f"--node-ip-address={address}"]
        self._command += [agent, memory, "--num-gpus=0", f"--temp-dir={scratch / address}", *options]
        self._environment = environment
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Starts it; it is in the cluster some seconds later."""
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self._process = subprocess.Popen(
            self._command, env=self._environment, cwd=tempfile.gettempdir(), start_new_session=True, **quiet
        )

    def kill(self) -> None:
        """Ends all of it at once, as a power cut does."""
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None


class Nodes(User):
    """A head that takes no trials and two workers of one core each; a third is there to be started."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder = folder
        self.store = folder / "store"
        self._home = folder / "home"
        # Not in the tests' folder: a socket's path must be short.
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ray", ignore_cleanup_errors=True)))
        self.token = secrets.token_hex(32)
        (folder / "token").touch(mode=0o600)
        (folder / "token").write_text(self.token)
        self._environment = os.environ | {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN_PATH": str(folder / "token"),
            "RAY_USAGE_STATS_ENABLED": "0",
            "STOPOVER_HOME": str(self._home),
            "STOPOVER_STORE": self.store.as_uri(),
            "STOPOVER_CACHE": str(folder / "cache"),
            "COLUMNS": "200",
        }
        gcs, dashboard = free_port(), free_port()
        self.address = f"http://127.0.0.1:{dashboard}"
        head = [
            "--head",
            f"--port={gcs}",
            "--dashboard-host=127.0.0.1",
            f"--dashboard-port={dashboard}",
            "--num-cpus=0",
        ]
        head.append(f"--ray-client-server-port={free_port()}")
        worker = [f"--address=127.0.0.2:{gcs}", "--num-cpus=1"]
        self.head = Node("127.0.0.2", scratch, head, self._environment)
        self.workers = [Node(f"127.0.0.{number}", scratch, worker, self._environment) for number in (3, 4, 5)]
        for node in (self.head, *self.workers):
            stack.callback(node.kill)

    def up(self) -> None:
        """Starts the head and two workers; returns once they are in."""
        self.head.start()
        self.wait(self._answers, 60, "the head")
        for worker in self.workers[:2]:
            self.start(worker)

    def start(self, worker: Node) -> None:
        """Starts a worker; returns once it is in."""
        worker.start()
        self.wait(lambda: worker.address in self.stopover("status"), 90, worker.address)

    def run(self, command: list[str], seconds: float) -> subprocess.CompletedProcess[str]:
        return self.run_with(command, seconds, {})

    def run_with(self, command: list[str], seconds: float, changes: dict[str, str]) -> subprocess.CompletedProcess[str]:
        """Runs a command with another environment than the cluster's."""
        return subprocess.run(
            command, env=self._environment | changes, cwd=CHECKOUT, timeout=seconds, capture_output=True, text=True
        )

    def file(self, path: str) -> str:
        return (self._home / path).read_text()

    def _answers(self) -> bool:
        try:
            urllib.request.urlopen(f"{self.address}/api/version", timeout=2)
        except urllib.error.HTTPError:
            return True  # it wants the token
        except OSError:
            return False
        return True


@contextmanager
def nodes(folder: Path) -> Iterator[Nodes]:
    """A cluster that is up; at the end no process is left."""
    with ExitStack() as stack:
        made = Nodes(folder, stack)
        made.up()
        yield made
    time.sleep(1)  # for what the killed nodes' own watchers end
