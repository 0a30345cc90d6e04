"""Sweeps that share a cluster: how many trials each may run, and how many nodes all of them together ask for.

One actor per cluster knows what every sweep could use. It divides the devices there are by priority, and asks the
autoscaler for as many as the sweeps' plans can use, no more; so the cluster shrinks as they come to their ends. It
ends when the last sweep leaves.
"""

import contextlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from threading import Lock, Thread
from typing import Any

import ray
from ray.autoscaler.sdk import request_resources
from ray.exceptions import RayActorError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from search.ray_session import NAMESPACE
from search.resources import Resources

_NAME = "stopover-shares"
_ASK_SECONDS = 2.0
_GONE_SECONDS = 30.0  # a sweep that has not asked for so long is taken to have died


@dataclass(frozen=True)
class Wish:
    """What a sweep could use: so many trials, each of a bundle of resources (Ray's words). `priority` is its weight."""

    trials: int
    bundle: Mapping[str, float]
    priority: float = 1.0

    @property
    def device(self) -> str:
        """What the sweep computes on."""
        return "GPU" if self.bundle.get("GPU") else "CPU"


def divided(there: Mapping[str, float], wishes: Mapping[str, Wish]) -> dict[str, int]:
    """How many trials each sweep may run of those that it could: as even by priority as whole trials allow.

    One trial at a time goes to the sweep that has least for its weight, as long as its device is not used up (max-min
    fairness with weights). What one sweep has no use for goes to the others.
    """
    left = dict(there)
    given = dict.fromkeys(wishes, 0)

    def for_its_weight(sweep: str) -> tuple[float, float, str]:
        wish = wishes[sweep]
        return (given[sweep] + 1) * wish.bundle[wish.device] / wish.priority, -wish.priority, sweep

    while True:
        able = [one for one, wish in wishes.items() if given[one] < wish.trials and _fits(wish, left)]
        if not able:
            return given
        chosen = min(able, key=for_its_weight)
        wish = wishes[chosen]
        given[chosen] += 1
        left[wish.device] -= wish.bundle[wish.device]


def _fits(wish: Wish, left: Mapping[str, float]) -> bool:
    return left.get(wish.device, 0.0) >= wish.bundle[wish.device] - 1e-9


class _Shares:
    """The actor. Sweeps that die without leaving are forgotten after a while, also when nobody asks any more."""

    def __init__(self) -> None:
        self._wishes: dict[str, tuple[Wish, float]] = {}
        self._asked: list[dict[str, float]] = []
        self._lock = Lock()
        Thread(target=self._forget_now_and_then, daemon=True).start()

    def ask(self, sweep: str, wish: Wish) -> int:
        """How many trials a sweep may run now, given what it could; to be asked again every few seconds."""
        with self._lock:
            self._wishes[sweep] = wish, time.monotonic()
            self._forget()
            return divided(ray.cluster_resources(), {name: one for name, (one, _) in self._wishes.items()})[sweep]

    def leave(self, sweep: str) -> bool:
        """The sweep is over; whether it was the last."""
        with self._lock:
            self._wishes.pop(sweep, None)
            self._forget()
            return not self._wishes

    def _forget_now_and_then(self) -> None:
        while True:
            time.sleep(_GONE_SECONDS)
            with self._lock:
                self._forget()

    def _forget(self) -> None:
        """Drops those that have died, and tells the autoscaler where what is wanted has changed."""
        now = time.monotonic()
        self._wishes = {name: one for name, one in self._wishes.items() if now - one[1] < _GONE_SECONDS}
        wanted = [dict(wish.bundle) for wish, _ in self._wishes.values() for _ in range(wish.trials)]
        if wanted != self._asked:
            request_resources(bundles=wanted)
            self._asked = wanted


class Share:
    """A sweep's side of it: asks every few seconds, never waiting for the answer; a call tells the last one."""

    def __init__(self, sweep: str, resources: Resources, priority: float, could_use: Callable[[], int]) -> None:
        self._sweep = sweep
        self._resources = resources
        self._priority = priority
        self._could_use = could_use
        self._actor: Any = None
        self._answer: Any = None
        self._asked = float("-inf")
        self._places = 0

    def __call__(self) -> int:
        if self._answer is not None and ray.wait([self._answer], timeout=0)[0]:
            self._take()
        if self._answer is None and time.monotonic() - self._asked > _ASK_SECONDS:
            self._ask()
        return self._places

    def leave(self) -> None:
        """The sweep needs nothing any more."""
        with contextlib.suppress(RayActorError):
            if ray.get(self._shares().leave.remote(self._sweep), timeout=10):
                ray.kill(self._actor)

    def _ask(self) -> None:
        self._asked = time.monotonic()
        most = self._resources.workers
        could = self._could_use()
        wish = Wish(could if most is None else min(could, most), self._resources.bundle, self._priority)
        self._answer = self._shares().ask.remote(self._sweep, wish)

    def _take(self) -> None:
        try:
            self._places = ray.get(self._answer)
        except RayActorError:  # another sweep has just ended it, as the last; the next question starts a new one
            self._actor = None
        self._answer = None

    def _shares(self) -> Any:
        if self._actor is None:
            here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=True)
            self._actor = ray.remote(_Shares).options(
                name=_NAME, namespace=NAMESPACE, get_if_exists=True, lifetime="detached", num_cpus=0,
                scheduling_strategy=here,
            ).remote()  # fmt: skip
        return self._actor
