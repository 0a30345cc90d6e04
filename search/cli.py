"""The command line: `stopover run|plan|check|fetch|tasks|report|promote|export|gc|ui`, and `search.cluster_cli`'s."""

import os
import subprocess
import sys
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from search import cluster_cli
from search.home import Home
from spaces import Space, UserError, library_names, load_space

app = typer.Typer(
    name="stopover",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    help="Finds which English intermediate task helps which cross-lingual target task.\n\n"
    "A first sweep, with nothing to download:  `stopover run quickstart`",
)
console = Console()

SpaceName = Annotated[str, typer.Argument(metavar="SPACE", help="A YAML file, or a name of the library.")]
HomeFolder = Annotated[
    Path, typer.Option("--home", envvar="STOPOVER_HOME", help="The folder that everything is written under.")
]
StorePlace = Annotated[
    str | None,
    typer.Option(
        "--store",
        envvar="STOPOVER_STORE",
        metavar="FOLDER|URL",
        help="Where finished stages are kept: a folder, s3://bucket/folder, gs://..., or file:///folder for a folder "
        "that several machines mount; default: under --home.",
    ),
]
Mirror = Annotated[
    Path | None,
    typer.Option(
        envvar="STOPOVER_MIRROR", help="A folder of hub datasets as <owner>__<name>/<config>/<split>.parquet."
    ),
]
Model = Annotated[
    str | None, typer.Option(envvar="STOPOVER_MODEL", help="A model folder or hub id in place of the space's.")
]
Without = Annotated[
    list[str] | None,
    typer.Option(metavar="TASK", help="Leave a task out, as a target and in recipes; may be given several times."),
]
TrackingUri = Annotated[
    str | None,
    typer.Option(envvar="MLFLOW_TRACKING_URI", help="An MLflow server; default: a database under --home."),
]
DEFAULT_HOME = Path(".stopover")


class Device(StrEnum):
    """What trials compute on."""

    GPU = "gpu"
    CPU = "cpu"


@app.command(epilog="Example: `stopover run mini --mirror data --model models/mini-xlmr --workers 2`")
def run(
    space: SpaceName,
    mirror: Mirror = None,
    model: Model = None,
    home: HomeFolder = DEFAULT_HOME,
    store: StorePlace = None,
    without: Without = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Trials side by side; default: one per core.")] = None,
    hang_minutes: Annotated[
        float, typer.Option(min=0.1, help="Start a trial's process again that has told nothing for so long.")
    ] = 60.0,
    tracking_uri: TrackingUri = None,
    address: Annotated[
        str | None,
        typer.Option(
            envvar="RAY_ADDRESS", help="Run on the Ray cluster there (host:port, or auto); default: on this machine."
        ),
    ] = None,
    device: Annotated[
        Device | None,
        typer.Option(envvar="STOPOVER_DEVICE", help="On a cluster: what trials use; default: GPUs if it has any now."),
    ] = None,
    priority: Annotated[
        float, typer.Option(min=0.01, help="The sweep's weight among those that share the cluster: 2 gets twice of 1.")
    ] = 1.0,
) -> None:
    """Run a sweep, or go on with it: finished stages come from the store.

    It ends when its strategy has no more trials, or the space's budget is spent; raise that and run it again to go on.
    """
    from search.report import summary
    from search.sweep import How, prepare
    from search.sweep import run as run_sweep

    if address is not None:
        os.environ["RAY_ADDRESS"] = address  # Ray is set up by it when it is imported
    how = How(workers, tracking_uri, 60 * hang_minutes, address, device and device.value, priority)
    sweep = prepare(_space(space, model, without), Home(home, store), mirror, console)
    try:
        results, matrix = run_sweep(sweep, console, how)
    except KeyboardInterrupt:
        Console(stderr=True).print("stopover: interrupted; run the same command again to go on", soft_wrap=True)
        raise typer.Exit(130) from None
    console.print()
    console.print(summary(results, matrix))
    where = "" if home == DEFAULT_HOME else f" --home {home}"
    console.print(f"\nFiles: {sweep.folder}", highlight=False, soft_wrap=True)
    console.print(f"More:  stopover report {results.sweep}{where}", highlight=False, soft_wrap=True)
    console.print(f"Look:  stopover ui{where}", highlight=False, soft_wrap=True)


