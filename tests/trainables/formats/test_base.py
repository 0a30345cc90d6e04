import math

import pytest
import torch

from trainables.formats.base import IGNORED, Scores, cross_entropy, mean_and_error, padded


def test_mean_and_standard_error_are_in_hundredths() -> None:
    mean, error = mean_and_error([1.0, 0.0, 1.0, 1.0])
    assert mean == 75
    assert error == pytest.approx(25)  # sample deviation 50, over the root of 4


def test_one_value_has_no_error() -> None:
    assert mean_and_error([1.0]) == (100, 0)


@pytest.mark.parametrize(("value", "above"), [(66.0, False), (66.4, False), (66.5, True), (30.0, False)])
def test_above_chance_is_one_sided_at_95_percent(value: float, above: bool) -> None:
    # chance 50, error 10: the bound is 50 + 1.645 * 10 = 66.45
    assert Scores(value, chance=50, error=10, examples=9).above_chance is above


def test_padding_fills_short_rows() -> None:
    rows = [{"ids": [1, 2]}, {"ids": []}]
    assert padded(rows, "ids", 9, 3).tolist() == [[1, 2, 9], [9, 9, 9]]


def test_ignored_positions_do_not_count_in_the_loss() -> None:
    logits = torch.tensor([[0.0, 0.0], [9.0, -9.0]])
    assert cross_entropy(logits, torch.tensor([0, IGNORED])).tolist() == pytest.approx([math.log(2), 0])
