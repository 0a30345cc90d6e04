"""Does the search find what was planted? Runs the quickstart over several seeds and holds it against the known answer.

    python benchmarks/planted.py [--home FOLDER] [--seeds 0 1 2]

The answer is `trainables.world.planted.PLANTED`. Exit code 1 where a planted helper is neither the oracle of its target
nor among the recipes that cannot be told from it. Run it again to print the table anew: the store remembers.
"""

import argparse
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

from search.gains import TransferMatrix
from search.home import Home
from search.sweep import How, prepare, run
from search.tables import number, signed, table
from spaces import load_space
from trainables.world.planted import PLANTED


def main() -> int:
    """Runs the sweep and prints the verdict per target; 0 when every helper was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, default=Path(".stopover"))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    arguments = parser.parse_args()
    console = Console()
    space = load_space("quickstart", name="planted", seeds=arguments.seeds)
    _, matrix = run(prepare(space, Home(arguments.home), None, console), console, How())
    console.print(verdicts(matrix))
    return 0 if all(found(matrix, target) for target in PLANTED) else 1


def found(matrix: TransferMatrix, target: str) -> bool:
    """Whether the planted helper scored best, or cannot be told from the recipe that did (95%)."""
    return PLANTED[target].helps in matrix.tied(target)


def verdicts(matrix: TransferMatrix) -> Table:
    """One row per target: the gains of what was planted, and what the search says."""
    made = table(
        "Gain over none, in points ± one standard error over seeds and test examples",
        ("target", "search says"),
        ("helps", "does nothing", "hurts"),
    )
    for target, plant in PLANTED.items():
        gains = [_gain(matrix, recipe, target) for recipe in (plant.helps, plant.nothing, plant.hurts)]
        best = matrix.oracle(target)
        says = f"{best.recipe if best else '-'}: {'found' if found(matrix, target) else 'MISSED'}"
        made.add_row(target, says, *gains)
    return made


def _gain(matrix: TransferMatrix, recipe: str, target: str) -> str:
    return f"{recipe} {signed(matrix.gain(recipe, target))} ±{number(matrix.gain_error(recipe, target))}"


if __name__ == "__main__":
    sys.exit(main())
