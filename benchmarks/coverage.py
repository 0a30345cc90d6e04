"""Do intervals hold what they promise, and do verdicts? Simulated sweeps in which the truth is known.

    python benchmarks/coverage.py [--sweeps 1000]

Every sweep is judged by `search.evidence`, from trials and what they earned on each test example. Examples differ in
difficulty, recipes in what they do to an example, runs of a recipe by seed and by example; two languages are
translations of one another. `none` varies by so many times the standard deviation of the others, in a fifth of its runs
it never rises above chance on English dev, or it trains nothing at all. Exit code 1 where an interval covers the true
gain between runs that do not fail in less than 93% or more than 97% of the sweeps, or where more than 5% of the sweeps
in which nothing helps say of any recipe that it helps or hurts, also of a language, and also where seeds were added as
the report advised, up to three looks; or show an oracle whose interval excludes nought. The last rows are a limit,
which is told and not held: seeds whose scores are not normal. A quarter of an hour on one core.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from search.evidence import weigh
from search.findings import Finding, Look, Scope, Verdict
from search.gains import transfer_matrix
from search.results import Results, TrialResult
from search.tables import table
from spaces.trial import Trial
from trainables.sampling import Units

RATIOS = (1, 2, 3, 5)  # standard deviation of `none` between seeds over that of the recipes
SEEDS = (3, 5)
FAILING = 0.2
COVERS = (0.93, 0.97)
FALSE_VERDICTS = 0.05
LOOKS = 3
COVERAGE_SWEEPS = 5  # times as many as for falsehoods: a share near 93 or 97% has to be known to half a point

EXAMPLES = 300
LANGUAGES = ("en", "de")
SCORE, GAIN, CHANCE = 70.0, 3.0, 33.0
BETWEEN_SEEDS = 1.5  # points, of a recipe
DIFFICULTY, RESPONSE, LUCK = 30.0, 12.0, 20.0  # points: of an example, of a recipe to it, of a run on it
RECIPES = ("mnli", "qqp", "snli", "squad_v1", "squad_v2")

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Setting:
    """What a made-up target is like.

    `noise` scales what single runs and recipes do to an example: with little of it test sets hardly add to an error.
    `shape` is how runs of `none` are distributed over seeds.
    """

    ratio: float = 1
    fails: bool = False
    trains: bool = True
    noise: float = 1
    shape: str = "normal"

    @property
    def target(self) -> str:
        """A target of the catalogue that trains, or does not."""
        return "xnli" if self.trains else "tatoeba"

    def __str__(self) -> str:
        what = f"none varies {self.ratio:g} times" if self.trains else "none trains nothing"
        more = [", a fifth fails"] * self.fails + [f", noise {self.noise:g}"] * (self.noise != 1)
        return what + "".join(more) + (f", {self.shape}" if self.shape != "normal" else "")


SETTINGS = [Setting(ratio, fails) for fails, ratio in product((False, True), RATIOS)]
SETTINGS += [Setting(ratio, noise=0.3) for ratio in (1, 5)]
SETTINGS += [Setting(trains=False, noise=noise) for noise in (1, 0.5, 0.3, 0.1)]
LIMITS = [Setting(ratio, shape=shape) for shape, ratio in product(("skewed", "a quarter much worse"), (1, 3, 5))]


class World:
    """One draw of test examples, of which any number of runs may be made."""

    def __init__(self, setting: Setting, gains: Sequence[float], rng: np.random.Generator) -> None:
        self.setting = setting
        self.gains = dict(zip(("none", *RECIPES), (0.0, *gains)))
        self.rng = rng
        self.difficulty = rng.normal(0, DIFFICULTY, EXAMPLES)
        self.response = {recipe: rng.normal(0, setting.noise * RESPONSE, EXAMPLES) for recipe in self.gains}
        self.earned: dict[str, Floats] = {}
        self.failed: set[str] = set()

    def sweep(self, seeds: int, look: int = 1) -> Results:
        """The results of so many seeds, the first of them as they were before."""
        trials = [self._trial(recipe, seed) for recipe in self.gains for seed in range(seeds)]
        space = {"recipes": list(self.gains), "targets": [self.setting.target]}
        looks = {self.setting.target: Look(look, len(self.gains) - 1)}
        return weigh(Results("made-1", space, trials, {}, looks=looks), self._units)

    def _trial(self, recipe: str, seed: int) -> TrialResult:
        trial = Trial(self.setting.target, recipe, 1e-5, 1e-5, seed)
        if trial.id not in self.earned:
            self.earned[trial.id] = self._run(recipe, seed)
        earned = self.earned[trial.id]
        languages = {
            code: {"value": float(values.mean()), "chance": CHANCE}
            for code, values in zip(LANGUAGES, earned, strict=True)
        }
        dev = CHANCE if trial.id in self.failed else SCORE
        history = [{"dev": dev, "chance": CHANCE, "error": 2.0, "step": 1, "steps": 1}]
        trained: list[dict[str, Any]] = [{"task": self.setting.target, "role": "target", "history": history}]
        trains = self.setting.trains
        return TrialResult(trial, "finished", dev=dev if trains else None, languages=languages, scored=trial.id,
                           trained=trained if trains else [])  # fmt: skip

    def _run(self, recipe: str, seed: int) -> Floats:
        """What a run earns on every example, (languages, examples)."""
        rng, setting = self.rng, self.setting
        if recipe == "none" and not setting.trains and seed:
            return self.earned[Trial(setting.target, recipe, 1e-5, 1e-5, 0).id]
        luck = rng.normal(0, setting.noise * LUCK, (len(LANGUAGES), EXAMPLES))
        if recipe == "none" and setting.fails and rng.random() < FAILING:
            self.failed.add(Trial(setting.target, recipe, 1e-5, 1e-5, seed).id)
            return CHANCE + rng.normal(0, BETWEEN_SEEDS) + luck
        spread = BETWEEN_SEEDS * (setting.ratio if recipe == "none" else 1)
        shape = setting.shape if recipe == "none" else "normal"
        of_run = spread * _standard(shape, rng) if setting.trains or recipe != "none" else 0.0
        return SCORE + self.gains[recipe] + of_run + self.difficulty + self.response[recipe] + luck

    def _units(self, result: TrialResult) -> dict[str, Units]:
        rows, ones = np.arange(EXAMPLES), np.ones(EXAMPLES)
        earned = self.earned[result.scored]
        return {code: Units(rows, of / 100, ones) for code, of in zip(LANGUAGES, earned, strict=True)}


def _standard(shape: str, rng: np.random.Generator) -> float:
    """A draw of mean nought and standard deviation one."""
    if shape == "skewed":  # to below, as fine-tuning goes wrong more than it goes too well
        return 1 - float(rng.exponential())
    if shape == "a quarter much worse":
        return float(-(3**0.5) if rng.random() < 0.25 else 3**-0.5)
    return float(rng.normal())


def main() -> int:
    """Prints coverage and false verdicts; 0 when both are as promised."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sweeps", type=int, default=1000)
    sweeps = parser.parse_args().sweeps
    console = Console(width=100)
    made = table(
        f"{COVERAGE_SWEEPS * sweeps:,} sweeps a row and number of seeds for intervals, {sweeps:,} a row for falsehoods",
        ("setting",),
        (*(f"{seeds} seeds" for seeds in SEEDS), "verdict", "followed", "language", "oracle"),
        note="Seeds: intervals that cover the true gain, of those with enough runs for a verdict. Of sweeps over five "
        "recipes that do nothing, with three seeds at first: a false verdict at the first look; at any look, with "
        "seeds added as advised; at the first look on a language; an oracle whose interval excludes nought.",
    )
    holds = True
    for number, setting in enumerate(SETTINGS + LIMITS):
        covered = [
            coverage(setting, seeds, COVERAGE_SWEEPS * sweeps, np.random.default_rng([number, seeds]))
            for seeds in SEEDS
        ]
        false = falsehoods(setting, SEEDS[0], sweeps, np.random.default_rng([number, 99]))
        made.add_row(str(setting), *(f"{share:.1%}" for share in (*covered, *false)))
        if setting in SETTINGS:
            holds &= all(COVERS[0] <= share <= COVERS[1] for share in covered) and max(false) <= FALSE_VERDICTS
    console.print(made)
    return 0 if holds else 1


