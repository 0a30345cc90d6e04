import math

import pytest
import torch

from trainables.formats.base import IGNORED, cross_entropy, mean, padded


def test_the_mean_is_in_hundredths() -> None:
    assert mean([1.0, 0.0, 1.0, 1.0]) == 75


def test_padding_fills_short_rows() -> None:
    rows = [{"ids": [1, 2]}, {"ids": []}]
    assert padded(rows, "ids", 9, 3).tolist() == [[1, 2, 9], [9, 9, 9]]


def test_ignored_positions_do_not_count_in_the_loss() -> None:
    logits = torch.tensor([[0.0, 0.0], [9.0, -9.0]])
    assert cross_entropy(logits, torch.tensor([0, IGNORED])).tolist() == pytest.approx([math.log(2), 0])
