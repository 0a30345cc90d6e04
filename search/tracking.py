"""MLflow: one experiment per space, one parent run per sweep, one nested run per trial, written by the driver alone.

The sweep never waits for the tracking server: a thread writes, in order, and again where the server is away
(`search.outbox`). Writing is idempotent: a trial's run is found again by its tags, points that it has are not written
twice, and a run that has ended is left as it is. A server that stays away costs a warning, never a result: the next run
of the sweep writes what is missing.
"""

import json
import logging
import math
import os
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")  # a line per run, between our own
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # read at import
os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")  # the outbox tries again itself, and can be ended
os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "30")

from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param, Run, RunTag
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient
from mlflow.utils.mlflow_tags import MLFLOW_DATASET_CONTEXT, MLFLOW_LOGGED_ARTIFACTS, MLFLOW_RUN_NOTE
from sqlalchemy import event
from sqlalchemy.engine import Engine

from search.datasets_used import DatasetUsed
from search.outbox import Outbox, without_password
from search.results import TrialResult
from spaces import TASKS
from spaces.recipes import NONE
from spaces.trial import Trial

_REFUSED = {"INVALID_PARAMETER_VALUE", "BAD_REQUEST", "UNAUTHENTICATED", "PERMISSION_DENIED", "RESOURCE_LIMIT_EXCEEDED"}
_ENDED = {"FINISHED", "FAILED", "KILLED"}
_HURRIED = 10.0  # seconds that somebody who interrupts a sweep is kept waiting
_ABOUT = {
    "mlflow.experimentKind": "custom_model_development",  # else the UI shows what it has for language models
    MLFLOW_RUN_NOTE: "A run per sweep, its trials below it; the answer is in the sweep's description and its "
    "artifact `report.html`. To compare trials, open the chart view and group by `recipe` or `target`: `gain`, "
    "`target/score` and `dev/best` mean the same in every run.",
}
_NOTE = 8000  # characters that a tag takes
_BATCH = 1000  # metrics that one call of the tracking API takes
logger = logging.getLogger(__name__)
logging.getLogger("mlflow").setLevel(logging.WARNING)
logging.getLogger("alembic").setLevel(logging.WARNING)


@event.listens_for(Engine, "connect")
def _write_ahead(connection: object, _: object) -> None:
    """Lets a database in a file take a third of the time: one flush of its log in place of several per write.

    After a crash of the machine the last runs may be missing; running the sweep again writes them.
    """
    if isinstance(connection, sqlite3.Connection):
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")


