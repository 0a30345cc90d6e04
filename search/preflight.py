"""Looks at every node of a cluster before a sweep spends anything on it: what would fail there is told here.

GPUs that Ray counts and torch does not see, a full disk, a store or mirror that a node does not reach or may not write,
other versions than the driver's, a clock that is off.
"""

import time
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from spaces import UserError
from trainables.caches import CACHE_FOLDER
from trainables.installed import differing, versions
from trainables.machine import Machine, look_at_this_machine
from trainables.store import Store

_LEAST_GIGABYTES = 5.0
_MOST_SKEW_SECONDS = 30.0  # logs are hard to read then; S3 refuses requests that are a quarter of an hour off
_PATIENCE_SECONDS = 120.0


@dataclass(frozen=True)
class Node:
    """A node of the cluster: where it is, the GPUs that Ray counts there, its machine or the fault that hides it.

    `skew` is how many seconds its clock is ahead of the driver's, by the moment of asking.
    """

    address: str
    gpus: int
    machine: Machine | None = None
    skew: float = 0.0
    fault: str = ""

    def faults(self) -> Iterator[str]:
        """What is wrong with it."""
        if self.machine is None:
            yield self.fault
            return
        there = self.machine
        differ = differing(versions(), there.versions)
        if differ:
            yield f"has {', '.join(differ)}; install the same there (clusters/setup.sh), or submit what is there"
        if there.gpus < self.gpus:
            yield f"Ray counts {self.gpus} GPUs, torch sees {there.gpus}; look at its driver and its build of torch"
        if there.cache_gigabytes < _LEAST_GIGABYTES:
            yield f"has {there.cache_gigabytes:.1f} GB left to cache in; make room or name a folder in {CACHE_FOLDER}"
        if abs(self.skew) > _MOST_SKEW_SECONDS:
            yield f"its clock is {self.skew:+.0f} seconds off; start a time service there (chrony)"
        yield from (fault for fault in (there.store_fault, there.mirror_fault) if fault)


def preflight(store: Store, store_place: str, cache: Path, mirror: Path | None) -> list[Node]:
    """The nodes, all fit to run trials. Raises `UserError` that has a line for each problem."""
    sign = f"preflight-{uuid.uuid4().hex}"
    store.save_snapshot(sign, {}, {})
    try:
        nodes = list(_look(store_place, cache, mirror, sign))
        unseen = [node for node in nodes if _wrote(node) and store.snapshot_record(_answer(sign, node.address)) is None]
    finally:
        for name in (sign, *(_answer(sign, node["NodeManagerAddress"]) for node in ray.nodes())):
            store.drop_snapshot(name)
    faults = [f"{node.address}: {fault}" for node in nodes for fault in node.faults()]
    faults += [f"{node.address}: what it writes into {store_place} cannot be read here" for node in unseen]
    if store.of_one_machine and len({node.machine.boot for node in nodes if node.machine}) > 1:
        faults.append(f"the store {store_place} is a folder that is not known to be shared by machines: if it is, give "
                      f"it as --store file://{store_place}")  # fmt: skip
    if faults:
        raise UserError("\n  ".join([f"the cluster is not ready, {_counted(len(faults), 'problem')}:", *faults]))
    return nodes


def told(nodes: Sequence[Node]) -> str:
    """The cluster in a line."""
    machines = [node.machine for node in nodes if node.machine]
    gpus = sum(machine.gpus for machine in machines)
    return f"Cluster: {_counted(len(nodes), 'node')}, {_counted(gpus, 'GPU')}, all reach the store"


def _look(store_place: str, cache: Path, mirror: Path | None, sign: str) -> Iterator[Node]:
    look = ray.remote(num_cpus=0, max_retries=0)(look_at_this_machine)
    alive = [node for node in ray.nodes() if node["Alive"]]
    asked = []
    for node in alive:
        there = look.options(scheduling_strategy=NodeAffinitySchedulingStrategy(node["NodeID"], soft=False))
        answer = _answer(sign, node["NodeManagerAddress"])
        asked.append((there.remote(store_place, cache, mirror, sign, answer), time.time()))
    for node, (answer, began) in zip(alive, asked, strict=True):
        address, gpus = node["NodeManagerAddress"], int(node["Resources"].get("GPU", 0))
        try:
            machine: Machine = ray.get(answer, timeout=_PATIENCE_SECONDS)
        except ray.exceptions.GetTimeoutError:
            yield Node(address, gpus, fault=f"does not answer within {_PATIENCE_SECONDS:g} seconds")
        except ray.exceptions.RayError as error:
            yield Node(address, gpus, fault=str(error).strip().splitlines()[-1])
        else:
            # It looked at its clock between the question and now; within that time nothing is known to be off.
            late, early = machine.clock - time.time(), machine.clock - began
            yield Node(address, gpus, machine, skew=late if late > 0 else min(early, 0.0))


def _answer(sign: str, address: str) -> str:
    return f"{sign}-{address.replace(':', '-')}"


def _wrote(node: Node) -> bool:
    return node.machine is not None and not node.machine.store_fault


def _counted(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
