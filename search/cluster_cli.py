"""The commands for a running cluster: `stopover submit|status|logs|stop|list`."""

import asyncio
import time
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.console import Console

from search.jobs import OVER, Cluster, Job, cluster_at
from search.tables import table
from spaces import UserError, load_space

app = typer.Typer()
PANEL = "On a cluster"
console = Console()

Address = Annotated[
    str,
    typer.Option(
        envvar="STOPOVER_CLUSTER",
        help="The cluster: its file (cluster.yaml) or USER@HOST, reached over ssh, or its dashboard's URL.",
    ),
]
JobName = Annotated[str, typer.Argument(metavar="JOB", help="A job's id, or a space's name for its newest job.")]
DEFAULT_ADDRESS = "http://127.0.0.1:8265"
_EXIT_CODES = {"SUCCEEDED": 0, "FAILED": 1, "STOPPED": 130}


@app.command(rich_help_panel=PANEL, epilog="Example: `stopover submit mini --address cluster.yaml --priority 2`")
def submit(
    space: Annotated[str, typer.Argument(metavar="SPACE", help="A YAML file, or a name of the library.")],
    address: Address = DEFAULT_ADDRESS,
    model: Annotated[str | None, typer.Option(help="A hub id, or a folder of the cluster, for the space's.")] = None,
    mirror: Annotated[str | None, typer.Option(help="A mirror folder that all nodes of the cluster have.")] = None,
    without: Annotated[list[str] | None, typer.Option(metavar="TASK", help="Leave a task out.")] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="At most so many trials side by side.")] = None,
    priority: Annotated[float, typer.Option(min=0.01, help="Weight among the sweeps of the cluster.")] = 1.0,
    detach: Annotated[bool, typer.Option("--detach", help="Do not follow it.")] = False,
) -> None:
    """Run a sweep on a cluster and follow it; it goes on when you stop following.

    Submitting the same space again goes on with it, also after the cluster was lost: finished stages come from the
    store.
    """
    chosen = load_space(space, model=model).without(without or ())
    options = [*(["--mirror", mirror] if mirror else []), *(["--workers", str(workers)] if workers else [])]
    with cluster_at(address) as cluster:
        job = cluster.job(cluster.submit(chosen, options, priority))
        console.print(f"Submitted: {job.id}", highlight=False)
        for command in ("logs", "status", "stop"):
            console.print(f"  stopover {command} {job.id}{_at(address)}", highlight=False, soft_wrap=True)
        if not detach:
            _follow(cluster, job, address)


@app.command(name="list", rich_help_panel=PANEL, epilog="Example: `stopover list --address cluster.yaml`")
def list_(address: Address = DEFAULT_ADDRESS) -> None:
    """List the sweeps of a cluster."""
    with cluster_at(address) as cluster:
        jobs = cluster.jobs()
    told = table("Sweeps", ("job", "space", "user", "state"), ("priority", "began (UTC)", "took"))
    for job in jobs:
        told.add_row(job.id, job.space, job.user, job.state.lower(), f"{job.priority:g}", _began(job), _took(job))
    console.print(told if jobs else "No sweep was submitted yet: stopover submit quickstart")


@app.command(rich_help_panel=PANEL, epilog="Examples: `stopover status --address cluster.yaml`, `stopover status mini`")
def status(
    name: Annotated[
        str | None, typer.Argument(metavar="[JOB]", help="A job's id or a space's name; default: the whole cluster.")
    ] = None,
    address: Address = DEFAULT_ADDRESS,
) -> None:
    """Show a cluster's nodes and running sweeps, or how far one sweep has come."""
    with cluster_at(address) as cluster:
        if name is not None:
            job = cluster.job(name)
            console.print(f"{job.id}: {job.state.lower()}, began {_began(job)} UTC, {_took(job)}", highlight=False)
            console.print(_last_line(cluster, job), highlight=False, soft_wrap=True)
            return
        nodes = table("Nodes", ("address", ""), ("cores", "GPUs"))
        for node in cluster.nodes():
            nodes.add_row(node.address, "head" if node.is_head else "", f"{node.cores:g}", f"{node.gpus:g}")
        console.print(nodes)
        running = [job for job in cluster.jobs() if job.state not in OVER]
        for job in running:
            console.print(f"{job.id}: {_last_line(cluster, job)}", highlight=False, soft_wrap=True)
        if not running:
            console.print("No sweep is running.")


@app.command(rich_help_panel=PANEL, epilog="Example: `stopover logs mini --follow`")
def logs(
    name: JobName,
    address: Address = DEFAULT_ADDRESS,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until it ends.")] = False,
) -> None:
    """Show what a sweep has printed."""
    with cluster_at(address) as cluster:
        job = cluster.job(name)
        if follow:
            _follow(cluster, job, address)
        else:
            print(cluster.logs(job), end="")


@app.command(rich_help_panel=PANEL, epilog="Example: `stopover stop mini`")
def stop(name: JobName, address: Address = DEFAULT_ADDRESS) -> None:
    """Stop a sweep: running trials leave snapshots, its runs in MLflow are marked; submit it again to go on."""
    with cluster_at(address) as cluster:
        job = cluster.job(name)
        if job.state in OVER:
            raise UserError(f"{job.id} is over already ({job.state.lower()})")
        cluster.stop(job)
        with console.status(f"{job.id}: trials leave their snapshots"):
            while (job := cluster.job(job.id)).state not in OVER:
                time.sleep(1)
        console.print(f"{job.id}: {job.state.lower()}", highlight=False)


def _follow(cluster: Cluster, job: Job, address: str) -> None:
    """Prints what a job prints until it ends, and ends as it does."""

    async def lines() -> None:
        async for text in cluster.follow(job):
            print(text, end="", flush=True)

    try:
        asyncio.run(lines())
    except KeyboardInterrupt:
        told = f"\nIt goes on. Follow it again: stopover logs {job.id} --follow{_at(address)}"
        console.print(told, highlight=False, soft_wrap=True)
        return
    over = cluster.job(job.id)
    if over.state == "FAILED":
        console.print(f"{over.id} failed: {over.message.splitlines()[0]}", style="red", highlight=False, soft_wrap=True)
    raise typer.Exit(_EXIT_CODES.get(over.state, 1))


def _last_line(cluster: Cluster, job: Job) -> str:
    printed = [line for line in cluster.logs(job).splitlines() if line.strip()]
    return printed[-1] if printed else "nothing printed yet"


def _began(job: Job) -> str:
    return job.began.strftime("%Y-%m-%d %H:%M") if job.began else "not yet"


def _took(job: Job) -> str:
    if job.began is None:
        return "waiting"
    minutes = round(((job.ended or datetime.now(UTC)) - job.began).total_seconds() / 60)
    return f"{minutes // 60} h {minutes % 60:02} min"


def _at(address: str) -> str:
    return "" if address == DEFAULT_ADDRESS else f" --address {address}"
