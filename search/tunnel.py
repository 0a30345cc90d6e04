"""The way to a cluster's own ports: they are on its head's loopback, so they are forwarded over ssh."""

import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from spaces import UserError

DASHBOARD = 8265
MLFLOW = 5000
_PATIENCE_SECONDS = 60.0
# Ray knows how to reach the head of every provider; the command only keeps the connection.
_BY_RAY = """
import sys
from ray.autoscaler.sdk import run_on_cluster
file, *ports = sys.argv[1:]
run_on_cluster(file, cmd="exec sleep 10000000", port_forward=[tuple(map(int, pair.split(":"))) for pair in ports])
"""


def is_url(address: str) -> bool:
    """Whether an address is one of a dashboard that can be reached as it is."""
    return address.startswith(("http://", "https://"))


@contextmanager
def tunnel(address: str, ports: Sequence[int], wanted: Sequence[int] = ()) -> Iterator[list[int]]:
    """Forwards ports of the head of a cluster to this machine's loopback while the block lasts; the ports here.

    `address` is a cluster file of `ray up`, or USER@HOST for ssh. `wanted` are the ports to take here, where they are
    free. Raises `UserError` where no way is found.
    """
    here = [_free(port) for port in (wanted or ports)]
    pairs = [f"{ours}:{theirs}" for ours, theirs in zip(here, ports, strict=True)]
    process = subprocess.Popen(  # noqa: S603 (our own command)
        _command(address, pairs), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, start_new_session=True,
    )  # fmt: skip
    try:
        _wait(process, here, address)
        yield here
    finally:
        process.terminate()
        process.wait()


def _command(address: str, pairs: Sequence[str]) -> list[str]:
    if Path(address).suffix in {".yaml", ".yml"}:
        if not Path(address).is_file():
            raise UserError(f"--address {address}: there is no such cluster file")
        return [sys.executable, "-c", _BY_RAY, address, *pairs]
    if not re.fullmatch(r"([\w.-]+@)?[\w.:-]+", address) or address.startswith("-"):
        raise UserError(f"--address {address}: give http://HOST:PORT, a cluster file (cluster.yaml) or USER@HOST")
    forwards = [part for pair in pairs for part in ("-L", f"127.0.0.1:{pair.replace(':', ':127.0.0.1:')}")]
    return ["ssh", "-N", "-o", "BatchMode=yes", "-o", "ExitOnForwardFailure=yes", *forwards, address]


def _wait(process: "subprocess.Popen[str]", ports: Sequence[int], address: str) -> None:
    until = time.monotonic() + _PATIENCE_SECONDS
    while not all(_answers(port) for port in ports):
        if process.poll() is not None:
            told = process.communicate()[0].strip().splitlines()
            raise UserError(f"{address} cannot be reached: {told[-1] if told else 'ssh ended'}")
        if time.monotonic() > until:
            raise UserError(f"{address} has not answered for {_PATIENCE_SECONDS:g} seconds")
        time.sleep(0.2)


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _free(port: int) -> int:
    """The port, or another where it is taken."""
    for choice in (port, 0):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", choice))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise UserError("no port of this machine is free")
