"""Do the verdicts agree with what was planted? Many sweeps of the embedded world, each with seeds of its own.

    python benchmarks/verdicts.py [--home FOLDER] [--sweeps 20]

Of every target the planted helper must be called "helps", the planted harmer "hurts", in every sweep; and of the
planted nulls at most one in twenty may be called either. Exit code 1 otherwise. An hour and three quarters on two
idle cores; cut short and run again it goes on. Without early stopping a trial does not depend on the others, so sweeps
are computed some at a time and told apart by their seeds; every one is judged on its own, by `search.evidence`.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from rich.console import Console, RenderableType

from search.evidence import evidence
from search.findings import Finding, Scope, Verdict
from search.gains import transfer_matrix
from search.home import Home
from search.results import Results
from search.sweep import How, prepare, run
from search.tables import table
from spaces import load_space
from trainables.kept_scores import read_points
from trainables.world.planted import PLANTED

SPACE = str(Path(__file__).parent / "verdicts.yaml")
# Seeds of a sweep: as many as the smallest planted effect takes, given how much seeds differ on a target.
SEEDS = {("xnli",): 4, ("xquad",): 5, ("udpos",): 6, ("tatoeba", "bucc2018"): 3}
AT_ONCE = 4
MOST_NULLS = 0.05

Verdicts = dict[tuple[str, str], Counter[Verdict]]  # by target and recipe


def main() -> int:
    """Runs the sweeps, prints the table after each lot of them; 0 when all verdicts agree."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, default=Path(".stopover"))
    parser.add_argument("--sweeps", type=int, default=20)
    arguments = parser.parse_args()
    console, home = Console(), Home(arguments.home)
    counted: Verdicts = {(target, recipe): Counter() for target in PLANTED for recipe in planted(target)}
    for first in range(0, arguments.sweeps, AT_ONCE):
        sweeps = range(first, min(first + AT_ONCE, arguments.sweeps))
        for finding in judged(sweeps, home, console):
            if finding.recipe in planted(finding.target):
                counted[finding.target, finding.recipe][finding.verdict] += 1
        console.print(told(counted, sweeps[-1] + 1))
    return 0 if agrees(counted, arguments.sweeps) else 1


def planted(target: str) -> dict[str, Verdict | None]:
    """The recipes planted for a target, and what is to be said of them; None for nothing."""
    plant = PLANTED[target]
    return {plant.helps: Verdict.HELPS, plant.nothing: None, plant.hurts: Verdict.HURTS}


def judged(sweeps: Sequence[int], home: Home, console: Console) -> Iterator[Finding]:
    """The findings of some sweeps, over all languages of each target."""
    store = home.open_store()
    for targets, seeds in SEEDS.items():
        recipes = ["none", *dict.fromkeys(recipe for target in targets for recipe in planted(target))]
        of_all = list(range(sweeps[0] * seeds, (sweeps[-1] + 1) * seeds))
        space = load_space(SPACE, recipes=recipes, targets=list(targets), seeds=of_all)
        results, _ = run(prepare(space, home, None, console), console, How())
        for sweep in sweeps:
            own = _of_seeds(results, range(sweep * seeds, (sweep + 1) * seeds))
            found = evidence(transfer_matrix(own), lambda result: read_points(store, result.scored))
            yield from (one for one in found if one.scope is Scope.ALL)


def _of_seeds(results: Results, seeds: range) -> Results:
    return replace(results, trials=[one for one in results.trials if one.trial.seed in seeds], findings=[])


def told(counted: Verdicts, sweeps: int) -> RenderableType:
    """How often each verdict was given."""
    made = table(f"Verdicts of {sweeps} sweeps", ("target", "recipe", "planted"), tuple(Verdict))
    for (target, recipe), verdicts in counted.items():
        wanted = planted(target)[recipe]
        made.add_row(target, recipe, wanted or "nothing", *(str(verdicts[verdict]) for verdict in Verdict))
    return made


def agrees(counted: Verdicts, sweeps: int) -> bool:
    """Whether every helper and harmer was called so in every sweep, and hardly any null was called anything."""
    nulls = [verdicts for (target, recipe), verdicts in counted.items() if planted(target)[recipe] is None]
    called = sum(verdicts[Verdict.HELPS] + verdicts[Verdict.HURTS] for verdicts in nulls)
    always = all(
        verdicts[wanted] == sweeps
        for (target, recipe), verdicts in counted.items()
        if (wanted := planted(target)[recipe]) is not None
    )
    return always and called <= MOST_NULLS * sweeps * len(nulls)


if __name__ == "__main__":
    sys.exit(main())
