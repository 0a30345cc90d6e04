import numpy as np
import pytest

from trainables.formats.mining import Candidates, best_threshold, mine, score_mining


def unit(*rows: tuple[float, ...]) -> np.ndarray:
    vectors = np.array(rows, dtype=np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def test_the_margin_is_the_cosine_over_the_mean_of_both_neighbourhoods() -> None:
    source, target = unit((1, 0), (0, 1)), unit((1, 1), (1, 0))
    found = mine(source, target, neighbours=2)
    cosines = source @ target.T
    neighbourhood = (cosines[0].mean() + cosines[:, 1].mean()) / 2
    assert found.pairs[0] == (0, 1)
    assert found.scores[0] == pytest.approx(1 / neighbourhood, rel=1e-6)
    assert found.pairs == [(0, 1), (1, 0)]  # every sentence once


def test_translations_are_found_whatever_their_order() -> None:
    rng = np.random.default_rng(0)
    source = rng.standard_normal((3000, 16)).astype(np.float32)  # more than one strip
    order = rng.permutation(3000)
    noisy = source[order] + 0.05 * rng.standard_normal((3000, 16)).astype(np.float32)
    found = mine(source, noisy)
    assert sum(order[target] == row for row, target in found.pairs) > 2990


def test_fewer_sentences_than_neighbours_are_enough() -> None:
    assert mine(unit((1, 0)), unit((1, 0), (0, 1))).pairs == [(0, 0)]


@pytest.mark.parametrize(
    ("gold", "threshold"),
    [
        ({(0, 0)}, 8.5),  # one taken: F1 1
        ({(0, 0), (1, 1)}, 6.0),  # two of two
        ({(0, 0), (2, 2)}, 4.0),  # three taken, two right: 4/5 beats 2/3; the last has no next
        ({(2, 2)}, 4.0),
        ({(9, 9)}, float("inf")),
    ],
)
def test_the_threshold_lies_between_two_scores_where_f1_is_best(gold: set[tuple[int, int]], threshold: float) -> None:
    candidates = Candidates([(0, 0), (1, 1), (2, 2)], [9.0, 8.0, 4.0])
    assert best_threshold(candidates, gold) == threshold


def test_the_threshold_is_kept_by_the_best_and_cuts_the_rest() -> None:
    candidates = Candidates([(0, 0), (1, 1), (2, 2)], [9.0, 8.0, 4.0])
    assert candidates.above(8.0) == [(0, 0), (1, 1)]
    assert candidates.above(float("inf")) == []


def test_f1_of_mined_pairs() -> None:
    scores = score_mining([(0, 0), (1, 2)], {(0, 0), (1, 1), (2, 2)}, sentences=4, threshold=1.1)
    assert scores.metrics == pytest.approx({"precision": 50, "recall": 100 / 3, "f1": 40, "threshold": 1.1})
    assert scores.value == pytest.approx(40) and scores.error > 0
    assert score_mining([], {(0, 0)}, sentences=1, threshold=float("inf")).value == 0
