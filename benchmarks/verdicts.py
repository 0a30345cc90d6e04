"""Do the verdicts agree with what was planted? Many sweeps of the embedded world, each with seeds of its own.

    python benchmarks/verdicts.py --pilot                            # first: how many seeds does each target need?
    python benchmarks/verdicts.py [--home FOLDER] [--sweeps 20]

Of every target the planted helper must be called "helps", the planted harmer "hurts", in every sweep; and of the
planted nulls at most one in twenty may be called either. Exit code 1 otherwise. Two hours and a half on two idle cores;
cut short and run again it goes on.

The spaces are in `benchmarks/verdicts`; how many seeds a sweep has is what their `seeds` count. The pilot set these
numbers, and the doses, on seeds that no sweep has. Without early stopping a trial does not depend on the others, so
sweeps are computed some at a time and told apart by their seeds; every one is judged on its own, by `search.evidence`.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import product
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
from spaces import Space, load_space
from spaces.recipes import NONE
from trainables.kept_scores import read_units
from trainables.world.planted import PLANTED

SPACES = sorted((Path(__file__).parent / "verdicts").glob("*.yaml"))
FIRST_SEED = 2000  # of the sweeps; all below were a pilot's
PILOT = range(1000, 1006)
SURE = 0.998  # the power to plan for: an effect is then told in all of twenty sweeps in 96 of 100 tries
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
    spaces = [load_space(str(path)) for path in SPACES]
    if arguments.pilot:
        console.print(pilot(spaces, home, console))
        return 0
    counted: Verdicts = {
        key: Counter() for space in spaces for key in product(space.targets, space.recipes) if key[1] != NONE
    }
    for first in range(0, arguments.sweeps, AT_ONCE):
        sweeps = range(first, min(first + AT_ONCE, arguments.sweeps))
        for space in spaces:
            for finding in judged(space, sweeps, home, console):
                counted[finding.target, finding.recipe][finding.verdict] += 1
        console.print(told(counted, sweeps[-1] + 1))
    return 0 if agrees(counted, arguments.sweeps) else 1


def planted(target: str, recipe: str) -> Verdict | None:
    """What is planted of a recipe on a target, and so to be said; None for nothing."""
    return {PLANTED[target].helps: Verdict.HELPS, PLANTED[target].hurts: Verdict.HURTS}.get(recipe)


def pilot(spaces: Sequence[Space], home: Home, console: Console) -> RenderableType:
    """What was planted as the pilot's seeds measure it, and the seeds of a sweep that is as good as sure to tell it."""
    made = table(
        f"Pilot: {len(PILOT)} seeds",
        ("target", "recipe"),
        ("gain", "± error", "seeds needed"),
        note=f"For a verdict with a probability of {SURE:.1%}, were gain and spread as they look.",
    )
    for space in spaces:
        matrix = transfer_matrix(_run(space, list(PILOT), home, console))
        for target in space.targets:
            found = differences(matrix, target, _reader(home))
            for recipe, one in found.items():
                needed = str(_needed(one, len(found)) or "-") if planted(target, recipe) else "none planted"
                made.add_row(target, recipe, signed(one.value), number(one.estimate.error), needed)
    return made


def _needed(one: Difference, recipes: int) -> int | None:
    """Seeds with which the difference passes the strictest of Holm's levels as good as surely."""
    level = error_rate_of_look(1) / recipes
    enough = (seeds for seeds in range(3, MOST_SEEDS) if one.with_runs(seeds).tested.power(level) >= SURE)
    return next(enough, None)


def judged(space: Space, sweeps: Sequence[int], home: Home, console: Console) -> Iterator[Finding]:
    """The findings of some sweeps of a space, over all languages of each target."""
    own = {sweep: _seeds(space, sweep) for sweep in sweeps}
    results = _run(space, [seed for seeds in own.values() for seed in seeds], home, console)
    for seeds in own.values():
        found = weigh(_of_seeds(results, seeds), _reader(home)).findings
        yield from (one for one in found if one.scope is Scope.ALL)


def _seeds(space: Space, sweep: int) -> range:
    number = len(space.seeds)
    return range(FIRST_SEED + sweep * number, FIRST_SEED + (sweep + 1) * number)


def _run(space: Space, seeds: list[int], home: Home, console: Console) -> Results:
    results, _ = run(prepare(space.model_copy(update={"seeds": seeds}), home, None, console), console, How())
    return results


def _reader(home: Home) -> UnitsOf:
    """Reads what a run earned from the home's store."""
    store = home.open_store()
    return lambda result: read_units(store, result.scored)


def _of_seeds(results: Results, seeds: range) -> Results:
    """One sweep's results, as the first look at its question: no other sweep has its seeds."""
    trials = [one for one in results.trials if one.trial.seed in seeds]
    return replace(results, trials=trials, findings=[], measurements=[], looks={})


def told(counted: Verdicts, sweeps: int) -> RenderableType:
    """How often each verdict was given."""
    made = table(f"Verdicts of {sweeps} sweeps", ("target", "recipe", "planted"), tuple(Verdict))
    for (target, recipe), verdicts in counted.items():
        made.add_row(target, recipe, planted(target, recipe) or "nothing", *(str(verdicts[one]) for one in Verdict))
    return made


def agrees(counted: Verdicts, sweeps: int) -> bool:
    """Whether every helper and harmer was called so in every sweep, and hardly any null was called anything."""
    wanted = {key: planted(*key) for key in counted}
    nulls = [verdicts for key, verdicts in counted.items() if wanted[key] is None]
    called = sum(verdicts[Verdict.HELPS] + verdicts[Verdict.HURTS] for verdicts in nulls)
    always = all(counted[key][verdict] == sweeps for key, verdict in wanted.items() if verdict is not None)
    return always and called <= MOST_NULLS * sweeps * len(nulls)


if __name__ == "__main__":
    sys.exit(main())
