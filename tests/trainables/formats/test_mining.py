import numpy as np
import pytest

from trainables.formats.mining import Candidates, Collection, best_threshold, mine, score_mining


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
        ({(9, 9)}, 0.0),  # all pass, as in XTREME's script
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
    scores = score_mining([(0, 0), (1, 2)], {(0, 0), (1, 1), (2, 2)}, range(4), threshold=1.1)
    assert scores.metrics == pytest.approx({"precision": 50, "recall": 100 / 3, "f1": 40, "threshold": 1.1})
    assert scores.value == pytest.approx(40)
    assert score_mining([], {(0, 0)}, [0], threshold=0.0).value == 0


def test_only_pairs_of_sentences_that_are_scored_count() -> None:
    # of the rows 0 and 3: one pair found, which is right, and two to be found
    mined = [(0, 0), (1, 1), (2, 5)]
    scores = score_mining(mined, {(0, 0), (2, 2), (3, 3)}, [0, 3], threshold=1.0)
    assert scores.metrics == pytest.approx({"precision": 100, "recall": 50, "f1": 200 / 3, "threshold": 1.0})
    assert scores.examples == 2
    assert scores.points.tolist() == [[2, 2], [0, 1]]


def test_a_score_of_nought_is_no_candidate() -> None:
    assert mine(unit((1, 0), (-1, 0)), unit((1, 0)), neighbours=1).pairs == [(0, 0)]


VECTORS = {
    "a": (1, 0, 0),
    "A": (0.99, 0.1, 0),
    "b": (0, 1, 0),
    "B": (0, 0.98, 0.2),
    "c": (0, 0, 1),
    "C": (0.1, 0, 0.99),
}


def vectors_of(sentences: list[str]) -> np.ndarray:
    return np.array([VECTORS[sentence] for sentence in sentences], dtype=np.float32)


def collection(source: str, target: str, gold: set[tuple[int, int]]) -> Collection:
    ids = tuple([f"{name}{row}" for row in range(len(side))] for name, side in (("x", source), ("y", target)))
    return Collection((list(source), list(target)), (ids[0], ids[1]), gold, list(range(len(source))))


def test_a_repeated_sentence_takes_its_place_once_and_gives_no_pair() -> None:
    # "a" comes twice on the source side: it takes "A", so that "A" is no other's, but nobody knows which "a" is meant.
    found = collection("abac", "ABC", {(0, 0), (1, 1), (3, 2)}).candidates(vectors_of)
    assert set(found.pairs) == {(1, 1), (3, 2)}


def test_repeats_do_not_crowd_the_neighbourhood() -> None:
    alone, repeated = (collection("bc", target, set()).candidates(vectors_of) for target in ("ABC", "AAAAABC"))
    assert [score for _, score in zip(alone.pairs, alone.scores)] == pytest.approx(repeated.scores)


def test_blanks_make_no_other_sentence_but_are_mined_apart() -> None:
    # XTREME unifies lines as they stand and looks ids up without the blanks around: neither "b" has an id of its own.
    found = Collection((["b", "b ", "c"], ["B", "C"]), (["1", "2", "3"], ["4", "5"]), set(), [0, 1, 2])
    assert found.candidates(vectors_of).pairs == [(2, 1)]
