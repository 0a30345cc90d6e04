"""The way our users work, on hosts of a lab: `ray up`, submit, lose a host, get another, stop, lose the head, down.

The tests are one story on one cluster and run in this order.
"""

import shlex
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.lab import lab, why_not
from tests.cluster.onprem import ENVIRONMENT, Cluster
from tests.cluster.user import STOPOVER, matrix_in

pytestmark = pytest.mark.cluster

SSH = 22


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A head and two workers that are up, and a third that the cluster knows but that is switched off."""
    if why_not():
        pytest.skip(f"no hosts can be made here: {why_not()} (test_nodes.py does the same with nodes on one host)")
    with lab(tmp_path_factory.mktemp("lab"), hosts=4) as made:
        cluster = Cluster(made)
        cluster.workers[-1].kill()
        cluster.up()
        cluster.wait_for_members(*cluster.workers[:-1])
        yield cluster


def test_nothing_but_ssh_answers_outside(cluster: Cluster) -> None:
    hosts = [host for host in cluster.lab.hosts if host.is_up]
    assert {host.name: cluster.lab.open_ports(host.address) for host in hosts} == {host.name: {SSH} for host in hosts}


def test_the_dashboard_refuses_whoever_has_no_token(cluster: Cluster) -> None:
    cluster.lab.tunnel(cluster.head, 8265)
    ask = ["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "http://127.0.0.1:8265/api/jobs/"]
    answers = [cluster.lab.run([*ask, *given]).stdout for given in ((), ("-H", "Authorization: Bearer 0000"))]
    assert answers == ["401", "403"]
    refused = cluster.lab.run(
        [*STOPOVER, "list", "--address", "http://127.0.0.1:8265"],
        env=ENVIRONMENT | {"RAY_AUTH_TOKEN_PATH": "/nowhere"},
    )
    assert refused.returncode == 2
    assert "it wants its token" in refused.stderr and "Traceback" not in refused.stderr


def test_ui_brings_mlflow_and_the_dashboard_to_the_user(cluster: Cluster) -> None:
    ui = shlex.join([*STOPOVER, "ui", "--address", cluster.address, "--port", "5055"])
    ask = "curl -s --retry 40 --retry-delay 1 --retry-connrefused http://127.0.0.1:5055/health"
    told = cluster.run(["sh", "-c", f"timeout 60 {ui} > {cluster.folder}/ui & {ask}; sleep 2; kill $!"], 90)
    assert told.stdout == "OK"
    assert "MLflow:    http://127.0.0.1:5055" in (cluster.folder / "ui").read_text()


def test_a_sweep_loses_a_host_gets_another_and_finds_what_one_machine_finds(cluster: Cluster, quickstart: Path) -> None:
    job = cluster.submit("quickstart")
    lost, stays, late = cluster.workers
    cluster.wait(lambda: cluster.has_trials(lost) and cluster.has_trials(stays), 240, "trials on both hosts")
    time.sleep(10)  # in the midst of what they compute first
    lost.kill()
    late.come_back()
    cluster.wait_for_members(late, seconds=240)
    hosts = [host for host in cluster.lab.hosts if host.is_up]
    assert {host.name: cluster.lab.open_ports(host.address) for host in hosts} == {host.name: {SSH} for host in hosts}
    cluster.wait(lambda: late.name in cluster.stages().values(), 240, "a stage on the new host")
    assert_secret(cluster)
    log = cluster.finished(job, 900)
    assert "its machine was lost" in log
    assert cluster.matrix(log) == matrix_in(quickstart)


def test_a_stopped_sweep_leaves_snapshots_and_no_run_behind_and_goes_on(cluster: Cluster) -> None:
    space = cluster.space()
    before = len(cluster.stages())
    job = cluster.submit(space)
    cluster.wait_for_stages(before + 1)
    cluster.stopover("stop", job, seconds=240)
    assert cluster.state(job) in {"stopped", "failed"}
    assert "interrupted; run the same command again to go on" in cluster.stopover("logs", job)
    assert list((cluster.lab.shared / "stopover" / "store" / "snapshots").iterdir())
    assert statuses(cluster, "tiny") and "RUNNING" not in statuses(cluster, "tiny")
    cluster.finished(cluster.submit(space), 400)
    assert set(statuses(cluster, "tiny")) == {"FINISHED"}


def test_after_the_head_was_lost_the_same_space_finishes_from_the_store(cluster: Cluster) -> None:
    space = cluster.space(name="headless", seeds=[1])
    before = len(cluster.stages())
    cluster.submit(space)
    cluster.wait_for_stages(before + 2)
    cluster.head.kill()
    time.sleep(5)
    cluster.head.come_back()
    cluster.lab.wait_for(cluster.head)
    cluster.up()
    cluster.wait_for_members(cluster.workers[1], seconds=240)
    totals = cluster.results(cluster.finished(cluster.submit(space), 600))["totals"]
    assert 0 < totals["examples_trained_now"] < totals["examples_trained"]
    assert set(statuses(cluster, "headless")) == {"FINISHED"}


def test_down_ends_the_cluster(cluster: Cluster) -> None:
    assert_secret(cluster)
    cluster.down()
    failed = cluster.run([*STOPOVER, "list", "--address", cluster.address], 120)
    assert failed.returncode == 2 and "Traceback" not in failed.stderr


def statuses(cluster: Cluster, experiment: str) -> list[str]:
    """How MLflow on the head has marked the runs of an experiment."""
    code = f"""
from mlflow.tracking import MlflowClient
client = MlflowClient("http://127.0.0.1:5000")
experiment = client.get_experiment_by_name("{experiment}")
print(*(run.info.status for run in client.search_runs([experiment.experiment_id], max_results=1000)))
"""
    return cluster.on(cluster.head, f"python -c '{code.replace(chr(39), chr(34))}'").split()


def assert_secret(cluster: Cluster) -> None:
    """The token is in no command line, no log, no job's metadata and no run of MLflow."""
    for host in (host for host in cluster.lab.hosts if host.is_up):
        shown = cluster.lab.ssh(host, f"ps axww | grep -v grep | grep -c {cluster.token}").stdout.strip()
        places = f"/tmp/ray /root/stopover /root/.bashrc {cluster.lab.shared}"
        held = cluster.lab.ssh(host, f"grep -rsl {cluster.token} {places}").stdout.strip()
        assert (shown, held) == ("0", ""), host.name
    ask = 'curl -s -H "Authorization: Bearer $(cat ~/.ray/auth_token)" http://127.0.0.1:8265/api/jobs/'
    jobs = cluster.on(cluster.head, ask)
    assert "submission_id" in jobs and cluster.token not in jobs
