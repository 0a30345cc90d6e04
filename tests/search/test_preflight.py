"""Nodes are looked at before a sweep runs on them, on real Ray; every fault is a line that says what to do."""

from dataclasses import replace
from pathlib import Path

import pytest

from search import ray_session
from search.preflight import Node, preflight, told
from search.resources import Resources
from spaces import UserError
from trainables.installed import versions
from trainables.machine import Machine, look_at_this_machine
from trainables.store import Store

FIT = Machine("host", "boot", versions(), 1, 0.0, 100.0, "", "")


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"gpus": 0}, "Ray counts 1 GPUs, torch sees 0"),
        ({"cache_gigabytes": 0.5}, "has 0.5 GB left to cache in; make room or name a folder in STOPOVER_CACHE"),
        (
            {"versions": versions() | {"torch": "1.0", "stopover": "x"}},
            "has stopover x instead of .*, torch 1.0 instead",
        ),
        ({"store_fault": "the store cannot be used"}, "the store cannot be used"),
        ({"mirror_fault": "the mirror folder is not there"}, "the mirror folder is not there"),
    ],
)
def test_what_is_wrong_with_a_node_is_said(change: dict[str, object], fault: str) -> None:
    import re

    [line] = Node("10.0.0.1", 1, replace(FIT, **change)).faults()  # type: ignore[arg-type]
    assert re.search(fault, line)


def test_a_clock_that_is_off_is_said() -> None:
    assert list(Node("10.0.0.1", 1, FIT, skew=-90.0).faults()) == [
        "its clock is -90 seconds off; start a time service there (chrony)"
    ]
    assert list(Node("10.0.0.1", 1, FIT, skew=5.0).faults()) == []


def test_a_node_that_does_not_answer_is_said() -> None:
    assert list(Node("10.0.0.1", 1, fault="does not answer").faults()) == ["does not answer"]


def test_another_store_of_the_same_name_is_found_out(tmp_path: Path) -> None:
    ours = Store(tmp_path / "ours")
    ours.save_snapshot("sign", {}, {})
    looked = look_at_this_machine(str(tmp_path / "theirs"), tmp_path / "cache", tmp_path / "none", "sign", "answer")
    assert "is another store there" in looked.store_fault
    assert looked.mirror_fault == f"the mirror folder {tmp_path / 'none'} is not there"


def test_a_fit_cluster_passes_and_nothing_is_left_in_the_store(tmp_path: Path) -> None:
    place = (tmp_path / "store").as_uri()
    store = Store(place)
    with ray_session.own_ray(Resources(workers=1)):
        nodes = preflight(store, place, tmp_path / "cache", None)
        assert told(nodes) == "Cluster: 1 node, 0 GPUs, all reach the store"
        assert store.items() == []
        with pytest.raises(UserError, match=r"not ready, 1 problem:\n  127.0.0.1: the mirror folder .* is not there"):
            preflight(store, place, tmp_path / "cache", tmp_path / "no mirror")
