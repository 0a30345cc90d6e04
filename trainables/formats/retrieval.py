"""Retrieval (Tatoeba): find each sentence's translation by the cosine of mean hidden states; nothing is trained.

The benchmark's direction is from English (XTREME's `similarity_search` and jiant's): every English sentence looks for
its translation among all sentences of the other language. What the other way round gives is told beside it.
"""

import numpy as np
from numpy.typing import NDArray

from trainables.formats.base import Scores, mean, points_of


def nearest(looking: NDArray[np.float32], pool: NDArray[np.float32]) -> NDArray[np.int64]:
    """For each vector that looks (n, d) the row of the pool (m, d) with the highest cosine, (n,)."""
    return (_unit(looking) @ _unit(pool).T).argmax(axis=1)


def score_retrieval(
    from_english: NDArray[np.int64], to_english: NDArray[np.int64], queries: NDArray[np.int64]
) -> Scores:
    """Accuracy of the queries (Artetxe & Schwenk 2019): row i is to find row i; chance is one in all rows.

    `from_english` is, per English row, the row that it found, `to_english` the same of the other language's rows.
    Metrics: `accuracy`, which is from English and XTREME's, and `accuracy_to_english`.
    """
    right = (from_english[queries] == queries).astype(float)
    accuracy = mean(right)
    metrics = {"accuracy": accuracy, "accuracy_to_english": mean(to_english[queries] == queries)}
    return Scores(accuracy, 100 / len(from_english), len(queries), metrics, points_of(right))


def _unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
