"""How much work does a sweep save, and does it find the same? The quickstart against the whole grid.

    python benchmarks/saved.py [--home FOLDER]

Runs the quickstart as it is, then every trial of it to its end (no rungs, no patience), and prints the examples that
were trained, those that a script would train which runs one trial after the other, and the best recipe per target of
either. Exit code 1 where more than a third of the script's examples were trained or a best recipe differs.
"""

import argparse
import sys
from pathlib import Path

from rich.console import Console

from search.gains import TransferMatrix
from search.home import Home
from search.results import Results
from search.sweep import How, prepare, run
from search.tables import table
from spaces import Space, load_space

GOAL = 1 / 3


def main() -> int:
    """Prints both sweeps side by side; 0 where the goal is met and the finds are the same."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, default=Path(".stopover"))
    home, console = Home(parser.parse_args().home), Console()
    space = load_space("quickstart")
    results, matrix = _run(space, home, console)
    whole_results, whole = _run(unhurried(space), home, console)
    alone, trained = results.totals["examples_alone"], results.totals["examples_trained"]
    shared = whole_results.totals["examples_trained"]
    console.print(
        f"Examples: {alone:,} if every trial did all its work; {shared:,} with shared stages ({alone / shared:.2f} "
        f"times less); {trained:,} with early stopping as well ({alone / trained:.2f} times, {trained / alone:.1%}).",
        highlight=False,
    )
    made = table("Best recipe per target", ("target", "as it is", "whole grid"), ("score", "score"))
    same = True
    for target in matrix.targets:
        ours, theirs = matrix.oracle(target), whole.oracle(target)
        assert ours is not None and theirs is not None
        same &= ours.recipe == theirs.recipe
        made.add_row(target, ours.recipe, theirs.recipe, f"{ours.score:.1f}", f"{theirs.score:.1f}")
    console.print(made)
    return 0 if same and trained <= GOAL * alone else 1


def unhurried(space: Space) -> Space:
    """The space with every trial trained to its end."""
    intermediate = {name: value for name, value in space.training.intermediate.items() if name != "patience"}
    training = space.training.model_copy(update={"intermediate": intermediate})
    return space.model_copy(update={"name": "whole-grid", "stopping": None, "training": training})


def _run(space: Space, home: Home, console: Console) -> tuple[Results, TransferMatrix]:
    return run(prepare(space, home, None, console), console, How())


if __name__ == "__main__":
    sys.exit(main())
