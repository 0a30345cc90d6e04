"""A sweep from space to answer: prepared, run (or found done), tracked, and written down."""

import json
import logging
import socket
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from rich.console import Console
from rich.progress import Progress

from search.board import Board, State
from search.datasets_used import DatasetUsed, datasets_used
from search.environment import ENVIRONMENT_FILE, environment
from search.estimate import shape_of
from search.evidence import weigh
from search.gains import TransferMatrix, transfer_matrix
from search.halving import Halving
from search.heatmap import draw_heatmap
from search.home import Home
from search.html_report import write_html
from search.journal import Journal
from search.looks import looks_of
from search.matrix_files import write_csv, write_evidence, write_json
from search.note import note
from search.plan import Plan, make_plan
from search.plan_report import plan_report
from search.report import full_report
from search.results import OF_THIS_RUN, RESULTS_FILE, Results, totals, trial_result
from search.strategies import strategy_for
from spaces import Space, UserError
from spaces.errors import did_you_mean
from spaces.trial import Trial
from trainables.digest import digest_of
from trainables.events import Evaluated
from trainables.examples import Data
from trainables.kept_scores import read_units
from trainables.model_files import find_model, model_digest
from trainables.published import PublishedData
from trainables.sources import open_source
from trainables.store import Store

if TYPE_CHECKING:
    from search.on_ray import ReadyRay

_TELL_AGAIN_SECONDS = 3600.0
MATRIX_TABLE = "matrix.json"
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Sweep:
    """A checked space with the plan of its combinations; `id` names it, so that running it again continues it."""

    space: Space
    home: Home
    mirror: Path | None
    model: Path
    model_key: str
    data: Data
    plan: Plan

    @property
    def id(self) -> str:
        """The space's name and a hash of all its combinations' stages, and of how trials are drawn where they are.

        The budget is not in it: a sweep whose budget is raised goes on.
        """
        finals = sorted([trial.id, stages[-1].key] for trial, stages in self.plan.chains.items())
        if self.space.strategy == "grid":
            return f"{self.space.name}-{digest_of(finals)[:8]}"
        drawn = {"strategy", "learning_rates", "intermediate_learning_rates", "seeds"}
        return f"{self.space.name}-{digest_of([finals, self.space.model_dump(mode='json', include=drawn)])[:8]}"

    @property
    def folder(self) -> Path:
        """Where its space, results, matrix and report are written."""
        return self.home.sweeps / self.id

    def datasets_of(self, trial: Trial) -> list[DatasetUsed]:
        """The data that a trial stands on."""
        return datasets_used(self.plan.chain_of(trial), self.space.source, self.data)


@dataclass(frozen=True)
class How:
    """How a sweep is run, which does not change what is found.

    At most `workers` trials side by side, on a Ray of its own or on the cluster at `address`; there on GPUs or cores
    as `device` says ("gpu", "cpu"; None: GPUs where there are any), and with a weight among the sweeps that share it
    (`priority`). `hang_seconds`: see `Job`. `tracking_uri` is an MLflow server; None for the home's database.
    """

    workers: int | None = None
    tracking_uri: str | None = None
    hang_seconds: float = 3600.0
    address: str | None = None
    device: str | None = None
    priority: float = 1.0


class _Needed:
    """Tells the store which stages a sweep needs, before it runs and every hour that it does (`search.garbage`).

    `plan` has the trials that the strategy has given so far.
    """

    def __init__(self, sweep: Sweep, plan: Plan, store: Store) -> None:
        self._sweep = sweep
        self._plan = plan
        self._store = store
        self._tell()

    def tick(self) -> None:
        """Tells again if the plan has grown or an hour has passed."""
        if len(self._plan.stages) > self._stages or time.monotonic() - self._told > _TELL_AGAIN_SECONDS:
            try:
                self._tell()
            except Exception as error:  # no reason to end a sweep: there is time until anyone clears its stages away
                logger.warning("the store could not be told what the sweep needs: %s", error)

    def _tell(self) -> None:
        self._told, self._stages = time.monotonic(), len(self._plan.stages)
        home = self._sweep.home
        where = f"{socket.gethostname()}:{home.root.absolute()}"
        keys = {self._sweep.model_key, *self._sweep.plan.stages, *self._plan.stages}
        self._store.need(self._sweep.id, home.identity(), where, keys)


