"""How well does a sweep use more nodes? The quickstart's grid on 1, 2 and 4 Ray nodes of one (pretended) GPU each.

    make run; python benchmarks/nodes.py [--home .stopover] [--seconds 400]

Stages sleep for as long as their kind took in a finished quickstart, all scaled so that one node would need so many
seconds; Ray, Tune, the board, the shares and the store are real. No schedule is faster than the longest chain of
stages, nor than all stages divided by the nodes: `efficiency` is that bound over what was measured. Exit code 1 where
it is below 85% on the most nodes.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from search import on_ray  # before Ray, whose environment it sets  # isort: skip
import ray
from ray.cluster_utils import Cluster

from search.board import Board, State
from search.costs import Costs
from search.halving import Halving
from search.home import Home
from search.plan import Plan
from search.ray_tune import run_board
from search.resources import Resources
from search.shares import Share
from search.strategies import strategy_for
from search.sweep import prepare
from search.tables import table
from spaces import Space, UserError, load_space
from trainables.events import Busy, Event, Finished, StageDone
from trainables.stages import from_plain
from trainables.store import Store
from trainables.tune_trainable import TrialTrainable

NODES = (1, 2, 4)
LEAST = 0.85


@dataclass(frozen=True)
class Sleep:
    """What a worker is sent in place of a `Job`: the store, and for how long each stage sleeps."""

    store: str
    seconds: Mapping[str, float]


class SleepingTrainable(TrialTrainable):
    """Goes through a trial's stages as a real one does, leases and store included, but sleeps where that computes."""

    def setup(self, config: dict[str, Any], job: Sleep) -> None:  # type: ignore[override]
        self._job, self._store = job, Store(job.store)
        self._begin(config)

    def step(self) -> dict[str, Any]:
        event = next(self._events)
        return {"event": event.as_dict(), "done": isinstance(event, Busy | Finished)}

    def _begin(self, config: dict[str, Any]) -> None:
        self._events = self._sleep([from_plain(stage).key for stage in config["stages"]])

    def _end(self) -> None:
        self._events.close()

    def _sleep(self, keys: list[str]) -> Generator[Event, None, None]:
        for key in keys:
            with self._store.lease(key) as ours:
                if not ours:
                    yield Busy(key)
                    return
                seconds = 0.0 if self._store.record(key) is not None else self._job.seconds[key]
                time.sleep(seconds)
                self._store.publish(key, {"seconds": seconds}, {})
            yield StageDone(key, reused=not seconds, examples=0, seconds=seconds)
        yield Finished(keys[-1])


def main() -> int:
    """Prints a row per number of nodes; 0 when the most of them are used well."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, default=Path(".stopover"))
    parser.add_argument("--seconds", type=float, default=400)
    arguments = parser.parse_args()
    os.environ.setdefault("RAY_AUTH_MODE", "disabled")  # all of it is on loopback
    console = Console()
    space = load_space("quickstart").model_copy(update={"stopping": None})
    plan, seconds = calibrated(space, Home(arguments.home), arguments.seconds, console)
    longest = max(sum(seconds[stage.key] for stage in chain) for chain in plan.chains.values())
    title = f"{len(plan.chains)} trials, {len(plan.stages)} stages, the longest chain {longest:.0f} s"
    told = table(title, (), ("nodes", "at least", "took", "efficiency"))
    efficiency = 0.0
    for number in NODES:
        least = max(longest, sum(seconds.values()) / number)
        took = run_on(number, space, plan, seconds)
        efficiency = least / took
        told.add_row(str(number), f"{least:.0f} s", f"{took:.0f} s", f"{efficiency:.0%}")
    console.print(told)
    return 0 if efficiency >= LEAST else 1


def calibrated(space: Space, home: Home, total: float, console: Console) -> tuple[Plan, dict[str, float]]:
    """The grid's plan and how long each of its stages sleeps, by what such stages took in a finished quickstart."""
    plan = prepare(space, home, None, console).plan
    store, costs = home.open_store(), Costs()
    for key, record in store.records(list(plan.stages)).items():
        costs.learn(plan.stages[key], record.get("seconds", 0.0))
    seen = {key: costs.seconds(stage) for key, stage in plan.stages.items()}
    if not any(seen.values()):
        raise UserError(f"no quickstart was run under {home.root}: make run")
    return plan, {key: one * total / sum(seen.values()) for key, one in seen.items()}


def run_on(number: int, space: Space, plan: Plan, seconds: Mapping[str, float]) -> float:
    """How long the sweep takes on so many nodes, from its first trial's start."""
    with tempfile.TemporaryDirectory() as folder, cluster_of(number):
        place = (Path(folder) / "store").as_uri()
        store = Store(place)
        fresh = Plan(plan.chain_of, ())
        board = Board(fresh, Halving(None), strategy_for(space), store)
        resources = Resources(cpus=1, gpus=1)
        share = Share("benchmark", resources, 1.0, board.could_use)
        job: Any = Sleep(place, seconds)
        ready = on_ray.ReadyRay(job, store, resources, share, trainable=SleepingTrainable)
        began = time.monotonic()
        run_board(board, ready, lambda trial, event: None)
        took = time.monotonic() - began
        share.leave()
        assert board.count(State.FINISHED) == len(plan.chains), "not all trials came to their end"
        return took


@contextmanager
def cluster_of(number: int) -> Iterator[None]:
    """A head without devices, and nodes of a core and a GPU that Ray takes Stopover's word for."""
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "num_gpus": 0, "include_dashboard": False})
    try:
        for _ in range(number):
            cluster.add_node(num_cpus=1, num_gpus=1)
        ray.init(address=cluster.address, log_to_driver=False, logging_level="ERROR")
        yield
    finally:
        ray.shutdown()
        cluster.shutdown()


if __name__ == "__main__":
    try:
        sys.exit(main())
    except UserError as error:
        sys.exit(f"nodes.py: {error}")
