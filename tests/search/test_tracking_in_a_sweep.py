"""A sweep that loses its tracking server for a while, and one that is run again, log what an undisturbed one logs."""

import time
from pathlib import Path
from typing import Any

import pytest
from mlflow.entities import Run
from mlflow.tracking import MlflowClient

from tests.mlflow_server import MlflowServer
from tests.search.place import Place

_AWAY_SECONDS = 20
# Files that tell of this machine and this hour.
_OF_THE_HOUR = {"results.json", "report.txt", "report.html", "environment.json", "plan.txt", "matrix.png"}
_MEASURED = ("system/", "cost/device_", "cost/seconds")


@pytest.fixture
def server(tmp_path: Path) -> Any:
    made = MlflowServer(f"sqlite:///{tmp_path}/mlflow.db", tmp_path)
    made.start()
    yield made
    made.kill()


def test_a_server_killed_for_twenty_seconds_has_all_in_the_end_as_if_nothing_had_been(
    server: MlflowServer, tmp_path: Path, mirror: Path, tiny_model: Path
) -> None:
    # Without early stopping, as it hangs on the order of arrival whether a trial that is outdone ends before.
    undisturbed = Place(tmp_path / "calm", mirror, tiny_model, stopping=None)
    undisturbed.run()
    given = ("--workers", "2", "--tracking-uri", server.uri)
    place = Place(tmp_path / "struck", mirror, tiny_model, *given, stopping=None)
    process = place.start()
    _wait_for_runs(server.uri, 4)
    assert process.poll() is None
    server.kill()
    time.sleep(_AWAY_SECONDS)
    server.start()
    output, _ = process.communicate(timeout=300)
    assert process.returncode == 0, output

    calm, struck = logged(undisturbed.home.tracking_uri), logged(server.uri)
    assert struck.keys() == calm.keys()
    for name, told in calm.items():
        assert struck[name] == told, name
    before = {run.info.run_id: run.info.end_time for run in runs(server.uri)}
    place.run()
    assert logged(server.uri) == struck
    assert {run.info.run_id: run.info.end_time for run in runs(server.uri)} == before


def runs(uri: str) -> list[Run]:
    client = MlflowClient(uri)
    experiment = client.get_experiment_by_name("small")
    return list(client.search_runs([experiment.experiment_id], max_results=1000)) if experiment else []


def logged(uri: str) -> dict[str, dict[str, Any]]:
    """By run all that does not hang on the hour: state, parameters, tags, data, every metric point, and files."""
    client = MlflowClient(uri)
    found = runs(uri)
    names = [run.info.run_name for run in found]
    assert len(names) == len(set(names)), "a run is there twice"
    return {run.info.run_name: _told(client, run) for run in found}


def _told(client: MlflowClient, run: Run) -> dict[str, Any]:
    names = [name for name in run.data.metrics if not name.startswith(_MEASURED)]
    histories = {name: client.get_metric_history(run.info.run_id, name) for name in sorted(names)}
    return {
        "status": run.info.status,
        "params": run.data.params,
        "kind": {name: run.data.tags.get(name) for name in ("kind", "sweep", "trial", "ended")},
        "data": sorted((one.dataset.name, one.dataset.digest) for one in run.inputs.dataset_inputs),
        "points": {name: [(point.step, point.value) for point in points] for name, points in histories.items()},
        "files": _files(client, run),
    }


def _files(client: MlflowClient, run: Run) -> dict[str, str | None]:
    """Contents by name; of those that hang on the hour only that they are there."""
    found = {}
    for file in client.list_artifacts(run.info.run_id):
        if not file.is_dir:  # a folder is what a test promoted
            path = Path(client.download_artifacts(run.info.run_id, file.path))
            found[file.path] = None if file.path in _OF_THE_HOUR else path.read_text()
            assert path.stat().st_size > 0
    return found


def _wait_for_runs(uri: str, wanted: int) -> None:
    end = time.monotonic() + 200
    while time.monotonic() < end:
        if len(runs(uri)) >= wanted:
            return
        time.sleep(0.2)
    raise AssertionError(f"the sweep did not log {wanted} runs")