def prepare(space: Space, home: Home, mirror: Path | None, console: Console) -> Sweep:
    """Finds model and data and plans all trials; raises `UserError` before anything is trained."""
    data = data_of(space, home, mirror)
    model = _find_model(space, home, mirror, console)
    with console.status("reading data and planning"):
        key = model_digest(model)
        plan = make_plan(space, data, key)
    return Sweep(space, home, mirror.absolute() if mirror else None, model.absolute(), key, data, plan)


def data_of(space: Space, home: Home, mirror: Path | None) -> Data:
    """The data that a space is run on."""
    return Data(open_source(space.source, mirror, home.caches.encoded), space.evaluation.test_splits)


def published_plan(space: Space) -> Plan:
    """The plan as far as the catalogue's published sizes tell it, for data or a model that cannot be had yet."""
    return make_plan(space, PublishedData(), digest_of(["model", space.model]))


def run(sweep: Sweep, console: Console, how: How) -> tuple[Results, TransferMatrix]:
    """Runs what the store does not hold yet; returns what is known then.

    A first interrupt stops the sweep once running trials have left snapshots. Raises `KeyboardInterrupt` then, and
    `UserError` where the cluster is not fit to run it.
    """
    from search.on_ray import ready_ray
    from search.tracking import Tracker

    began = time.monotonic()
    home = sweep.home
    sweep.folder.mkdir(parents=True, exist_ok=True)
    store = home.open_store()
    plan = sweep.plan.emptied()
    needed = _Needed(sweep, plan, store)
    stopping = sweep.space.stopping
    with store.records_cached(sweep.plan.stages):
        board = Board(
            plan,
            Halving(stopping),
            strategy_for(sweep.space, sweep.id, home.optuna),
            store,
            budget=sweep.space.budget,
            journal=Journal(sweep.folder / "journal.jsonl"),
            grace=stopping.grace if stopping else None,
        )
    with ExitStack() as stack:
        if not board.over:
            ray = stack.enter_context(ready_ray(sweep, board, store, how, console))
        tracker = Tracker(
            how.tracking_uri or home.tracking_uri,
            sweep.space.name,
            sweep.id,
            sweep.space.model,
            None if how.tracking_uri else home.artifacts,
            sweep.datasets_of,
        )
        if not board.over:
            try:
                _run(board, ray, tracker, console, needed)
            except KeyboardInterrupt:
                board.note_times()
                tracker.interrupt()
                raise
    with store.records_cached(board.plan.stages):
        results = _results(sweep, board, time.monotonic() - began)
    with console.status("weighing the evidence"):
        results = weigh(results, lambda result: read_units(store, result.scored))
    matrix = transfer_matrix(results)
    files = [*write_down(results, matrix, sweep.folder, sweep.space), _write_plan(sweep, store)]
    gains = _gains(results, matrix)
    for result in results.trials:
        if result.state != State.NOT_RUN or result.history:  # one that never began has no run
            tracker.end(result, gains.get(result.trial.id))
    lasting = {name: value for name, value in results.totals.items() if name not in OF_THIS_RUN}
    tracker.close(files, lasting, table=MATRIX_TABLE, note=note(results, matrix))
    return results, matrix


