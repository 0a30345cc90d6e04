"""A cluster's life on nodes of one host: what `test_onprem.py` tests on hosts, but for ssh and the network."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.nodes import Nodes, nodes
from tests.cluster.user import STOPOVER, matrix_in, run_here

pytestmark = pytest.mark.cluster

_NODES_OF_TRIALS = """
from ray.util.state import list_actors
actors = list_actors(address="{0}", detail=True, limit=1000)
print(*{{actor.node_id for actor in actors if "Trainable" in actor.class_name}})
"""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nodes]:
    with nodes(tmp_path_factory.mktemp("nodes")) as made:
        yield made


def test_a_sweep_loses_a_node_gets_another_and_finds_what_one_machine_finds(cluster: Nodes, tmp_path: Path) -> None:
    space = cluster.space()
    job = cluster.submit(space)
    cluster.wait_for_stages(3)
    used = cluster.done([STOPOVER[0], "-c", _NODES_OF_TRIALS.format(cluster.address)], 60).split()
    assert len(used) == 2
    cluster.workers[0].kill()
    cluster.start(cluster.workers[2])
    log = cluster.finished(job, 400)
    assert "it goes on from its last snapshot" in log
    run_here(space, tmp_path)
    assert cluster.matrix(log) == matrix_in(tmp_path)


def test_two_sweeps_share_the_cluster(cluster: Nodes) -> None:
    jobs = [cluster.submit(cluster.space(name=name, seeds=[seed])) for seed, name in ((5, "first"), (6, "second"))]
    for job in jobs:
        cluster.finished(job, 500)
    listed = cluster.stopover("list")
    assert all(job in listed for job in jobs)


def test_a_stopped_sweep_leaves_snapshots_and_goes_on(cluster: Nodes) -> None:
    space = cluster.space(name="stopped", seeds=[7])
    before = len(cluster.stages())
    job = cluster.submit(space)
    cluster.wait_for_stages(before + 1)
    cluster.stopover("stop", job, seconds=240)
    assert "interrupted; run the same command again to go on" in cluster.stopover("logs", job)
    assert list((cluster.store / "snapshots").iterdir())
    cluster.finished(cluster.submit(space), 400)


def test_whoever_has_no_token_is_refused(cluster: Nodes, tmp_path: Path) -> None:
    command = [*STOPOVER, "list", "--address", cluster.address]
    refused = cluster.run_with(command, 60, {"RAY_AUTH_TOKEN_PATH": str(tmp_path / "none"), "RAY_AUTH_MODE": "token"})
    assert refused.returncode == 2
    assert "Traceback" not in refused.stderr


def test_after_the_head_was_lost_the_same_space_finishes_from_the_store(cluster: Nodes) -> None:
    space = cluster.space(name="headless", seeds=[8])
    before = len(cluster.stages())
    cluster.submit(space)
    cluster.wait_for_stages(before + 2)
    for node in (cluster.head, *cluster.workers):
        node.kill()
    cluster.up()
    totals = cluster.results(cluster.finished(cluster.submit(space), 400))["totals"]
    assert 0 < totals["examples_trained_now"] < totals["examples_trained"]
