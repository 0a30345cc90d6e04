import numpy as np
import pytest

from trainables.formats.retrieval import nearest, score_retrieval


def test_the_nearest_is_by_angle_not_by_length() -> None:
    source = np.array([[1, 0], [0, 2], [3, 3]], dtype=np.float32)
    target = np.array([[0, 9], [0.1, 0.1], [100, 1]], dtype=np.float32)
    assert nearest(source, target).tolist() == [2, 0, 1]


def test_a_vector_of_zeros_does_no_harm() -> None:
    assert nearest(np.zeros((1, 2), np.float32), np.eye(2, dtype=np.float32)).tolist() == [0]


def test_row_i_is_to_find_row_i_and_chance_is_one_in_n() -> None:
    scores = score_retrieval(np.array([0, 1, 3, 3]))
    assert (scores.value, scores.chance, scores.examples) == (75, 25, 4)
    assert scores.error == pytest.approx(25)
