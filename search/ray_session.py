"""The Ray that a sweep runs on: one of its own, on loopback, or a cluster that runs already (`RAY_ADDRESS`)."""

import logging
import math
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

# All are read when Ray is imported: no reports to its makers, no loggers beside Stopover's own.
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
# Despite its name it works everywhere: where it is 0 Ray takes 127.0.0.1 for this host and listens on loopback only.
os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "1" if os.environ.get("RAY_ADDRESS") else "0"
os.environ["TUNE_DISABLE_AUTO_CALLBACK_LOGGERS"] = "1"
os.environ["RAY_AIR_NEW_OUTPUT"] = "0"  # it would print tables between Stopover's own
os.environ["TUNE_DISABLE_SIGINT_HANDLER"] = "1"  # it would end the sweep as if it were done
os.environ["TUNE_MAX_PENDING_TRIALS_PG"] = "64"  # all that have a place may start at once

import ray

from search.resources import Resources, resources_of
from spaces import UserError

ADDRESS = "RAY_ADDRESS"
NAMESPACE = "stopover"
_INTERRUPTS = (signal.SIGINT, signal.SIGTERM)
_LEAVING = b"\nstopover: stopping; running trials leave a snapshot first (interrupt again to stop at once)\n"

Stopping = Callable[[], bool]  # whether somebody has interrupted


@contextmanager
def own_ray(resources: Resources) -> Iterator[Stopping]:
    """A Ray of this process's own, on loopback, gone at the end."""
    os.environ.setdefault("RAY_AUTH_MODE", "disabled")  # it is reached from this machine alone
    ray.init(
        address="local",
        num_cpus=math.ceil(resources.workers * resources.cpus) if resources.workers else os.cpu_count(),
        include_dashboard=False,
        log_to_driver=False,
        logging_level=logging.ERROR,
        object_store_memory=200_000_000,  # trials pass weights through the store, not through Ray
    )
    with _shut_down_at_end() as stopping:
        yield stopping


@contextmanager
def cluster_ray(address: str) -> Iterator[Stopping]:
    """A connection to a running cluster. Raises `UserError` where none answers at the address."""
    _check_answers(address)
    try:
        ray.init(address=address, namespace=NAMESPACE, log_to_driver=False, logging_level=logging.ERROR)
    except (ConnectionError, RuntimeError, ValueError) as error:
        reason = str(error).strip().splitlines()[0]
        raise UserError(
            f"no Ray cluster at {address}: {reason}; start one (ray up cluster.yaml) or unset {ADDRESS}"
        ) from None
    with _shut_down_at_end() as stopping:
        yield stopping


def _check_answers(address: str) -> None:
    """Ray itself would try for minutes."""
    host, _, port = address.rpartition(":")
    if address == "auto":
        return
    if not host or not port.isdecimal() or "/" in host:
        raise UserError(f"--address {address}: give HOST:PORT of a Ray cluster, or auto on one of its machines")
    try:
        socket.create_connection((host, int(port)), timeout=10).close()
    except OSError as error:
        raise UserError(f"no Ray cluster answers at {address} ({error}); start one or unset {ADDRESS}") from None


def cluster_resources(devices: float, device: str | None, workers: int | None) -> Resources:
    """What a trial takes of the running cluster: so many GPUs where it has any, or `device` says so, else cores.

    A cluster that scales may have no GPU yet, which is why it can be said. Raises `UserError` where every node of that
    sort has fewer.
    """
    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    gpus = max((int(node.get("GPU", 0)) for node in nodes), default=0)
    cores = max((int(node.get("CPU", 0)) for node in nodes), default=0)
    if device == "cpu":
        gpus = 0
    elif device == "gpu":
        gpus = gpus or sys.maxsize  # a node that is still to come decides
    return resources_of(devices, gpus, cores or sys.maxsize, workers)


def own_places(resources: Resources) -> int:
    """How many trials a Ray of one's own can hold at once."""
    there = ray.cluster_resources()
    of_gpus = int(there.get("GPU", 0) / resources.gpus) if resources.gpus else sys.maxsize
    return max(1, min(int(there.get("CPU", 0) / resources.cpus), of_gpus))


@contextmanager
def _shut_down_at_end() -> Iterator[Stopping]:
    """A block in which a first interrupt is told by what is given, and a second raises `KeyboardInterrupt`."""
    seen: list[int] = []

    def interrupt(number: int, _: object) -> None:
        if seen:
            raise KeyboardInterrupt
        seen.append(number)
        os.write(2, _LEAVING)

    before = {number: signal.getsignal(number) for number in _INTERRUPTS}
    for number in _INTERRUPTS:  # after Ray has set its own
        signal.signal(number, interrupt)
    try:
        yield lambda: bool(seen)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        ray.shutdown()
