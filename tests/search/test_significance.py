"""The statistics against scipy and statsmodels on the same inputs, and against what is known of made-up data."""

import math

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests

from search.significance import (
    Estimate,
    Variance,
    bootstrap,
    combined,
    holm,
    pooled_over_seeds,
    seeds_needed,
)


def points(values: list[float] | np.ndarray) -> np.ndarray:
    return np.column_stack([values, np.ones(len(values))])


def test_the_bootstrap_of_a_difference_is_scipys() -> None:
    rng = np.random.default_rng(0)
    without = (rng.random(400) < 0.5).astype(float)
    with_recipe = np.where(rng.random(400) < 0.2, 1.0, without)
    drawn = bootstrap([{"de": points(with_recipe)}, {"de": points(without)}], draws=4000)
    ours = float(np.std(drawn[0, 0] - drawn[1, 0]))
    theirs = stats.bootstrap(
        (with_recipe, without),
        lambda one, other, axis: 100 * (np.mean(one, axis=axis) - np.mean(other, axis=axis)),
        paired=True, vectorized=True, n_resamples=4000, random_state=1,
    ).standard_error  # fmt: skip
    assert ours == pytest.approx(theirs, rel=0.05)
    apart = float(np.hypot(np.std(drawn[0, 0]), np.std(drawn[1, 0])))
    assert ours < 0.8 * apart  # pairing pays


def test_the_bootstrap_of_an_f1_weighs_units_by_what_they_could_earn() -> None:
    counts = np.array([[2.0, 2.0], [0.0, 6.0], [2.0, 4.0]])
    drawn = bootstrap([{"de": counts}], draws=2000)[0, 0]
    assert 100 * counts[:, 0].sum() / counts[:, 1].sum() == pytest.approx(np.median(drawn), abs=8)
    assert drawn.max() == 100.0 and drawn.min() == 0.0  # all draws of one unit


def test_languages_of_one_size_draw_the_same_rows() -> None:
    values = np.random.default_rng(0).random(50)
    drawn = bootstrap([{"de": points(values), "fr": points(values), "sw": points(values[:40])}])
    assert np.array_equal(drawn[0, 0], drawn[0, 1])
    assert abs(np.corrcoef(drawn[0, 0], drawn[0, 2])[0, 1]) < 0.2


def test_holm_is_statsmodels() -> None:
    chances = [0.04, 0.001, 0.2, 0.013, 0.013, 0.9]
    assert holm(chances) == pytest.approx(multipletests(chances, method="holm")[1])
    assert holm([]) == []


def test_with_seeds_alone_the_interval_is_students() -> None:
    one, other = [50.0, 53.0, 58.0], [41.0, 47.0, 44.0]
    runs = pooled_over_seeds([one, other])
    ours = combined(np.mean(one) - np.mean(other), 0.0, runs, 3, 3)
    theirs = stats.ttest_ind(one, other)
    assert ours.p == pytest.approx(theirs.pvalue)
    assert ours.interval == pytest.approx(tuple(theirs.confidence_interval(0.95)))


def test_the_variance_is_pooled_over_all_recipes() -> None:
    groups = [[1.0, 2.0, 4.0], [10.0, 10.5, 12.0], [5.0]]  # a single run tells nothing of its variance
    runs = pooled_over_seeds(groups)
    assert runs is not None
    assert runs.freedom == 4
    assert runs.value == pytest.approx((np.var(groups[0], ddof=1) + np.var(groups[1], ddof=1)) / 2)
    assert pooled_over_seeds([[1.0], [2.0]]) is None


def test_without_seeds_the_examples_are_all_that_is_known() -> None:
    estimate = combined(2.0, 1.0, None, 1, 1)
    assert estimate.interval == pytest.approx((2 - 1.96, 2 + 1.96), abs=1e-3)


def test_no_error_at_all_is_certainty() -> None:
    assert Estimate(1.0, 0.0, math.inf).p == 0.0
    assert Estimate(0.0, 0.0, math.inf).p == 1.0


def test_seeds_needed_are_those_that_would_tell() -> None:
    runs = Variance(4.0, 12.0)
    assert seeds_needed(Estimate(10.0, 1.0, 12.0), 0.1, runs) == 2
    few = seeds_needed(Estimate(2.0, 1.0, 12.0), 0.1, runs)
    assert few is not None and few > 5
    assert seeds_needed(Estimate(2.0, 1.0, 12.0), 4.0, runs) is None  # the test set is too small, whatever the seeds


@pytest.mark.parametrize("seeds", [2, 3, 5])
def test_intervals_cover_the_truth_in_95_of_100_made_up_sweeps(seeds: int) -> None:
    # Five recipes on one target: a true gain, a spread between seeds, and test examples that are a sample.
    rng, covered, sweeps, truth = np.random.default_rng(seeds), 0, 600, 3.0
    for _ in range(sweeps):
        difficulty = rng.normal(0, 30, 300)  # of an example, for every recipe
        response = rng.normal(0, 20, (2, 300))  # to a recipe
        scores = [
            [(60 + gain + difficulty + response[recipe] + rng.normal(0, 2)) for _ in range(seeds)]
            for recipe, gain in ((0, 0.0), (1, truth))
        ]
        others = [rng.normal(60, 2, seeds).tolist() for _ in range(3)]
        runs = [{"de": points(one / 100)} for group in scores for one in group]
        drawn = bootstrap(runs, draws=200)[:, 0]
        means = [[float(one.mean()) for one in group] for group in scores]
        between = pooled_over_seeds([*means, *others])
        of_examples = float(np.var(drawn[seeds:].mean(0) - drawn[:seeds].mean(0)))
        low, high = combined(np.mean(means[1]) - np.mean(means[0]), of_examples, between, seeds, seeds).interval
        covered += low <= truth <= high
    assert 0.93 <= covered / sweeps <= 0.97