@app.command(epilog="Example: `stopover plan paper --devices 8`")
def plan(
    space: SpaceName,
    mirror: Mirror = None,
    model: Model = None,
    home: HomeFolder = DEFAULT_HOME,
    store: StorePlace = None,
    without: Without = None,
    devices: Annotated[int, typer.Option(min=1, help="How long would it take on so many GPUs (or cores)?")] = 1,
) -> None:
    """Show a sweep's trials and stages, what they share, the examples to train, and what it will cost.

    Where data or model are not there yet, published sizes stand in for them.
    """
    from search.estimate import shape_of
    from search.plan_report import plan_report
    from search.sweep import prepare, published_plan
    from spaces.errors import NotHere

    chosen, place = _space(space, model, without), Home(home, store)
    finished = place.open_store()
    try:
        sweep = prepare(chosen, place, mirror, console)
    except NotHere as reason:
        shape = shape_of(chosen.model, None)
        console.print(plan_report(chosen.name, published_plan(chosen), chosen, finished, shape, devices))
        console.print(f"\nPlanned by published sizes, as {reason}", style="yellow", highlight=False, soft_wrap=True)
    else:
        shape = shape_of(chosen.model, sweep.model)
        console.print(plan_report(sweep.id, sweep.plan, chosen, finished, shape, devices))


@app.command(epilog="Example: `stopover check my-space.yaml --mirror data`")
def check(
    space: SpaceName,
    mirror: Mirror = None,
    model: Model = None,
    home: HomeFolder = DEFAULT_HOME,
    store: StorePlace = None,
    without: Without = None,
) -> None:
    """Check a space, its data, its model and the store before anything is spent; say what is missing."""
    from search.data_report import data_report, missing
    from search.plan_report import what_is_drawn
    from search.sweep import data_of, prepare
    from trainables.inventory import inventory

    chosen = _space(space, model, without)
    data = data_of(chosen, Home(home, store), mirror)
    if chosen.source != "world":
        with console.status("looking for data"):
            holdings = inventory(chosen, data)
        console.print(data_report(chosen.name, holdings), "")
        lacking = missing(holdings)
        if lacking:
            first = lacking[0].places[0].where
            raise UserError(
                f"{space}: {len(lacking)} of {len(holdings)} sets are missing, the first is {first}; get them on a "
                f"machine with internet (stopover fetch {space} --to FOLDER, then --mirror FOLDER here), or leave "
                f"tasks out (--without {lacking[0].need.task.name})"
            )
    place = Home(home, store)
    place.open_store()
    sweep = prepare(chosen, place, mirror, console)
    trials, stages = len(sweep.plan.chains), len(sweep.plan.stages)
    console.print(f"{space}: fine. {trials} trials, {stages} stages, model {sweep.model}", highlight=False)
    if chosen.budget:
        console.print(f"{what_is_drawn(chosen)}.", highlight=False)


@app.command(epilog="Example: `stopover fetch paper --to mirror --without ccg --without bucc2018`")
def fetch(
    space: SpaceName,
    to: Annotated[Path, typer.Option(metavar="DIR", help="The mirror folder to build or complete.")],
    mirror: Mirror = None,
    model: Model = None,
    home: HomeFolder = DEFAULT_HOME,
    without: Without = None,
) -> None:
    """Build a mirror of all that a space needs, data, model and tokenizer, for machines without internet.

    There: `stopover run SPACE --mirror DIR`. Fetching again goes on where it was cut short.
    """
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from trainables.fetching import fetch as fetch_into
    from trainables.sources import open_source
    from trainables.sources.base import TableSource

    chosen = _space(space, model, without)
    source = open_source(chosen.source, mirror)
    if not isinstance(source, TableSource):
        raise UserError(f"{space}: its data are generated, there is nothing to fetch")
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("fetching", total=None)

        def show(doing: str, done: int, of: int) -> None:
            bar.update(task, description=doing, completed=done, total=of)

        faults = fetch_into(chosen, source, to, Home(home).caches.world_model, show)
    for fault in faults:
        console.print(f"missing: {fault}", style="yellow", highlight=False, soft_wrap=True)
    if faults:
        raise UserError(f"{to}: {len(faults)} things could not be had (see above); the rest is there, fetch again")
    console.print(f"{to}: all of {space} is there. On a machine without internet: stopover run {space} --mirror {to}",
                  highlight=False, soft_wrap=True)  # fmt: skip


@app.command(epilog="Example: `stopover tasks --mirror data`")
def tasks(mirror: Mirror = None) -> None:
    """List the tasks that recipes and targets can name, where each would come from now, and the library's spaces."""
    from search.task_report import task_report
    from trainables.sources import open_source

    with console.status("looking for data"):
        report = task_report(open_source("hub", mirror))
    console.print(report)
    console.print(f"\nSpaces of the library: {', '.join(library_names())}")


