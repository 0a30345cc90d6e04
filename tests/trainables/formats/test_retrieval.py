import numpy as np

from trainables.formats.retrieval import nearest, score_retrieval


def test_the_nearest_is_by_angle_not_by_length() -> None:
    looking = np.array([[1, 0], [0, 2], [3, 3]], dtype=np.float32)
    pool = np.array([[0, 9], [0.1, 0.1], [100, 1]], dtype=np.float32)
    assert nearest(looking, pool).tolist() == [2, 0, 1]


def test_a_vector_of_zeros_does_no_harm() -> None:
    assert nearest(np.zeros((1, 2), np.float32), np.eye(2, dtype=np.float32)).tolist() == [0]


def test_row_i_is_to_find_row_i_and_chance_is_one_in_n() -> None:
    scores = score_retrieval(np.array([0, 1, 3, 3]), np.array([0, 0, 0, 0]), np.arange(4))
    assert (scores.value, scores.chance, scores.examples) == (75, 25, 4)
    assert scores.metrics == {"accuracy": 75, "accuracy_to_english": 25}


def test_a_cap_takes_queries_and_leaves_the_pool() -> None:
    scores = score_retrieval(np.array([0, 1, 3, 3]), np.array([0, 0, 0, 0]), np.array([2, 3]))
    assert (scores.value, scores.chance, scores.examples) == (50, 25, 2)
    assert scores.metrics == {"accuracy": 50, "accuracy_to_english": 0}
    assert scores.points.tolist() == [[0, 1], [1, 1]]


def test_english_looks_for_the_other_language() -> None:
    # Angles of the sentences: foreign 0, 40 and 90 degrees, English 35, 50 and 80. English finds 40, 40 and 90, that is
    # rows 1, 1 and 2: two of three right. The other way 0 finds 35, 40 finds 35 and 90 finds 80: rows 0, 0 and 2.
    foreign, english = (
        np.stack([np.cos(np.radians(angles)), np.sin(np.radians(angles))], axis=1).astype(np.float32)
        for angles in ([0, 40, 90], [35, 50, 80])
    )
    found, back = nearest(english, foreign), nearest(foreign, english)
    assert (found.tolist(), back.tolist()) == ([1, 1, 2], [0, 0, 2])
    scores = score_retrieval(found, back, np.arange(3))
    assert scores.points[:, 0].tolist() == [0, 1, 1]  # English row 0 errs; the other way it would be row 1
