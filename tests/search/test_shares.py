"""How sweeps share a cluster: the division by priority, and the actor that does it, on real Ray."""

import time
from collections.abc import Callable

import pytest

from search import ray_session, shares
from search.resources import Resources
from search.shares import Share, Wish, divided

CPU = {"CPU": 1.0}
GPU = {"CPU": 1.0, "GPU": 1.0}


@pytest.mark.parametrize(
    ("wishes", "given"),
    [
        ({"a": Wish(10, GPU)}, {"a": 8}),
        ({"a": Wish(3, GPU)}, {"a": 3}),
        ({"a": Wish(10, GPU), "b": Wish(10, GPU)}, {"a": 4, "b": 4}),
        ({"a": Wish(10, GPU), "b": Wish(1, GPU)}, {"a": 7, "b": 1}),  # what one has no use for the other gets
        ({"a": Wish(10, GPU, priority=3), "b": Wish(10, GPU)}, {"a": 6, "b": 2}),
        ({"a": Wish(10, GPU, priority=100), "b": Wish(10, GPU)}, {"a": 8, "b": 0}),
        ({"a": Wish(10, {"CPU": 1.0, "GPU": 0.5}), "b": Wish(10, GPU)}, {"a": 8, "b": 4}),
        ({"a": Wish(10, {"CPU": 1.0, "GPU": 2.0}), "b": Wish(10, GPU)}, {"a": 2, "b": 4}),
        ({"a": Wish(10, GPU), "b": Wish(10, CPU)}, {"a": 8, "b": 4}),  # of different devices each has all
        ({}, {}),
    ],
)
def test_devices_are_divided_by_priority(wishes: dict[str, Wish], given: dict[str, int]) -> None:
    assert divided({"GPU": 8.0, "CPU": 4.0}, wishes) == given


def test_no_device_means_no_trial() -> None:
    assert divided({"CPU": 4.0}, {"a": Wish(2, GPU)}) == {"a": 0}


def until(share: Share, places: int) -> bool:
    """Whether a sweep's share comes to be so much."""
    end = time.monotonic() + 30
    while share() != places and time.monotonic() < end:
        time.sleep(0.1)
    return share() == places


@pytest.fixture
def one_core() -> Resources:
    return Resources(cpus=1, workers=4)


def asked_of_the_autoscaler() -> int:
    import json

    from ray.experimental.internal_kv import _internal_kv_get

    return len(json.loads(_internal_kv_get("autoscaler_resource_request") or b"[]"))


def test_sweeps_on_one_ray_share_it_and_what_they_ask_for(monkeypatch: pytest.MonkeyPatch, one_core: Resources) -> None:
    monkeypatch.setattr(shares, "_ASK_SECONDS", 0.1)
    with ray_session.own_ray(one_core):
        could: dict[str, int] = {"a": 9, "b": 9}

        def use(name: str) -> Callable[[], int]:
            return lambda: could[name]

        first = Share("a", Resources(cpus=1), 1.0, use("a"))
        second = Share("b", Resources(cpus=1, workers=6), 3.0, use("b"))
        assert until(first, 4)
        assert asked_of_the_autoscaler() == 9
        assert until(second, 3) and until(first, 1)
        assert asked_of_the_autoscaler() == 15  # not more than the second's workers
        could["b"] = 1  # it drains
        assert until(second, 1) and until(first, 3)
        assert asked_of_the_autoscaler() == 10
        second.leave()
        assert until(first, 4)
        first.leave()
        assert asked_of_the_autoscaler() == 0
        assert until(Share("c", Resources(cpus=1), 1.0, lambda: 2), 2)  # after the last left one may come again
