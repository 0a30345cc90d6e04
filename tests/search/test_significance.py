"""The statistics against scipy and statsmodels on the same inputs, and against what is known of made-up data."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import TTestIndPower

from search.significance import (
    ERROR_RATE,
    Arm,
    Difference,
    Estimate,
    Runs,
    difference,
    error_rate_of_look,
    holm,
)


def seeds_alone(one: list[float], other: list[float]) -> Difference:
    """Of runs that no test example makes uncertain."""
    number = len(one) + len(other)
    rows = Arm(range(len(one))), Arm(range(len(one), number))
    return difference(np.array([*one, *other]), np.zeros((number, number)), *rows)


def test_with_seeds_alone_interval_and_p_are_welchs() -> None:
    one, other = [50.0, 53.0, 58.0, 57.0], [41.0, 67.0, 44.0]
    ours = seeds_alone(one, other).estimate
    theirs = stats.ttest_ind(one, other, equal_var=False)
    assert ours.p == pytest.approx(theirs.pvalue)
    assert ours.interval() == pytest.approx(tuple(theirs.confidence_interval(0.95)))


def test_an_arm_that_does_not_vary_adds_no_variance() -> None:
    scores = np.array([50.0, 53.0, 58.0, 40.0, 40.0, 40.0])
    ours = difference(scores, np.zeros((6, 6)), Arm(range(3)), Arm(range(3, 6), varies=False)).estimate
    theirs = stats.ttest_1samp([50.0, 53.0, 58.0], 40.0)
    assert ours.p == pytest.approx(theirs.pvalue)
    assert ours.interval() == pytest.approx([limit - 40 for limit in theirs.confidence_interval(0.95)])


def test_of_two_runs_of_a_recipe_only_what_they_share_counts_as_the_examples() -> None:
    # Variance 4 of each run, of which 1 is shared; nothing is shared between the recipes.
    covariance = np.kron(np.eye(2), np.array([[4.0, 1.0], [1.0, 4.0]]))
    scores = np.array([10.0, 12.0, 5.0, 5.0])
    assert difference(scores, covariance, Arm([0, 1]), Arm([2, 3])).examples == pytest.approx(2.0)
    assert difference(scores, covariance, Arm([0]), Arm([2])).examples == pytest.approx(8.0)


def test_what_both_recipes_share_cancels() -> None:
    covariance = np.full((4, 4), 9.0) + np.eye(4)
    assert difference(np.arange(4.0), covariance, Arm([0, 1]), Arm([2, 3])).examples == 0.0


def test_one_run_tells_nothing_of_its_variance() -> None:
    one = difference(np.array([52.0, 50.0]), np.diag([0.5, 0.5]), Arm([0]), Arm([1]))
    assert not one.has_seeds and one.runs_needed(0.05) is None
    assert one.estimate.interval() == pytest.approx((2 - 1.96, 2 + 1.96), abs=1e-3)


def test_no_error_at_all_is_certainty() -> None:
    assert Estimate(1.0, 0.0).p == 0.0
    assert Estimate(0.0, 0.0).p == 1.0
    assert (Estimate(1.0, 0.0).power(0.05), Estimate(0.0, 0.0).power(0.05)) == (1.0, 0.0)


def test_above_zero_is_one_sided() -> None:
    assert Estimate(1.7, 1.0).above_zero and not Estimate(1.6, 1.0).above_zero
    assert not Estimate(1.7, 1.0, freedom=2).above_zero  # 2.92 standard errors
    assert Estimate(51.7, 1.0).less(50).above_zero


def test_power_is_statsmodels() -> None:
    # Two groups of 10, one standard deviation apart.
    ours = Estimate(1.0, math.sqrt(2 / 10), 18).power(0.05)
    theirs = TTestIndPower().power(effect_size=1.0, nobs1=10, alpha=0.05)
    assert ours == pytest.approx(theirs, abs=1e-3)
    assert Estimate(1.96, 1.0).power(0.05) == pytest.approx(0.5, abs=1e-3)


def test_runs_needed_are_the_fewest_with_the_power_promised() -> None:
    made = Difference(4.0, 0.0, (Runs(9.0, 3), Runs(9.0, 3)))
    needed = made.runs_needed(0.05)
    assert needed is not None
    solved = TTestIndPower().solve_power(effect_size=4 / 3, alpha=0.05, power=0.8)
    assert needed == math.ceil(solved)
    assert replace(made, examples=100.0).runs_needed(0.05) is None  # the test set is too small, whatever the seeds


def test_holm_is_statsmodels() -> None:
    chances = [0.04, 0.001, 0.2, 0.013, 0.013, 0.9]
    assert holm(chances) == pytest.approx(multipletests(chances, method="holm")[1])
    assert holm([]) == []


def test_all_looks_together_spend_the_error_rate() -> None:
    assert sum(error_rate_of_look(look) for look in range(1, 40)) == pytest.approx(ERROR_RATE)
    assert error_rate_of_look(1) == pytest.approx(0.04)


variances = st.floats(0, 50)


@given(st.floats(0, 30), st.floats(0.01, 5), variances, variances, variances, st.integers(3, 10))
@settings(max_examples=200, deadline=None)
def test_a_larger_gain_never_needs_more_runs(
    gain: float, more: float, examples: float, one: float, other: float, number: int
) -> None:
    small = Difference(gain, examples, (Runs(one, number), Runs(other, number)))
    large = replace(small, value=gain + more)
    assert large.estimate.p <= small.estimate.p
    needed = [made.runs_needed(0.01) or math.inf for made in (large, small)]
    assert needed[0] <= needed[1]