class Tracker:
    """One sweep's runs on a tracking server (or database).

    All but `flush`, `close` and `interrupt` return at once; these wait for a server that is away for `patience`
    seconds. `left` is how many writes it did not take then.
    """

    def __init__(
        self,
        uri: str,
        experiment: str,
        sweep: str,
        model: str,
        artifacts: Path | None,
        inputs_of: Callable[[Trial], Sequence[DatasetUsed]] = lambda trial: (),
        patience: float = 60.0,
    ) -> None:
        """`artifacts` is where a database without a server keeps files, `inputs_of` tells the data of a trial."""
        self.uri = uri
        self.sweep = sweep
        self.model = model
        self.left = 0
        self._inputs_of = inputs_of
        self._patience = patience
        self._runs: dict[str, _TrialRun] = {}
        self._attempted: set[str] = set()  # trials whose run may have been made
        self._points: dict[Trial, list[dict[str, Any]]] = {}  # that wait to be written
        self._outbox = Outbox(f"MLflow at {without_password(uri)}", hopeless=_hopeless)
        self._outbox.put(lambda: self._open(experiment, artifacts))

    def begin(self, trial: Trial) -> None:
        """Makes the trial's run, or takes up the one it has."""
        self._outbox.put(lambda: self._begin(trial))

    def point(self, trial: Trial, point: dict[str, Any]) -> None:
        """One evaluation of the target's training; `point` has step, examples, loss, dev, and may have `system`."""
        waiting = self._points.setdefault(trial, [])
        waiting.append(point | {"at": _milliseconds()})
        if len(waiting) == 1:  # else a write is due already, which will take this one along
            self._outbox.put(lambda: self._write_points(trial))

    def end(self, result: TrialResult, gain: float | None = None) -> None:
        """All that is known of a trial that has ended, with its gain once the sweep is over.

        Writes nothing where the trial's run says so already.
        """
        at = _milliseconds()
        self._outbox.put(lambda: self._end(result, gain, at))

    def close(self, files: Sequence[Path], totals: dict[str, Any], table: str = "", note: str = "") -> None:
        """Puts the sweep's files and costs on the parent run and ends it.

        `note` (Markdown) describes the run in the UI. `table` is the name of a file that `mlflow.load_table` is to
        find. (`log_table` itself would append to it every time that the sweep is run again.)
        """
        at = _milliseconds()
        self._outbox.put(lambda: self._close(files, totals, table, note, at))
        self._finish(self._patience)

    def interrupt(self) -> None:
        """Marks what is still running as killed; running the sweep again takes it up."""
        self._outbox.put(self._interrupt)
        self._finish(min(self._patience, _HURRIED))

    def flush(self) -> None:
        """Waits until all is written."""
        self.left = self._outbox.flush(self._patience)

    def _finish(self, patience: float) -> None:
        self.left = self._outbox.flush(patience) + self._outbox.refused
        self._outbox.close()
        if self.left:
            logger.warning("MLflow at %s did not take all; results stay in the store, run the sweep again to log them",
                           without_password(self.uri))  # fmt: skip

    def _open(self, name: str, artifacts: Path | None) -> None:
        self._client = MlflowClient(self.uri)
        experiment = self._client.get_experiment_by_name(name)
        location = artifacts.absolute().as_uri() if artifacts else None
        self._experiment = (
            experiment.experiment_id
            if experiment
            else self._client.create_experiment(name, artifact_location=location, tags=_ABOUT)
        )
        found = self._search(f"tags.kind = 'sweep' and tags.sweep = '{self.sweep}'")
        tags = {"kind": "sweep", "sweep": self.sweep}
        self._parent = found[0] if found else self._client.create_run(self._experiment, run_name=self.sweep, tags=tags)
        if self._parent.info.status == "KILLED":
            self._client.update_run(self._parent.info.run_id, status="RUNNING")
        for run in self._search(f"tags.`mlflow.parentRunId` = '{self._parent.info.run_id}'"):
            self._runs[run.data.tags["trial"]] = _TrialRun(
                run.info.run_id,
                ended=run.data.tags.get("ended", ""),
                gain=run.data.metrics.get("gain"),
                running=run.info.status == "RUNNING",
            )

    def _search(self, query: str) -> list[Run]:
        runs: list[Run] = []
        token = None
        while True:
            page = self._client.search_runs([self._experiment], query, page_token=token)
            runs.extend(page)
            token = page.token
            if not token:
                return runs

    def _begin(self, trial: Trial) -> "_TrialRun":
        run = self._runs.get(trial.id)
        if run is None:
            made = self._made_before(trial) or self._make(trial)
            run = self._runs[trial.id] = _TrialRun(made.info.run_id, step=0)
            self._describe(run, trial)
        if run.step is None:  # taken up from an earlier run of the sweep
            history = self._client.get_metric_history(run.id, "dev/score")
            run.step = max((metric.step for metric in history), default=0)
            self._describe(run, trial)  # the run may have been killed before it had said all
        return run

    def _describe(self, run: "_TrialRun", trial: Trial) -> None:
        run.unsaid = _params(trial, self.model)
        run.inputs = [_input(one) for one in self._inputs_of(trial)]

    def _made_before(self, trial: Trial) -> Run | None:
        """The run that an attempt has made whose answer was lost."""
        if trial.id not in self._attempted:
            return None
        found = self._search(f"tags.trial = '{trial.id}' and tags.sweep = '{self.sweep}'")
        return found[0] if found else None

    def _make(self, trial: Trial) -> Run:
        self._attempted.add(trial.id)
        tags = {
            "mlflow.parentRunId": self._parent.info.run_id,
            "kind": "baseline" if trial.recipe == NONE else "trial",
            "sweep": self.sweep,
            "trial": trial.id,
        }
        return self._client.create_run(self._experiment, run_name=trial.id, tags=tags)

    def _write_points(self, trial: Trial) -> None:
        run = self._begin(trial)
        waiting = self._points[trial]
        while waiting:  # more may come while these are written
            points = list(waiting)
            new = _new_points(run, points)
            if new:
                self._take_up(run)
                self._log(run, new)
                run.pass_by(points)
            del waiting[: len(points)]

    def _take_up(self, run: "_TrialRun") -> None:
        if not run.running:
            self._client.update_run(run.id, status="RUNNING")
            run.running = True

    def _end(self, result: TrialResult, gain: float | None, at: int) -> None:
        known = self._runs.get(result.trial.id)
        if known is not None and known.over(result) and gain in (None, known.gain):
            return
        run = self._begin(result.trial)
        metrics = _new_points(run, result.history)
        tags: dict[str, str] = {}
        if not run.over(result):
            metrics += _final_metrics(result)
            tags = {"ended": _ended(result), "stages_reused": str(result.examples_shared > 0).lower()}
            tags |= {name: str(value) for name, value in result.facts.items()}
        if gain not in (None, run.gain):
            metrics.append(Metric("gain", gain, 0, 0))
        self._log(run, [_at(metric, at) for metric in metrics], tags)
        run.pass_by(result.history)
        if tags:
            self._client.set_terminated(run.id, "FAILED" if result.state == "failed" else "FINISHED")
        run.ended, run.running = _ended(result), False
        run.gain = run.gain if gain is None else gain

    def _close(self, files: Sequence[Path], totals: dict[str, Any], table: str, note: str, at: int) -> None:
        run = self._parent.info.run_id
        for file in files:
            self._client.log_artifact(run, str(file))
        values = {f"cost/{name}": float(value) for name, value in totals.items()}
        known = self._parent.data.metrics  # from an earlier run of the sweep
        costs = [Metric(name, value, at, 0) for name, value in values.items() if known.get(name) != value]
        tables = {MLFLOW_LOGGED_ARTIFACTS: json.dumps([{"path": table, "type": "table"}])} if table else {}
        self._log(_TrialRun(run), costs, tables | ({MLFLOW_RUN_NOTE: note[:_NOTE]} if note else {}))
        if self._client.get_run(run).info.status not in _ENDED:
            self._client.set_terminated(run, "FINISHED")

    def _interrupt(self) -> None:
        running = [run.id for run in self._runs.values() if run.running]
        for run in [*running, self._parent.info.run_id]:
            self._client.set_terminated(run, "KILLED")

    def _log(self, run: "_TrialRun", metrics: Sequence[Metric], tags: Mapping[str, str] | None = None) -> None:
        """Writes all in as few calls as the tracking API allows."""
        said = [RunTag(name, value) for name, value in (tags or {}).items()]
        for start in range(0, max(1, len(metrics)), _BATCH):
            part = metrics[start : start + _BATCH]
            self._client.log_batch(run.id, part, *((run.unsaid, said) if start == 0 else ()))
        run.unsaid = []
        if run.inputs:
            self._client.log_inputs(run.id, run.inputs)
            run.inputs = []


