"""MLflow, for real: a sqlite database, and a server on loopback."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mlflow.data
import pytest
from mlflow.entities import Run
from mlflow.tracking import MlflowClient

from search.datasets_used import DatasetUsed
from search.results import TrialResult
from search.tracking import Tracker
from spaces.trial import Trial
from tests import postgres_server
from tests.mlflow_server import mlflow_server

BASELINE = Trial("xnli", "none", 0.01, 0.01, 0)
TRIAL = Trial("xnli", "mnli", 0.001, 0.001, 0)
POINTS = [{"step": step, "steps": 4, "examples": 10 * step, "loss": 1.0 / step, "dev": 40.0 + step} for step in (2, 4)]
LANGUAGES = {
    "en": {"value": 60.0, "chance": 33.0, "error": 2.0, "metrics": {"accuracy": 60.0}, "above_chance": True},
    "de": {"value": 34.0, "chance": 33.0, "error": 2.0, "metrics": {"accuracy": 34.0}, "above_chance": False},
}


def finished(trial: Trial, **more: Any) -> TrialResult:
    return TrialResult(trial, "finished", dev=44.0, languages=LANGUAGES, history=POINTS, examples_trained=40, **more)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("mlflow")
    if request.param == "sqlite":
        with mlflow_server(f"sqlite:///{folder}/mlflow.db", folder) as uri:
            yield uri
        return
    if reason := postgres_server.missing():
        pytest.skip(reason)
    with postgres_server.postgres() as database, mlflow_server(database, folder) as uri:
        yield uri


@pytest.fixture
def sqlite(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/mlflow.db"


def inputs_of(trial: Trial) -> list[DatasetUsed]:
    source = json.dumps({"tags": {"generated": "the embedded world"}})
    return [
        DatasetUsed("xnli train", "0" * 36, "code", source, "train", 12),
        DatasetUsed("xnli test", "1" * 36, "code", source, "test", 24),
    ]


def tracker(uri: str, artifacts: Path | None = None, patience: float = 60.0) -> Tracker:
    return Tracker(uri, "small", "small-1", "tiny", artifacts, inputs_of, patience)


def runs(uri: str) -> dict[str, Run]:
    client = MlflowClient(uri)
    experiment = client.get_experiment_by_name("small")
    assert experiment is not None
    return {run.info.run_name: run for run in client.search_runs([experiment.experiment_id])}


def write_sweep(uri: str, artifacts: Path | None, file: Path) -> None:
    sweep = tracker(uri, artifacts)
    for trial in (BASELINE, TRIAL):
        sweep.begin(trial)
        sweep.point(trial, POINTS[0])
        sweep.end(finished(trial))
    sweep.end(finished(TRIAL), gain=3.5)
    sweep.close([file], {"examples_trained": 80})
    assert sweep.left == 0


def check_sweep(uri: str) -> None:
    there = runs(uri)
    assert set(there) == {"small-1", BASELINE.id, TRIAL.id}
    parent, trial = there["small-1"], there[TRIAL.id]
    assert trial.data.tags["mlflow.parentRunId"] == parent.info.run_id
    assert (parent.data.tags["kind"], trial.data.tags["kind"], there[BASELINE.id].data.tags["kind"]) == (
        "sweep", "trial", "baseline",
    )  # fmt: skip
    assert trial.data.params["recipe"] == "mnli"
    assert trial.data.params["log10_learning_rate"] == "-3.0000"
    assert trial.data.metrics["target/score"] == 47.0
    assert trial.data.metrics["xnli/accuracy_de"] == 34.0
    assert trial.data.metrics["chance/xnli_de_beaten"] == 0.0
    assert trial.data.metrics["gain"] == 3.5
    assert {run.info.status for run in there.values()} == {"FINISHED"}
    inputs = {one.dataset.name: one for one in trial.inputs.dataset_inputs}
    assert inputs.keys() == {"xnli train", "xnli test"}
    assert inputs["xnli test"].dataset.digest == "1" * 36
    assert [(tag.key, tag.value) for tag in inputs["xnli test"].tags] == [("mlflow.data.context", "test")]
    assert "the embedded world" in mlflow.data.get_source(inputs["xnli train"].dataset).to_json()
    history = MlflowClient(uri).get_metric_history(trial.info.run_id, "dev/score")
    assert [(metric.step, metric.value) for metric in history] == [(2, 42.0), (4, 44.0)]


def test_a_metric_that_a_language_lacks_has_no_mean_and_keeps_no_run_from_its_end(sqlite: str) -> None:
    english, german = LANGUAGES.values()
    with_threshold = {"en": english | {"metrics": {"accuracy": 60.0, "threshold": 1.2}}, "de": german}
    sweep = tracker(sqlite)
    sweep.end(TrialResult(TRIAL, "finished", languages=with_threshold))
    sweep.close([], {})
    run = runs(sqlite)[TRIAL.id]
    assert run.info.status == "FINISHED"
    assert (run.data.metrics["xnli/threshold_en"], run.data.metrics["xnli/accuracy_mean"]) == (1.2, 47.0)
    assert "xnli/threshold_mean" not in run.data.metrics


def test_a_sweep_in_a_database(sqlite: str, tmp_path: Path) -> None:
    file = tmp_path / "matrix.csv"
    file.write_text("recipe,target\n")
    write_sweep(sqlite, tmp_path / "files", file)
    check_sweep(sqlite)
    assert list((tmp_path / "files").rglob("matrix.csv"))


def test_a_sweep_on_a_server(server: str, tmp_path: Path) -> None:
    file = tmp_path / "matrix.csv"
    file.write_text("recipe,target\n")
    write_sweep(server, None, file)
    check_sweep(server)


def test_a_server_that_goes_away_and_comes_back_gets_all_in_order_once(tmp_path: Path) -> None:
    database, file = f"sqlite:///{tmp_path}/mlflow.db", tmp_path / "matrix.csv"
    file.write_text("recipe,target\n")
    with mlflow_server(database, tmp_path) as uri:
        sweep = tracker(uri)
        sweep.begin(BASELINE)
        sweep.point(BASELINE, POINTS[0])
        sweep.flush()
    began = time.monotonic()
    sweep.point(BASELINE, POINTS[1])  # nobody answers now
    sweep.end(finished(BASELINE))
    for point in POINTS:
        sweep.point(TRIAL, point)
    sweep.end(finished(TRIAL), gain=3.5)
    assert time.monotonic() - began < 1.0  # the sweep does not wait
    with mlflow_server(database, tmp_path, port=int(uri.rpartition(":")[2])):
        sweep.close([file], {"examples_trained": 80})
        assert sweep.left == 0
        check_sweep(uri)
        trial = runs(uri)[TRIAL.id]
        history = MlflowClient(uri).get_metric_history(trial.info.run_id, "train/loss")
        assert [(metric.step, metric.value) for metric in history] == [(2, 0.5), (4, 0.25)]


def test_writing_a_sweep_again_changes_nothing(sqlite: str, tmp_path: Path) -> None:
    file = tmp_path / "matrix.csv"
    file.write_text("recipe,target\n")
    write_sweep(sqlite, tmp_path / "files", file)
    before = {name: (run.info.run_id, run.data.metrics) for name, run in runs(sqlite).items()}
    again = tracker(sqlite)
    again.end(finished(BASELINE))
    again.end(finished(TRIAL), gain=3.5)
    again.close([file], {"examples_trained": 80})
    assert {name: (run.info.run_id, run.data.metrics) for name, run in runs(sqlite).items()} == before
    check_sweep(sqlite)


def test_a_run_cut_short_is_taken_up_again(sqlite: str) -> None:
    first = tracker(sqlite)
    first.begin(TRIAL)
    first.point(TRIAL, POINTS[0])
    first.flush()
    cut = runs(sqlite)[TRIAL.id]
    assert cut.info.status == "RUNNING"
    second = tracker(sqlite)
    second.end(finished(TRIAL))
    second.flush()
    ended = runs(sqlite)[TRIAL.id]
    assert (ended.info.run_id, ended.info.status) == (cut.info.run_id, "FINISHED")
    history = MlflowClient(sqlite).get_metric_history(ended.info.run_id, "dev/score")
    assert [metric.step for metric in history] == [2, 4]


def test_a_stopped_run_that_goes_on_ends_as_finished(sqlite: str) -> None:
    sweep = tracker(sqlite)
    stopped = TrialResult(TRIAL, "stopped early", "stopped early at rung 0.5 of the target stage", history=POINTS[:1])
    sweep.end(stopped)
    sweep.flush()
    assert runs(sqlite)[TRIAL.id].data.tags["ended"] == stopped.reason
    sweep.end(finished(TRIAL))
    sweep.flush()
    run = runs(sqlite)[TRIAL.id]
    assert (run.data.tags["ended"], run.info.status) == ("finished", "FINISHED")


def test_a_run_that_goes_on_and_ends_as_before_ends(sqlite: str) -> None:
    sweep = tracker(sqlite)
    stopped = TrialResult(TRIAL, "stopped early", "stopped early at rung 0.5 of the target stage", history=POINTS[:1])
    sweep.end(stopped)
    sweep.point(TRIAL, POINTS[1])  # lifted by another's result, and outdone again
    sweep.end(stopped)
    sweep.flush()
    assert runs(sqlite)[TRIAL.id].info.status == "FINISHED"


def test_a_failed_trial_says_why(sqlite: str) -> None:
    sweep = tracker(sqlite)
    sweep.end(TrialResult(TRIAL, "failed", "mnli diverged"))
    sweep.flush()
    run = runs(sqlite)[TRIAL.id]
    assert (run.info.status, run.data.tags["ended"]) == ("FAILED", "mnli diverged")


def test_an_unreachable_database_costs_a_warning_only(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").write_text("no folder")
    sweep = tracker(f"sqlite:///{tmp_path}/file/mlflow.db", patience=3.0)
    sweep.end(finished(TRIAL))
    sweep.close([], {})
    assert sweep.left == 3
    assert "results stay in the store" in caplog.text


def test_the_matrix_can_be_loaded_as_a_table_and_writing_it_again_does_not_lengthen_it(
    sqlite: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", sqlite)
    file = tmp_path / "matrix.json"
    file.write_text(json.dumps({"columns": ["recipe", "gain"], "data": [["mnli", 1.5], ["none", None]]}))
    for _ in range(2):
        sweep = tracker(sqlite, tmp_path / "files")
        sweep.close([file], {"examples_trained": 80}, table=file.name)
    (parent,) = runs(sqlite).values()
    loaded = MlflowClient(sqlite).load_table(parent.info.experiment_id, file.name, run_ids=[parent.info.run_id])
    assert loaded["recipe"].tolist() == ["mnli", "none"]
    assert loaded["gain"].tolist()[0] == 1.5


def test_a_point_that_comes_while_another_is_written_does_not_wake_a_run_that_has_ended(
    sqlite: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweep = tracker(sqlite, tmp_path / "files")
    log_batch, calls = MlflowClient.log_batch, []

    def slow(client: MlflowClient, *given: Any) -> Any:
        if not calls:  # the second point and the end come while the first point is under way
            calls.append(sweep.point(TRIAL, POINTS[1]))
            sweep.end(finished(TRIAL))
        return log_batch(client, *given)

    monkeypatch.setattr(MlflowClient, "log_batch", slow)
    sweep.point(TRIAL, POINTS[0])
    sweep.flush()
    sweep.end(finished(TRIAL), gain=3.5)
    sweep.close([], {})
    trial = runs(sqlite)[TRIAL.id]
    assert trial.info.status == "FINISHED"
    for metric, points in (("target/score", 1), ("dev/score", 2)):
        assert len(MlflowClient(sqlite).get_metric_history(trial.info.run_id, metric)) == points
