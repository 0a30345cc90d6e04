from random import Random

import pytest

from spaces.rates import RateRange, nominal_rates

RANGE = RateRange(low=1e-6, high=1e-4)


def test_draws_are_in_the_range_and_have_three_digits() -> None:
    rng = Random(0)
    drawn = [RANGE.draw(rng) for _ in range(1000)]
    assert all(1e-6 <= rate <= 1e-4 and rate == float(f"{rate:.3g}") for rate in drawn)
    assert sum(rate < 1e-5 for rate in drawn) == pytest.approx(500, abs=50)


def test_rounding_does_not_leave_the_range() -> None:
    narrow = RateRange(low=0.0012345, high=0.0012349)
    assert narrow.rounded(0.00123456) == 0.0012345  # three digits would be 0.00123


def test_a_single_rate_that_stands_for_the_range_is_its_geometric_mean() -> None:
    assert nominal_rates(RANGE) == [1e-5]
    assert nominal_rates([0.1, 0.01]) == [0.1, 0.01]
