"""The statistics behind a verdict: what a difference of two recipes is worth, given test examples and seeds.

Two things make a measured gain differ from the true one.

- The test sets are samples. Both recipes are scored on the same examples, so this part is paired: it comes from the
  covariances of the runs' scores (`trainables.sampling`). Of two runs of one recipe only what they share counts here;
  what the examples do to a single run is part of how runs differ.
- Fine-tuning differs between seeds. Every recipe has its own variance (Welch 1947): `none` is often the less steady
  one, and where nothing is trained there is no such variance at all.

Both add up. Interval and test are Student's, with degrees of freedom after Satterthwaite (1946), of whose formula one
thing is changed: see `_IN_INTERVALS` and `_IN_TESTS`.
"""

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import nctdtr, ndtr, stdtr, stdtrit

LEVEL = 0.95
ERROR_RATE = 1 - LEVEL  # of false verdicts, over all recipes of a target and all looks at it
POWER = 0.8  # with which the seeds that a report advises tell a gain that is as large as it looks
MOST_SEEDS = 30  # more than anybody would run for one verdict
_FIRST_LOOK = 0.8  # of the error rate; every later look may spend as much of what is left

# What the examples' variance, which is known well, counts in the degrees of freedom. At 1, Satterthwaite's own, few
# runs that happen to lie close together make their small variance look well known too: with three seeds intervals then
# cover 92% where `none` is five times as noisy. At a half they cover 93 to 97% throughout. Tests of several recipes
# look further out, where the same harm is greater: at a half 12% of the targets without training had a false verdict
# (`benchmarks/coverage.py`).
_IN_INTERVALS = 0.5
_IN_TESTS = 0.1

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Arm:
    """The runs of one recipe on one target: their rows in `scores` and in the covariances of `difference`.

    `varies` says whether runs differ between seeds: where nothing is trained they do not.
    """

    rows: Sequence[int]
    varies: bool = True


@dataclass(frozen=True)
class Runs:
    """The variance of a single run between seeds (None where one run cannot tell it), and how many runs there are."""

    variance: float | None
    number: int


@dataclass(frozen=True)
class Estimate:
    """A number of points with its standard error; `freedom` are the degrees of freedom of the error."""

    value: float
    error: float
    freedom: float = math.inf

    def interval(self, level: float = LEVEL) -> tuple[float, float]:
        """From and to, two-sided."""
        reach = self.error * float(stdtrit(self.freedom, (1 + level) / 2))
        return self.value - reach, self.value + reach

    @property
    def p(self) -> float:
        """How likely at least so large a difference is where there is none (two-sided)."""
        if self.error == 0:
            return 0.0 if self.value else 1.0
        return float(2 * stdtr(self.freedom, -abs(self.value) / self.error))

    def less(self, points: float) -> "Estimate":
        """The same with points taken off."""
        return replace(self, value=self.value - points)

    @property
    def above_zero(self) -> bool:
        """Whether it is above nought: one-sided, at 95%."""
        return self.value > self.error * float(stdtrit(self.freedom, LEVEL))

    def power(self, error_rate: float) -> float:
        """How likely p falls below `error_rate` (two-sided) in a repetition, if the value is the true one."""
        if self.error == 0:
            return float(self.value != 0)
        reach, shift = stdtrit(self.freedom, 1 - error_rate / 2), abs(self.value) / self.error
        if math.isinf(self.freedom):
            return float(ndtr(shift - reach))
        return float(1 - nctdtr(self.freedom, shift, reach))


@dataclass(frozen=True)
class Difference:
    """A mean of runs, or a difference of two, and what makes it uncertain.

    `examples` is the variance that the draw of the test examples gives it, `arms` are the runs that vary.
    """

    value: float
    examples: float
    arms: tuple[Runs, ...]

    @property
    def has_seeds(self) -> bool:
        """Whether every recipe that varies has two runs, so that it is known by how much."""
        return all(arm.variance is not None for arm in self.arms)

    @property
    def estimate(self) -> Estimate:
        """The value with its error, for intervals.

        Where it is not known how runs vary, the error is that of the examples alone.
        """
        return self._estimate(_IN_INTERVALS)

    @property
    def tested(self) -> Estimate:
        """The same for p-values and power, with fewer degrees of freedom."""
        return self._estimate(_IN_TESTS)

    def _estimate(self, examples_count: float) -> Estimate:
        terms = [(arm.variance / arm.number, arm.number - 1) for arm in self.arms if arm.variance]
        seeds = sum(term for term, _ in terms)
        doubt = sum(term**2 / freedom for term, freedom in terms)
        freedom = (seeds + examples_count * self.examples) ** 2 / doubt if doubt else math.inf
        return Estimate(self.value, math.sqrt(seeds + self.examples), freedom)

    def with_runs(self, number: int) -> "Difference":
        """The same as it would likely be with so many runs of each recipe."""
        return replace(self, arms=tuple(replace(arm, number=number) for arm in self.arms))

    def runs_needed(self, error_rate: float) -> int | None:
        """The fewest runs of each recipe that would tell the value from nought with `POWER`, were it the true one.

        None where `MOST_SEEDS` would not, or where it is not known how runs vary.
        """
        if not self.has_seeds:
            return None
        numbers = range(2, MOST_SEEDS + 1)
        place = bisect_left(numbers, POWER, key=lambda number: self.with_runs(number).tested.power(error_rate))
        return numbers[place] if place < len(numbers) else None


def difference(scores: Floats, covariance: Floats, one: Arm, other: Arm | None = None) -> Difference:
    """The mean score of an arm, or how far it is above another's.

    `scores` (runs,) are in points; `covariance` (runs, runs) is `trainables.sampling.score_covariance` of the runs.
    """
    arms = [one] if other is None else [one, other]
    value = float(scores[one.rows].mean()) - (float(scores[other.rows].mean()) if other else 0.0)
    examples = sum(_shared(covariance[np.ix_(arm.rows, arm.rows)]) for arm in arms)
    if other is not None:
        examples -= 2 * float(covariance[np.ix_(one.rows, other.rows)].mean())
    return Difference(value, max(0.0, examples), tuple(_runs(scores[arm.rows]) for arm in arms if arm.varies))


def _shared(covariance: Floats) -> float:
    """The variance that all runs of an arm have in common: the mean covariance of two of them; of one its variance."""
    runs = len(covariance)
    if runs == 1:
        return float(covariance[0, 0])
    return float(covariance.sum() - np.trace(covariance)) / (runs * (runs - 1))


def _runs(scores: Floats) -> Runs:
    return Runs(float(np.var(scores, ddof=1)) if len(scores) > 1 else None, len(scores))


def holm(chances: Sequence[float]) -> list[float]:
    """p-values corrected for their number (Holm 1979), in their order."""
    order = np.argsort(chances, kind="stable")
    corrected = [0.0] * len(chances)
    highest = 0.0
    for rank, index in enumerate(order):
        highest = max(highest, min(1.0, (len(chances) - rank) * chances[index]))
        corrected[index] = highest
    return corrected


def error_rate_of_look(look: int) -> float:
    """The part of `ERROR_RATE` that a look may spend, from 1: 4%, 0.8%, 0.16% ... of which the sum is 5%.

    Whoever adds seeds until a verdict comes looks several times. However many looks there are, and whatever decided to
    have another, false verdicts stay within the whole (alpha spending, Lan & DeMets 1983; the sum is Bonferroni's).
    """
    return ERROR_RATE * _FIRST_LOOK * (1 - _FIRST_LOOK) ** (look - 1)
