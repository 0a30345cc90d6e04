"""The statistics behind a verdict: what a difference of two recipes is worth, given test examples and seeds.

Two things make a measured gain differ from the true one. The test sets are samples: their share is estimated by a
paired bootstrap, in which both recipes are scored on the same resampled examples (Berg-Kirkpatrick et al. 2012). And
fine-tuning differs between seeds: that share is the variance over seeds, pooled over the recipes of a target as in an
analysis of variance, since few seeds tell little of one recipe alone. Both add up; the interval is Student's, with
degrees of freedom after Welch and Satterthwaite.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

LEVEL = 0.95
DRAWS = 1000
MOST_SEEDS = 30  # more than anybody would run for one verdict

Points = Mapping[str, NDArray[np.float64]]  # by language, (examples, 2): what an example earns, and could have earned
_AT_ONCE = 50  # draws, so that weights of large test sets fit into memory


@dataclass(frozen=True)
class Variance:
    """A variance of a mean, and the degrees of freedom that it was estimated with."""

    value: float
    freedom: float


@dataclass(frozen=True)
class Estimate:
    """A difference in points with its standard error; `freedom` are the degrees of freedom of the error."""

    value: float
    error: float
    freedom: float

    @property
    def interval(self) -> tuple[float, float]:
        """From and to, at 95%."""
        reach = self.error * float(stats.t.ppf((1 + LEVEL) / 2, self.freedom))
        return self.value - reach, self.value + reach

    @property
    def p(self) -> float:
        """How likely at least so large a difference is where there is none (two-sided)."""
        if self.error == 0:
            return 0.0 if self.value else 1.0
        return float(2 * stats.t.sf(abs(self.value) / self.error, self.freedom))


def bootstrap(trials: Sequence[Points], seed: int = 0, draws: int = DRAWS) -> NDArray[np.float64]:
    """Scores (trials, languages, draws), 0 to 100, of trials that were all scored on the same resampled examples.

    A score is what the examples earn over what they could: of accuracy a mean, of F1 twice the hits over found and
    there. Languages whose test sets are equally large draw the same rows: where they are translations of one another
    (XNLI, XQuAD) their scores go up and down together, and where they are not this does no harm.
    """
    languages = list(trials[0])
    scores = np.empty((len(trials), len(languages), draws))
    for index, language in enumerate(languages):
        earned, possible = (np.stack([trial[language][:, side] for trial in trials]) for side in (0, 1))
        examples = earned.shape[1]
        rng = np.random.default_rng([seed, examples])
        for start in range(0, draws, _AT_ONCE):
            stop = min(draws, start + _AT_ONCE)
            drawn = rng.multinomial(examples, np.full(examples, 1 / examples), stop - start)
            weights = drawn.T.astype(float)  # whole numbers would be multiplied ten times slower
            scores[:, index, start:stop] = 100 * (earned @ weights) / np.maximum(possible @ weights, 1e-12)
    return scores


def pooled_over_seeds(groups: Sequence[Sequence[float]]) -> Variance | None:
    """The variance between seeds, pooled over groups of scores; None where no group has two.

    Of a single run, not of a mean.
    """
    freedom = sum(len(group) - 1 for group in groups if len(group) > 1)
    if not freedom:
        return None
    squares = sum(len(group) * float(np.var(group)) for group in groups if len(group) > 1)
    return Variance(squares / freedom, freedom)


def combined(value: float, examples: float, runs: Variance | None, with_recipe: int, without: int) -> Estimate:
    """A difference of the means of two groups of runs.

    `examples` is the bootstrap's variance of the difference; `runs` the variance of a single run between seeds, None
    where it is not known, and then left out.
    """
    if runs is None:
        return Estimate(value, math.sqrt(examples), math.inf)
    of_seeds = runs.value * (1 / with_recipe + 1 / without)
    total = examples + of_seeds
    freedom = runs.freedom * (total / of_seeds) ** 2 if of_seeds else math.inf
    return Estimate(value, math.sqrt(total), freedom)


def holm(chances: Sequence[float]) -> list[float]:
    """p-values corrected for their number (Holm 1979), in their order."""
    order = np.argsort(chances, kind="stable")
    corrected = [0.0] * len(chances)
    highest = 0.0
    for rank, index in enumerate(order):
        highest = max(highest, min(1.0, (len(chances) - rank) * chances[index]))
        corrected[index] = highest
    return corrected


def seeds_needed(estimate: Estimate, examples: float, runs: Variance) -> int | None:
    """How many seeds of either would tell the difference from nought, were it as large as it looks; None for too many.

    `examples` and `runs` as in `combined`.
    """
    for seeds in range(2, MOST_SEEDS + 1):
        known = Variance(runs.value, max(runs.freedom, 2 * seeds - 2))
        likely = combined(estimate.value, examples, known, seeds, seeds)
        if likely.p < 1 - LEVEL:
            return seeds
    return None
