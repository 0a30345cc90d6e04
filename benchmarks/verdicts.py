"""Do the verdicts agree with what was planted? Many sweeps of the embedded world, each with seeds of its own.

    python benchmarks/verdicts.py --pilot                            # first: how many seeds does each target need?
    python benchmarks/verdicts.py [--home FOLDER] [--sweeps 20]

Of every target the planted helper must be called "helps", the planted harmer "hurts", in every sweep; and of the
planted nulls at most one in twenty may be called either. Exit code 1 otherwise. Cut short and run again it goes on.
Without early stopping a trial does not depend on the others, so sweeps are computed some at a time and told apart by
their seeds; every one is judged on its own, by `search.evidence`. How many seeds a sweep has was set by the pilot, of
whose seeds no sweep has any.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from rich.console import Console, RenderableType

from search.evidence import UnitsOf, differences, weigh
from search.findings import Finding, Scope, Verdict
from search.gains import transfer_matrix
from search.home import Home
from search.results import Results
from search.significance import MOST_SEEDS, Difference, error_rate_of_look
from search.sweep import How, prepare, run
from search.tables import number, signed, table
from spaces import load_space
from trainables.kept_scores import read_units
from trainables.world.planted import PLANTED

SPACE = str(Path(__file__).parent / "verdicts.yaml")
# Seeds of a sweep: as many as the smallest planted effect takes, given how much seeds differ on a target.
SEEDS = {("xnli",): 4, ("xquad",): 5, ("udpos",): 6, ("tatoeba", "bucc2018"): 3}
PILOT = range(1000, 1006)
SURE = 0.999  # power per effect, so that all ten are told in all of twenty sweeps in four of five tries
AT_ONCE = 4
MOST_NULLS = 0.05

Verdicts = dict[tuple[str, str], Counter[Verdict]]  # by target and recipe


def main() -> int:
    """Runs the sweeps, prints the table after each lot of them; 0 when all verdicts agree."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, default=Path(".stopover"))
    parser.add_argument("--sweeps", type=int, default=20)
    parser.add_argument("--pilot", action="store_true", help="tell how many seeds each target needs, and nothing else")
    arguments = parser.parse_args()
    console, home = Console(), Home(arguments.home)
    if arguments.pilot:
        console.print(pilot(home, console))
        return 0
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


def pilot(home: Home, console: Console) -> RenderableType:
    """What was planted as the pilot's seeds measure it, and the seeds of a sweep that is as good as sure to tell it."""
    made = table(
        f"Pilot: {len(PILOT)} seeds",
        ("target", "recipe"),
        ("gain", "± error", "seeds needed"),
        note=f"For a verdict with a probability of {SURE:.1%}, were gain and spread as they look.",
    )
    for targets in SEEDS:
        results = _run(targets, list(PILOT), home, console)
        for target in targets:
            found = differences(transfer_matrix(results), target, _reader(home))
            for recipe, wanted in planted(target).items():
                if wanted is not None:
                    one = found[recipe]
                    needed = _needed(one, len(found))
                    made.add_row(target, recipe, signed(one.value), number(one.estimate.error), str(needed or "-"))
    return made


def _needed(one: Difference, recipes: int) -> int | None:
    """Seeds with which the difference passes the strictest of Holm's levels as good as surely."""
    level = error_rate_of_look(1) / recipes
    enough = (seeds for seeds in range(3, MOST_SEEDS) if one.with_runs(seeds).tested.power(level) >= SURE)
    return next(enough, None)


def judged(sweeps: Sequence[int], home: Home, console: Console) -> Iterator[Finding]:
    """The findings of some sweeps, over all languages of each target."""
    for targets, seeds in SEEDS.items():
        results = _run(targets, list(range(sweeps[0] * seeds, (sweeps[-1] + 1) * seeds)), home, console)
        for sweep in sweeps:
            own = _of_seeds(results, range(sweep * seeds, (sweep + 1) * seeds))
            yield from (one for one in weigh(own, _reader(home)).findings if one.scope is Scope.ALL)


def _run(targets: Sequence[str], seeds: list[int], home: Home, console: Console) -> Results:
    recipes = ["none", *dict.fromkeys(recipe for target in targets for recipe in planted(target))]
    space = load_space(SPACE, recipes=recipes, targets=list(targets), seeds=seeds)
    results, _ = run(prepare(space, home, None, console), console, How())
    return results


def _reader(home: Home) -> UnitsOf:
    """Reads what a run earned from the home's store."""
    store = home.open_store()
    return lambda result: read_units(store, result.scored)


def _of_seeds(results: Results, seeds: range) -> Results:
    trials = [one for one in results.trials if one.trial.seed in seeds]
    return replace(results, trials=trials, findings=[], measurements=[], look=1)


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
