"""Retrieval (Tatoeba): find each sentence's translation by the cosine of mean hidden states; nothing is trained."""

import numpy as np
from numpy.typing import NDArray

from trainables.formats.base import Scores, mean_and_error, points_of


def nearest(source: NDArray[np.float32], target: NDArray[np.float32]) -> NDArray[np.int64]:
    """For each source vector (n, d) the row of the target vector (m, d) with the highest cosine, (n,)."""
    return (_unit(source) @ _unit(target).T).argmax(axis=1)


def score_retrieval(found: NDArray[np.int64]) -> Scores:
    """Accuracy (Artetxe & Schwenk 2019): row i is to find row i; chance is one in n."""
    right = [float(row == index) for index, row in enumerate(found)]
    accuracy, error = mean_and_error(right)
    return Scores(accuracy, 100 / len(found), error, len(found), {"accuracy": accuracy}, points_of(right))


def _unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
