"""Simulated sweeps in which the truth is known: recipes of unequal variance, runs that fail, targets without training.

`benchmarks/coverage.py` has the whole table; here are its corners, with sweeps enough to see a method that is wrong.
"""

import numpy as np
import pytest

from benchmarks.coverage import FALSE_VERDICTS, Setting, coverage, falsehoods
from search.significance import Arm, difference

SWEEPS = 300
# Three standard errors of a share of so many sweeps, beyond the 93 to 97% that the benchmark holds.
SLACK = 3 * (0.05 * 0.95 / SWEEPS) ** 0.5
CORNERS = [
    Setting(1),
    Setting(5),
    Setting(5, fails=True),
    Setting(trains=False, noise=0.3),
]


@pytest.mark.parametrize("setting", CORNERS, ids=str)
def test_intervals_cover_the_truth_as_often_as_they_promise(setting: Setting) -> None:
    covered = coverage(setting, 3, SWEEPS, np.random.default_rng(0))
    assert 0.95 - SLACK <= covered <= min(0.995, 0.95 + SLACK)


@pytest.mark.parametrize("setting", CORNERS[1:], ids=str)
def test_nothing_is_said_to_help_where_nothing_does_though_seeds_are_added_as_advised(setting: Setting) -> None:
    shares = falsehoods(setting, 3, 60, np.random.default_rng(1))
    assert max(shares) <= FALSE_VERDICTS + 2 * (0.05 * 0.95 / 60) ** 0.5


def test_a_score_at_chance_is_above_chance_in_one_of_twenty_sweeps() -> None:
    rng, above, sweeps = np.random.default_rng(2), 0, 2000
    for _ in range(sweeps):
        of_examples = rng.normal(0, 1)
        scores = 33 + of_examples + rng.normal(0, 1, 5)
        score = difference(scores, np.full((5, 5), 1.0), Arm(range(5))).estimate
        above += score.less(33).above_zero
    assert 0.03 <= above / sweeps <= 0.07  # any of five seeds above its own error: 0.23
