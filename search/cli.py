"""The command line: `stopover run|plan|check|tasks|report|ui`."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from search.home import Home
from spaces import TASKS, Role, Space, UserError, library_names, load_space

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
Mirror = Annotated[
    Path | None,
    typer.Option(
        envvar="STOPOVER_MIRROR", help="A folder of hub datasets as <owner>__<name>/<config>/<split>.parquet."
    ),
]
Model = Annotated[
    str | None, typer.Option(envvar="STOPOVER_MODEL", help="A model folder or hub id in place of the space's.")
]
DEFAULT_HOME = Path(".stopover")


@app.command(epilog="Example: `stopover run mini --mirror data --model models/mini-xlmr --workers 2`")
def run(
    space: SpaceName,
    mirror: Mirror = None,
    model: Model = None,
    home: HomeFolder = DEFAULT_HOME,
    workers: Annotated[int | None, typer.Option(min=1, help="Trials side by side; default: one per core.")] = None,
    tracking_uri: Annotated[
        str | None,
        typer.Option(envvar="MLFLOW_TRACKING_URI", help="An MLflow server; default: a database under --home."),
    ] = None,
) -> None:
    """Run a sweep, or go on with it: finished stages come from the store."""
    from search.report import summary
    from search.sweep import prepare
    from search.sweep import run as run_sweep

    sweep = prepare(_space(space, model), Home(home), mirror, console)
    results, matrix = run_sweep(sweep, console, workers, tracking_uri)
    console.print()
    console.print(summary(results, matrix))
    where = "" if home == DEFAULT_HOME else f" --home {home}"
    console.print(f"\nFiles: {sweep.folder}", highlight=False, soft_wrap=True)
    console.print(f"More:  stopover report {results.sweep}{where}", highlight=False, soft_wrap=True)
    console.print(f"Look:  stopover ui{where}", highlight=False, soft_wrap=True)


@app.command(epilog="Example: `stopover plan quickstart`")
def plan(space: SpaceName, mirror: Mirror = None, model: Model = None, home: HomeFolder = DEFAULT_HOME) -> None:
    """Show a sweep's trials and stages, what they share, and the examples to train with and without sharing."""
    from search.plan_report import plan_report
    from search.sweep import prepare
    from trainables.store import Store

    sweep = prepare(_space(space, model), Home(home), mirror, console)
    console.print(plan_report(sweep.id, sweep.plan, Store(sweep.home.store)))


@app.command(epilog="Example: `stopover check my-space.yaml --mirror data`")
def check(space: SpaceName, mirror: Mirror = None, model: Model = None, home: HomeFolder = DEFAULT_HOME) -> None:
    """Check a space, its data and its model before anything is spent."""
    from search.sweep import prepare

    sweep = prepare(_space(space, model), Home(home), mirror, console)
    trials, stages = len(sweep.plan.chains), len(sweep.plan.stages)
    console.print(f"{space}: fine. {trials} trials, {stages} stages, model {sweep.model}", highlight=False)


@app.command()
def tasks() -> None:
    """List the tasks that recipes and targets can name, and the spaces of the library."""
    from search.tables import table

    for role, title in ((Role.INTERMEDIATE, "Intermediate tasks"), (Role.TARGET, "Targets")):
        made = table(title, ("name", "format", "metric", "what it is; licence"), ("languages",))
        for task in TASKS.values():
            if role in task.roles:
                what = f"{task.title}; {task.licence}"
                made.add_row(task.name, task.format, task.metric, what, str(len(task.languages)))
        console.print(made, "")
    console.print(f"Spaces of the library: {', '.join(library_names())}")


@app.command(epilog="Example: `stopover report quickstart`")
def report(
    sweep: Annotated[
        str, typer.Argument(metavar="SWEEP", help="A sweep's id, or a space's name for its newest sweep.")
    ],
    home: HomeFolder = DEFAULT_HOME,
) -> None:
    """Show what a sweep found: matrix, best recipes, scores by language, mean and best over learning rates."""
    from search.gains import transfer_matrix
    from search.report import full_report
    from search.sweep import find_sweep

    results = find_sweep(Home(home), sweep)
    console.print(full_report(results, transfer_matrix(results)))


@app.command(epilog="Example: `stopover export mini --xtreme submission --labels --mirror data`")
def export(
    sweep: Annotated[
        str, typer.Argument(metavar="SWEEP", help="A sweep's id, or a space's name for its newest sweep.")
    ],
    xtreme: Annotated[Path, typer.Option(metavar="DIR", help="Where to write, in XTREME's submission layout.")],
    recipe: Annotated[str | None, typer.Option(help="One recipe for all targets; default: each target's best.")] = None,
    labels: Annotated[
        bool, typer.Option("--labels", help="Write the labels beside, as XTREME's script wants.")
    ] = False,
    mirror: Mirror = None,
    home: HomeFolder = DEFAULT_HOME,
) -> None:
    """Write predictions as XTREME's `evaluate.py` reads them, for its own score or a submission."""
    from search.export import export_sweep
    from search.sweep import find_sweep

    place = Home(home)
    for target, result in export_sweep(find_sweep(place, sweep), place, mirror, xtreme, recipe, labels).items():
        console.print(f"{target}: {result.trial.id}, {len(result.languages)} languages", highlight=False)
    console.print(f"Files: {xtreme}", highlight=False, soft_wrap=True)


@app.command()
def ui(
    home: HomeFolder = DEFAULT_HOME,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Where the MLflow UI listens, on loopback only.")] = 5000,
) -> None:
    """Open the MLflow UI of this home on http://127.0.0.1:PORT (Ctrl-C ends it)."""
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


def _space(name: str, model: str | None) -> Space:
    return load_space(name, model=model)


def main() -> None:
    """Runs a command; bad input ends in one line and exit code 2, never in a traceback."""
    try:
        app(standalone_mode=True)
    except UserError as error:
        Console(stderr=True).print(f"stopover: {error}", style="red", highlight=False, soft_wrap=True, markup=False)
        sys.exit(2)
    except KeyboardInterrupt:
        Console(stderr=True).print("stopover: interrupted; run the same command again to go on", soft_wrap=True)
        sys.exit(130)


if __name__ == "__main__":
    main()
