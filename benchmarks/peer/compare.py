"""Stopover against the script that one would write by hand today, on the same grid, model, data and steps.

    python -m benchmarks.peer.compare [--space quickstart] [--workers 2]

Runs both, one after the other, each in processes of its own and from an empty store, and prints the wall-clock of
each, the ratio, where the time went, and what each finds best per target. With the seconds per example that both took
here it then reckons the paper's grid. Exit code 1 where Stopover takes more than a quarter of the peer's time or its
finds are worse by more than two standard errors.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from search.gains import TransferMatrix, transfer_matrix
from search.halving import Halving
from search.home import Home
from search.plan import Plan
from search.simulator import simulate
from search.strategies import strategy_for
from search.sweep import find_sweep, prepare, published_plan
from search.tables import table
from spaces import TASKS, Space, load_space
from trainables.model_files import find_model
from trainables.stages import ScoreStage, Stage, TrainStage
from trainables.store import Store

GOAL = 4.0
DEVICES = 8  # of the paper's grid, reckoned

Costs = dict[str, float]  # seconds per example trained, by format


def main() -> int:
    """Prints the comparison; 0 where Stopover is at least four times faster and finds no worse."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--space", default="quickstart")
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    parser.add_argument("--peer", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    space = load_space(arguments.space)
    if arguments.peer:
        return _run_peer(space, arguments.peer, arguments.workers)
    console = Console()
    with tempfile.TemporaryDirectory(prefix="stopover-peer-") as folder:
        home = Home(Path(folder) / "home")
        model = find_model(space.model, Home(Path(".stopover")).caches.world_model)
        shutil.copytree(model, home.caches.world_model)
        ours = _timed([sys.executable, "-m", "search.cli", "run", arguments.space, "--home", str(home.root),
                       "--workers", str(arguments.workers)])  # fmt: skip
        theirs = _timed([sys.executable, "-m", "benchmarks.peer.compare", "--space", arguments.space,
                         "--workers", str(arguments.workers), "--peer", folder])  # fmt: skip
        trials = json.loads((Path(folder) / "peer.json").read_text())
        matrix = transfer_matrix(find_sweep(home, space.name))
        plan = prepare(space, home, None, console).plan
        records = {key: Store(home.store).record(key) or {} for key in plan.stages}
    console.print(f"Stopover {ours:.0f} s, by hand {theirs:.0f} s: {theirs / ours:.1f} times", highlight=False)
    console.print(_phases(plan, records, trials, ours, theirs, arguments.workers))
    no_worse = _finds(console, matrix, trials)
    _reckon_paper(console, _our_costs(plan, records), _their_costs(space, plan, trials))
    return 0 if theirs / ours >= GOAL and no_worse else 1


def _run_peer(space: Space, folder: Path, workers: int) -> int:
    from benchmarks.peer.script import run

    results = run(space, Home(folder / "home").caches.world_model, folder, workers)
    (folder / "peer.json").write_text(json.dumps(results))
    return 0


def _timed(command: list[str]) -> float:
    began = time.perf_counter()
    quiet = os.environ | {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1", "COLUMNS": "80"}
    subprocess.run(command, check=True, env=quiet)
    return time.perf_counter() - began


def _phases(
    plan: Plan, records: dict[str, Any], trials: Sequence[dict[str, Any]], ours: float, theirs: float, workers: int
) -> Any:
    """Device seconds by phase; the rest is starting, importing, loading, waiting."""
    made = table("Where the time went (device seconds)", ("phase",), ("Stopover", "by hand"))
    spent: dict[str, list[float]] = {name: [0.0, 0.0] for name in ("intermediate", "target", "score")}
    for key, stage in plan.stages.items():
        phase = stage.role.value if isinstance(stage, TrainStage) else "score"
        spent[phase][0] += records[key].get("seconds", 0.0)
    for trial in trials:
        for phase in spent:
            spent[phase][1] += trial["phases"].get(f"seconds_{phase}", 0.0)
    for phase, (mine, its) in spent.items():
        made.add_row(phase, f"{mine:.0f}", f"{its:.0f}")
    rest = [workers * wall - sum(pair[side] for pair in spent.values()) for side, wall in enumerate((ours, theirs))]
    made.add_row("the rest", *(f"{seconds:.0f}" for seconds in rest))
    return made


def _finds(console: Console, matrix: TransferMatrix, trials: Sequence[dict[str, Any]]) -> bool:
    """Prints the best recipe per target of either side; whether none of Stopover's is worse beyond doubt."""
    made = table("Best recipe per target, and its score", ("target", "Stopover", "by hand"), ("score", "score"))
    no_worse = True
    for target in matrix.targets:
        cell = matrix.oracle(target)
        theirs = _best_by_hand([one for one in trials if one["target"] == target and one["score"] is not None])
        if cell is None or cell.score is None or theirs is None:
            made.add_row(target, "-", "-", "-", "-")
            continue
        no_worse &= cell.score >= theirs["score"] - 2 * 2**0.5 * cell.error
        made.add_row(target, cell.recipe, theirs["recipe"], f"{cell.score:.1f}", f"{theirs['score']:.1f}")
    console.print(made)
    return no_worse


def _best_by_hand(trials: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
    """As Stopover's matrix: of each recipe the rate that English dev chose, of these the best score."""
    chosen: dict[str, dict[str, Any]] = {}
    for one in sorted(trials, key=lambda one: one["dev"]):
        chosen[one["recipe"]] = one
    return max(chosen.values(), key=lambda one: one["score"], default=None)


def _our_costs(plan: Plan, records: dict[str, Any]) -> Costs:
    seconds: Costs = defaultdict(float)
    examples: Costs = defaultdict(float)
    for key, stage in plan.stages.items():
        if isinstance(stage, TrainStage) and "seconds" in records[key]:
            form = TASKS[stage.sets[0].task].format
            seconds[form] += records[key]["seconds"]
            examples[form] += records[key]["examples"]
    return {form: seconds[form] / examples[form] for form in seconds}


def _their_costs(space: Space, plan: Plan, trials: Sequence[dict[str, Any]]) -> Costs:
    seconds: Costs = defaultdict(float)
    examples: Costs = defaultdict(float)
    for trial, stages in plan.chains.items():
        for one in trials:
            if (one["recipe"], one["target"], one["learning_rate"]) == (
                trial.recipe, trial.target, trial.learning_rate
            ) and one["score"] is not None:  # fmt: skip
                for stage in (stage for stage in stages if isinstance(stage, TrainStage)):
                    form = TASKS[stage.task].format
                    seconds[form] += one["phases"].get(f"seconds_{stage.role.value}", 0.0)
                    examples[form] += stage.examples
    return {form: seconds[form] / examples[form] for form in seconds}


def _reckon_paper(console: Console, ours: Costs, theirs: Costs) -> None:
    """The paper's grid at these seconds per example: every trial alone against the plan played on devices."""
    space = load_space("paper")
    plan = published_plan(space)
    alone = sum(_seconds(stage, theirs) for stages in plan.chains.values() for stage in stages)
    played = simulate(
        plan, Halving(space.stopping), strategy_for(space), DEVICES, lambda stage: _seconds(stage, ours), lambda *_: 0.0
    )
    console.print(
        f"The paper's grid at these costs: by hand {alone / 3600:,.0f} device hours, Stopover "
        f"{played.device_seconds / 3600:,.0f} ({alone / played.device_seconds:.1f} times); on {DEVICES} devices "
        f"{alone / DEVICES / 3600:,.1f} against {played.seconds / 3600:,.1f} hours.",
        highlight=False,
    )


def _seconds(stage: Stage, costs: Costs) -> float:
    # Formats that were not measured cost what the dearest costs, on both sides; scoring is left out on both.
    if isinstance(stage, ScoreStage):
        return 0.0
    return sum(one.examples * costs.get(TASKS[one.task].format, max(costs.values())) for one in stage.sets)


if __name__ == "__main__":
    sys.exit(main())