def write_down(results: Results, matrix: TransferMatrix, folder: Path, space: Space) -> Sequence[Path]:
    """The sweep's files: space, results, matrix as CSV and picture, evidence as CSV, report as text and as a page,
    where it ran, and the matrix as MLflow's table."""
    names = ("space.yaml", RESULTS_FILE, "matrix.csv", "matrix.png", "report.txt", "evidence.csv", "report.html",
             ENVIRONMENT_FILE, MATRIX_TABLE)  # fmt: skip
    files = [folder / name for name in names]
    text = yaml.safe_dump(space.model_dump(mode="json", exclude_defaults=True), sort_keys=False, allow_unicode=True)
    files[0].write_text(text, encoding="utf-8")
    results.save(folder)
    write_csv(matrix, files[2])
    draw_heatmap(matrix, results.sweep, files[3])
    with files[4].open("w", encoding="utf-8") as file:
        Console(file=file, width=140).print(full_report(results, matrix))
    write_evidence(results.findings, files[5])
    ran_on = environment()
    write_html(results, matrix, ran_on, files[6])
    files[7].write_text(json.dumps(ran_on, indent=1), encoding="utf-8")
    write_json(matrix, files[8])
    return files


def _write_plan(sweep: Sweep, store: Store) -> Path:
    """The plan as text: stages, what is shared, what it costs."""
    path = sweep.folder / "plan.txt"
    shape = shape_of(sweep.space.model, sweep.model)
    with path.open("w", encoding="utf-8") as file:
        Console(file=file, width=120).print(plan_report(sweep.id, sweep.plan, sweep.space, store, shape, devices=1))
    return path


def find_sweep(home: Home, name: str) -> Results:
    """The results of a sweep by its id, or of the newest sweep of a space's name."""
    folders = sorted(home.sweeps.glob("*/"), key=lambda folder: folder.stat().st_mtime)
    names = [folder.name for folder in folders]
    if name in names:
        return Results.load(home.sweeps / name)
    of_space = [one for one in names if one.rpartition("-")[0] == name]
    if of_space:
        return Results.load(home.sweeps / of_space[-1])
    hint = did_you_mean(name, names) if names else "none was run yet: stopover run quickstart"
    raise UserError(f"no sweep '{name}' under {home.sweeps} ({hint})")


def _find_model(space: Space, home: Home, mirror: Path | None, console: Console) -> Path:
    with Progress(console=console, transient=True) as bar:
        task = bar.add_task("finding the model", total=None)

        def show(doing: str, done: int, of: int) -> None:
            bar.update(task, description=doing, completed=done, total=of)

        return find_model(space.model, home.caches.world_model, mirror, progress=show)


def _run(board: Board, ray: "ReadyRay", tracker: Any, console: Console, needed: _Needed) -> None:
    """Runs the board, telling the tracker, the console and the store."""
    from search.live import LiveTable
    from search.ray_tune import run_board

    def on_event(trial: Trial | None, event: dict[str, Any] | None) -> None:
        if trial is not None and event is None:
            if board.standings[trial].state is not State.WAITING:  # else it goes on later
                tracker.end(trial_result(trial, board))
        elif trial is not None and event is not None and event["kind"] == Evaluated.kind:
            target_stage = board.plan.target_stage(trial)
            if target_stage is not None and target_stage.key == event["stage"]:
                tracker.point(trial, event)
        table.tick(trial, event)
        needed.tick()

    with LiveTable(board, console) as table:
        run_board(board, ray, on_event)


def _results(sweep: Sweep, board: Board, seconds: float) -> Results:
    trials = [trial_result(trial, board) for trial in board.standings]
    cost = totals(board, seconds)
    looks = looks_of(sweep.id, sweep.space, sweep.home)
    return Results(sweep.id, sweep.space.model_dump(mode="json"), trials, cost, looks=looks)


def _gains(results: Results, matrix: TransferMatrix) -> dict[str, float]:
    """The gain of every trial that came to its end, over the target's chosen baseline."""
    gains = {}
    for result in results.trials:
        baseline = matrix.cells.get(("none", result.trial.target))
        if result.score is not None and baseline is not None and baseline.score is not None:
            gains[result.trial.id] = result.score - baseline.score
    return gains