@dataclass
class _TrialRun:
    """What is known of a run: the step of its last point (None: not looked up), how it ended, its gain.

    `unsaid` and `inputs` are its parameters and data until they are written with the first batch.
    """

    id: str
    step: int | None = None
    ended: str = ""
    gain: float | None = None
    running: bool = True
    unsaid: list[Param] = field(default_factory=list)
    inputs: list[DatasetInput] = field(default_factory=list)

    def over(self, result: TrialResult) -> bool:
        """Whether the run has ended as the trial has."""
        return not self.running and self.ended == _ended(result)

    def pass_by(self, points: Sequence[dict[str, Any]]) -> None:
        """Notes that the run has these points."""
        self.step = max([self.step or 0, *(point["step"] for point in points)])


def _new_points(run: _TrialRun, points: Sequence[dict[str, Any]]) -> list[Metric]:
    """The metrics of points that the run does not have yet."""
    return [
        Metric(name, value, point.get("at", 0), point["step"])
        for point in points
        if point["step"] > (run.step or 0)
        for name, value in _values(point).items()
    ]


def _values(point: Mapping[str, Any]) -> dict[str, float]:
    named = {"train/loss": point["loss"], "dev/score": point["dev"], "train/examples": point["examples"]}
    return named | {f"system/{name}": value for name, value in point.get("system", {}).items()}