@app.command(epilog="Examples: `stopover report mini --html mini.html`, `stopover report mini --compare mini-long`")
def report(
    sweep: Annotated[
        str, typer.Argument(metavar="SWEEP", help="A sweep's id, or a space's name for its newest sweep.")
    ],
    home: HomeFolder = DEFAULT_HOME,
    html: Annotated[
        Path | None, typer.Option(metavar="PATH", help="Write it as one HTML file that needs nothing else.")
    ] = None,
    compare: Annotated[
        str | None, typer.Option(metavar="SWEEP", help="Show where another sweep differs, and nothing else.")
    ] = None,
) -> None:
    """Show what a sweep found: matrix, best recipes, evidence, scores by language, learning rates."""
    from search.gains import transfer_matrix
    from search.report import full_report
    from search.sweep import find_sweep

    results = find_sweep(Home(home), sweep)
    matrix = transfer_matrix(results)
    if compare is not None:
        from search.compare import comparison

        other = find_sweep(Home(home), compare)
        console.print(comparison((results.sweep, other.sweep), matrix, transfer_matrix(other)))
    elif html is not None:
        from search.environment import written_environment
        from search.html_report import write_html

        write_html(results, matrix, written_environment(Home(home).sweeps / results.sweep), html)
        console.print(f"Written: {html}", highlight=False, soft_wrap=True)
    else:
        console.print(full_report(results, matrix))


@app.command(epilog="Example: `stopover promote mini --target xnli --alias champion`")
def promote(
    sweep: Annotated[
        str, typer.Argument(metavar="SWEEP", help="A sweep's id, or a space's name for its newest sweep.")
    ],
    target: Annotated[list[str] | None, typer.Option(help="Only this target; may be given several times.")] = None,
    recipe: Annotated[str | None, typer.Option(help="This recipe; default: the one that English dev picks.")] = None,
    alias: Annotated[str, typer.Option(help="The name that the version is found under.")] = "best",
    mirror: Mirror = None,
    home: HomeFolder = DEFAULT_HOME,
    store: StorePlace = None,
    tracking_uri: TrackingUri = None,
) -> None:
    """Register the best encoder of each target as a model version in MLflow, to load as plain transformers.

    Best is what English dev picks. Retrieval targets have no English dev: name a recipe for them.
    """
    from search.promote import promote as promote_in
    from search.sweep import find_sweep

    place = Home(home, store)
    promoted = list(promote_in(find_sweep(place, sweep), place, mirror, tracking_uri, target or [], recipe, alias))
    for one in promoted:
        told = f"{one.target}: {one.result.trial.id} is {one.name} version {one.version}, alias {one.alias}"
        console.print(told, highlight=False, soft_wrap=True)
    where = "" if tracking_uri else f" (export MLFLOW_TRACKING_URI={place.tracking_uri})"
    console.print(f"\nTo load it{where}:\n\n{promoted[-1].code}", highlight=False, soft_wrap=True, markup=False)


@app.command(epilog="Example: `stopover export mini --xtreme submission --labels --mirror data`")
def export(
    sweep: Annotated[
        str, typer.Argument(metavar="SWEEP", help="A sweep's id, or a space's name for its newest sweep.")
    ],
    xtreme: Annotated[Path, typer.Option(metavar="DIR", help="Where to write, in XTREME's submission layout.")],
    recipe: Annotated[str | None, typer.Option(help="One recipe for all targets; default: each target's best.")] = None,
    labels: Annotated[
        bool, typer.Option("--labels", help="Write the labels beside, as XTREME's script wants them.")
    ] = False,
    mirror: Mirror = None,
    home: HomeFolder = DEFAULT_HOME,
    store: StorePlace = None,
) -> None:
    """Write predictions as XTREME's `evaluate.py` reads them, for its own score or a submission."""
    from search.export import export_sweep
    from search.sweep import find_sweep

    place = Home(home, store)
    for target, result in export_sweep(find_sweep(place, sweep), place, mirror, xtreme, recipe, labels).items():
        console.print(f"{target}: {result.trial.id}, {len(result.languages)} languages", highlight=False)
    console.print(f"Files: {xtreme}", highlight=False, soft_wrap=True)


