"""Sampling errors against a bootstrap by scipy, and against cases worked out by hand."""

import numpy as np
import pytest
from scipy import stats

from trainables.sampling import Units, score_covariance, score_error


def units(values: np.ndarray, group: np.ndarray | None = None, possible: np.ndarray | None = None) -> Units:
    group = np.arange(len(values)) if group is None else group
    return Units(group, values.astype(float), np.ones(len(values)) if possible is None else possible.astype(float))


def test_the_error_of_an_accuracy_is_the_textbooks() -> None:
    right = np.array([1.0] * 30 + [0.0] * 70)
    assert score_error({"de": units(right)}) == pytest.approx(100 * np.sqrt(0.3 * 0.7 / 99))


def test_the_error_of_a_difference_is_scipys_paired_bootstrap() -> None:
    rng = np.random.default_rng(0)
    without = (rng.random(400) < 0.5).astype(float)
    with_recipe = np.where(rng.random(400) < 0.2, 1.0, without)
    covariance = score_covariance([{"de": units(with_recipe)}, {"de": units(without)}], ["de"])
    ours = float(np.sqrt(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1]))
    theirs = stats.bootstrap(
        (with_recipe, without),
        lambda one, other, axis: 100 * (np.mean(one, axis=axis) - np.mean(other, axis=axis)),
        paired=True, vectorized=True, n_resamples=4000, random_state=1,
    ).standard_error  # fmt: skip
    assert ours == pytest.approx(theirs, rel=0.05)
    assert ours < 0.8 * np.sqrt(covariance[0, 0] + covariance[1, 1])  # pairing pays


def test_the_error_of_an_f1_is_scipys_bootstrap_of_the_ratio() -> None:
    rng = np.random.default_rng(1)
    found, there = rng.integers(0, 5, 300), rng.integers(1, 6, 300)
    right = np.minimum(found, there) * (rng.random(300) < 0.6)
    theirs = stats.bootstrap(
        (2.0 * right, found + there), lambda earned, possible, axis: 100 * earned.sum(axis) / possible.sum(axis),
        paired=True, vectorized=True, n_resamples=4000, random_state=2,
    ).standard_error  # fmt: skip
    assert score_error({"de": units(2.0 * right, possible=found + there)}) == pytest.approx(theirs, rel=0.05)


def test_questions_of_one_paragraph_count_once_where_they_are_all_alike() -> None:
    right = np.random.default_rng(2).integers(0, 2, 40).astype(float)
    apart = score_error({"en": units(right)})
    in_fives = score_error({"en": units(np.repeat(right, 5), group=np.repeat(np.arange(40), 5))})
    assert in_fives == pytest.approx(apart)
    assert score_error({"en": units(np.repeat(right, 5))}) < in_fives / 2


def test_translations_move_together_and_other_sets_do_not() -> None:
    right = np.random.default_rng(3).integers(0, 2, 50).astype(float)
    one = score_error({"en": units(right)})
    translations = {"en": units(right), "de": units(right)}
    assert score_error(translations) == pytest.approx(one)
    others = {"en": units(right), "de": units(right, group=np.arange(50, 100))}
    assert score_error(others) == pytest.approx(one / np.sqrt(2), rel=0.02)


def test_sets_of_which_only_some_examples_are_shared_are_in_between() -> None:
    right = np.random.default_rng(4).integers(0, 2, 50).astype(float)
    of_both = np.concatenate([right[25:], right[:25]])  # the last 25 are other examples, as hard
    half = {"en": units(right), "de": units(of_both, group=np.arange(25, 75))}
    one = score_error({"en": units(right)})
    assert one / np.sqrt(2) < score_error(half) < one


def test_the_score_of_units_is_their_ratio() -> None:
    assert units(np.array([2.0, 0.0]), possible=np.array([3.0, 5.0])).score == pytest.approx(25.0)