def coverage(setting: Setting, seeds: int, sweeps: int, rng: np.random.Generator) -> float:
    """The share of intervals that cover the true gain between runs that do not fail, of those with three such runs."""
    told = []
    for _ in range(sweeps):
        (finding,) = _of_target(World(setting, [GAIN], rng).sweep(seeds))
        if finding.low is not None and finding.high is not None and finding.seeds >= SEEDS[0]:
            told.append(finding.low <= GAIN <= finding.high)
    return float(np.mean(told))


def falsehoods(setting: Setting, seeds: int, sweeps: int, rng: np.random.Generator) -> tuple[float, ...]:
    """Of sweeps whose recipes all do nothing the shares with a falsehood.

    That a recipe helps or hurts: at the first look; at any of three looks, each with as many seeds more as the report
    before it advised for the recipe that needs fewest; at the first look on a language. And an oracle at the first look
    whose interval excludes nought.
    """
    told = np.zeros(4)
    for _ in range(sweeps):
        world = World(setting, [0.0] * len(RECIPES), rng)
        looks = list(_looks(world, seeds))
        low, high = transfer_matrix(looks[0]).oracle_interval(setting.target) or (0.0, 0.0)
        first, language = (_says(looks[0], scope) for scope in (Scope.ALL, Scope.LANGUAGE))
        told += [first, any(_says(look, Scope.ALL) for look in looks), language, low > 0 or high < 0]
    return tuple(told / sweeps)


def _looks(world: World, seeds: int) -> Iterator[Results]:
    for number in range(1, LOOKS + 1):
        results = world.sweep(seeds, number)
        yield results
        advised = [one.more_seeds for one in _of_target(results) if one.more_seeds]
        if not advised:
            return
        seeds += min(advised)


def _says(results: Results, scope: Scope) -> bool:
    """Whether anything is said to help or hurt."""
    return any(one.verdict in {Verdict.HELPS, Verdict.HURTS} for one in results.findings if one.scope is scope)


def _of_target(results: Results) -> list[Finding]:
    return [one for one in results.findings if one.scope is Scope.ALL]


if __name__ == "__main__":
    sys.exit(main())