@app.command(epilog="Example: `stopover gc --dry-run`")
def gc(
    home: HomeFolder = DEFAULT_HOME,
    store: StorePlace = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would go; delete nothing.")] = False,
    keep_days: Annotated[float, typer.Option(min=0, help="Keep whatever is younger than so many days.")] = 7,
    older_than: Annotated[
        float | None,
        typer.Option(
            min=1,
            metavar="DAYS",
            help="In a store that several homes share: no longer keep what only sweeps of other homes need that "
            "have not run for so many days.",
        ),
    ] = None,
    encoded: Annotated[
        bool, typer.Option("--encoded", help="Also tokenised data under --home not used for --keep-days.")
    ] = False,
) -> None:
    """Delete finished stages and snapshots that no sweep needs any more.

    Every sweep writes into the store which stages it needs. Those of sweeps whose folder is still under --home stay,
    so delete SWEEPS/ID first; so do those of sweeps of all other homes that share the store (unless --older-than says
    otherwise), those that a process is computing, and those younger than --keep-days.
    """
    import time

    from search.garbage import DAY, Rule, clear, encoded_garbage, find_garbage, garbage_report, in_bytes

    place = Home(home, store)
    kept = place.open_store()
    rule = Rule(keep_days * DAY, None if older_than is None else older_than * DAY)
    garbage = find_garbage(kept, place, rule)
    files = encoded_garbage(place, time.time(), rule) if encoded else []
    freed = sum(file.stat().st_size for file in files)
    gone = garbage.items if dry_run else list(clear(kept, garbage))
    console.print(garbage_report(gone, f"{'Would go' if dry_run else 'Gone'} from {place.store_place}"))
    for file in () if dry_run else files:
        file.unlink(missing_ok=True)
    if encoded:
        console.print(f"Tokenised data: {len(files)} files, {in_bytes(freed)}", highlight=False)
    for other in garbage.others:
        console.print(f"Kept for sweep {other.sweep} of {other.where}", highlight=False, soft_wrap=True)


@app.command(epilog="Examples: `stopover ui`, `stopover ui --address cluster.yaml`")
def ui(
    home: HomeFolder = DEFAULT_HOME,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Where the MLflow UI listens, on loopback only.")] = 5000,
    address: Annotated[
        str | None,
        typer.Option(envvar="STOPOVER_CLUSTER", help="A cluster file or USER@HOST: show its MLflow and dashboard."),
    ] = None,
) -> None:
    """Open the MLflow UI of this home, or of a cluster, on http://127.0.0.1:PORT (Ctrl-C ends it)."""
    if address is not None:
        _cluster_ui(address, port)
        return
    place = Home(home)
    if not (place.root / "mlflow.db").is_file():
        raise UserError(f"nothing was logged under {place.root} yet; run a sweep first: stopover run quickstart")
    environment = os.environ | {"MLFLOW_DISABLE_TELEMETRY": "true"}
    command = [sys.executable, "-m", "mlflow", "ui", "--host", "127.0.0.1", "--port", str(port)]
    command += [
        "--backend-store-uri",
        place.tracking_uri,
        "--default-artifact-root",
        place.artifacts.absolute().as_uri(),
    ]
    raise typer.Exit(subprocess.call(command, env=environment))  # noqa: S603 (our own arguments)


def _cluster_ui(address: str, port: int) -> None:
    import signal

    from search.tunnel import DASHBOARD, MLFLOW, is_url, tunnel

    if is_url(address):
        raise UserError(f"--address {address}: give the cluster's file or USER@HOST, to open the way over ssh")
    with tunnel(address, [MLFLOW, DASHBOARD], [port, DASHBOARD]) as (mlflow, dashboard):
        here = "http://127.0.0.1"
        console.print(f"MLflow:    {here}:{mlflow}", highlight=False)
        console.print(f"Dashboard: {here}:{dashboard} (asks for the token: ray get-auth-token)", highlight=False)
        console.print("Ctrl-C ends it.")
        with suppress(KeyboardInterrupt):
            signal.pause()


def _space(name: str, model: str | None, without: list[str] | None) -> Space:
    return load_space(name, model=model).without(without or ())


app.add_typer(cluster_cli.app)


def main() -> None:
    """Runs a command; bad input ends in one line and exit code 2, never in a traceback."""
    try:
        app(standalone_mode=True)
    except UserError as error:
        Console(stderr=True).print(f"stopover: {error}", style="red", highlight=False, soft_wrap=True, markup=False)
        sys.exit(2)


if __name__ == "__main__":
    main()