def _at(metric: Metric, at: int) -> Metric:
    """The metric with its time. Fixed before the first attempt, as what is written twice then counts once."""
    return Metric(metric.key, metric.value, at, metric.step)


def _hopeless(error: Exception) -> bool:
    """Whether trying again is of no use: the server has refused, or it was never asked."""
    if isinstance(error, MlflowException):
        return error.error_code in _REFUSED
    return not isinstance(error, OSError)


def _params(trial: Trial, model: str) -> list[Param]:
    values = {
        "recipe": trial.recipe,
        "target": trial.target,
        "learning_rate": f"{trial.learning_rate:g}",
        "log10_learning_rate": f"{math.log10(trial.learning_rate):.4f}",
        "intermediate_learning_rate": f"{trial.intermediate_learning_rate:g}",
        "seed": str(trial.seed),
        "model": model,
    }
    return [Param(name, value) for name, value in values.items()]


def _final_metrics(result: TrialResult) -> list[Metric]:
    values: dict[str, float] = {
        "cost/examples_trained": result.examples_trained,
        "cost/examples_shared": result.examples_shared,
        "cost/device_seconds": result.seconds,
    }
    if result.dev is not None:
        values["dev/best"] = result.dev
    if result.score is not None:
        values |= {"target/score": result.score, "target/chance": result.chance or 0.0, "target/error": result.error}
    target = result.trial.target
    for code, scores in result.languages.items():
        values |= {f"{target}/{name}_{code}": value for name, value in scores["metrics"].items()}
        values |= {f"chance/{target}_{code}": scores["chance"]}
        values |= {f"chance/{target}_{code}_beaten": float(scores["above_chance"])}
    # BUCC's threshold may be missing where no pair was right; a mean over the other languages would mislead.
    measured = [scores["metrics"] for scores in result.languages.values()]
    for name in sorted(set.intersection(*map(set, measured))) if measured else ():
        values[f"{target}/{name}_mean"] = sum(one[name] for one in measured) / len(measured)
    values |= {f"{target}/consistency_{code}": scores["consistency"] for code, scores in result.languages.items()
               if scores.get("consistency") is not None}  # fmt: skip
    for name, value in (("gap_to_english", result.gap), ("consistency_mean", result.consistency)):
        if value is not None:
            values[f"{target}/{name}"] = value
    for (_, split), told in result.inputs.items():
        for what in ("split", "cut"):
            values[f"inputs/{split}_{what}"] = values.get(f"inputs/{split}_{what}", 0) + told[what]
    metrics = [Metric(name, value, 0, 0) for name, value in values.items()]
    for stage in result.intermediate:
        for point in stage.get("history", []):
            prefix = f"intermediate_{stage['task'].replace('+', '_and_')}"  # MLflow's names have no '+'
            metrics += [
                Metric(f"{prefix}/loss", point["loss"], 0, point["step"]),
                Metric(f"{prefix}/dev_{_metric(stage['task'])}", point["dev"], 0, point["step"]),
            ]
    return metrics


def _input(used: DatasetUsed) -> DatasetInput:
    profile = json.dumps({"num_rows": used.rows}) if used.rows is not None else None
    known = Dataset(used.name, used.digest, used.source_type, used.source, profile=profile)
    return DatasetInput(known, [InputTag(MLFLOW_DATASET_CONTEXT, used.context)])


def _metric(task: str) -> str:
    """What English dev of an intermediate stage is measured in; a mean over tasks trained together has no name."""
    return TASKS[task].metric if task in TASKS else "score"


def _ended(result: TrialResult) -> str:
    return result.reason or result.state


def _milliseconds() -> int:
    import time

    return int(time.time() * 1000)
