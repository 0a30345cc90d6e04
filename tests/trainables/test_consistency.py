import math

import numpy as np
import pytest

from trainables.consistency import by_row, consistency, overlap, rank_c


def test_equal_rankings_are_wholly_consistent_and_reversed_ones_agree_on_the_whole_set_alone() -> None:
    ranked = np.array([[0, 1, 2], [2, 0, 1]])
    assert rank_c(ranked, ranked) == pytest.approx(100)
    weights = [1 / (1 + math.exp(-1)), math.exp(-1) / (1 + math.exp(-1))]
    assert rank_c(np.array([[0, 1]]), np.array([[1, 0]])) == pytest.approx(100 * weights[1])


def test_rank_c_is_the_papers_sum_written_out() -> None:
    rng = np.random.default_rng(0)
    one, other = (np.array([rng.permutation(5) for _ in range(20)]) for _ in range(2))
    total = 0.0
    for a, b in zip(one.tolist(), other.tolist(), strict=True):
        scale = sum(math.exp(5 - k) for k in range(1, 6))
        total += sum(math.exp(5 - j) / scale * len({*a[:j]} & {*b[:j]}) / j for j in range(1, 6))
    assert rank_c(one, other) == pytest.approx(100 * total / 20)


def test_the_first_place_weighs_most() -> None:
    first_differs = rank_c(np.array([[0, 1, 2]]), np.array([[1, 0, 2]]))
    last_differ = rank_c(np.array([[0, 1, 2]]), np.array([[0, 2, 1]]))
    assert first_differs < last_differ < 100


def test_the_overlap_is_what_both_earn_of_what_either_does() -> None:
    assert overlap(np.array([1.0, 1.0, 0.0, 0.0]), np.array([1.0, 0.0, 1.0, 0.0])) == pytest.approx(100 / 3)
    assert overlap(np.array([0.5, 1.0]), np.array([1.0, 1.0])) == pytest.approx(75)
    assert overlap(np.zeros(3), np.zeros(3)) is None


def test_answers_are_held_together_by_their_ids() -> None:
    assert consistency({"a": 1.0, "b": 0.0, "c": 1.0}, {"c": 1.0, "a": 0.0, "z": 1.0}) == pytest.approx(50)
    assert consistency({"a": 1.0}, {"b": 1.0}) is None
    assert consistency(by_row([[0, 1], [1, 0]]), by_row([[0, 1], [1, 0]])) == pytest.approx(100)


def test_sets_of_unequal_size_are_not_taken_for_parallel() -> None:
    assert consistency(by_row([[0, 1], [1, 0]]), by_row([[0, 1], [1, 0], [0, 1]])) is None
