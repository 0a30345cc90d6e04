"""What is said of a recipe on a target, as plain data: its score and its gain, with errors, and a verdict in words."""

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from search.significance import LEVEL, Estimate


class Verdict(StrEnum):
    """What is to be said of a recipe on a target."""

    HELPS = "helps"
    HURTS = "hurts"
    NO_EVIDENCE = "no evidence"
    TOO_FEW = "too few runs"
    FAILED = "runs failed"


class Scope(StrEnum):
    """What a score or a gain is the mean over."""

    ALL = "all"
    LANGUAGE = "language"
    FAMILY = "family"
    SCRIPT = "script"


@dataclass(frozen=True)
class Look:
    """Which look at a target's question a sweep is, from 1, and the most recipes that a look before it compared."""

    number: int = 1
    recipes: int = 0


@dataclass(frozen=True)
class Measurement:
    """How well a recipe's score on a target is known: over all languages, or over one.

    `error` is the standard error of the score in points, over test examples and, where there are several runs, over
    seeds; None where of several runs only one did not fail. `above_chance` says whether the mean over the runs that did
    not fail beats guessing (one-sided, 95%), `near_best` whether it cannot be told from the recipe that scored best on
    the test sets (95%, on the same examples).
    """

    recipe: str
    target: str
    scope: Scope
    name: str
    error: float | None
    above_chance: bool
    near_best: bool

    @classmethod
    def from_plain(cls, plain: dict[str, Any]) -> "Measurement":
        """The measurement that `asdict` gave; raises `TypeError` or `ValueError` for anything else."""
        return cls(**plain | {"scope": Scope(plain["scope"])})


@dataclass(frozen=True)
class Finding:
    """A recipe's gain over `none` on a target, in points.

    `name` is the language's code, the family or the script, empty for all. `gain` counts runs that failed as chance.
    `learned_gain` is the gain between the runs that did not fail; `error` is its standard error, `freedom` the error's
    degrees of freedom (None: infinite), `test_freedom` those for tests and for intervals wider than 95%; `low` and
    `high` are its 95% interval. All of these are None where of several runs of a recipe fewer than two did not fail.
    `p` is corrected for the number of recipes and of looks. `seeds` is the smaller number of runs that did not fail;
    `failed` of `runs` failed with the recipe, `none_failed` of `none_runs` without. `more_seeds` is how many more would
    give a verdict in four of five cases, were the gain as large as it looks; None where that is more than anybody would
    run, or none are needed.
    """

    recipe: str
    target: str
    scope: Scope
    name: str
    gain: float
    learned_gain: float | None
    error: float | None
    freedom: float | None
    test_freedom: float | None
    low: float | None
    high: float | None
    p: float
    verdict: Verdict
    seeds: int
    failed: int
    runs: int
    none_failed: int
    none_runs: int
    more_seeds: int | None = None

    def interval(self, level: float = LEVEL) -> tuple[float, float] | None:
        """From and to of the gain between runs that did not fail; None where it is not known."""
        if self.learned_gain is None or self.error is None:
            return None
        freedom = self.freedom if level <= LEVEL else self.test_freedom
        return Estimate(self.learned_gain, self.error, freedom or math.inf).interval(level)

    @property
    def failures(self) -> str:
        """Which runs failed, in words; empty where none did."""
        told = []
        if self.failed:
            told.append(f"{self.failed} of {self.runs} runs failed")
        if self.none_failed:
            told.append(f"{self.none_failed} of {self.none_runs} of none failed")
        return ", ".join(told)

    @classmethod
    def from_plain(cls, plain: dict[str, Any]) -> "Finding":
        """The finding that `asdict` gave; raises `TypeError` or `ValueError` for anything else."""
        return cls(**plain | {"scope": Scope(plain["scope"]), "verdict": Verdict(plain["verdict"])})
