"""How far scores would move if the test examples were drawn again: their covariance, without drawing.

A score is a ratio: what the examples earn over what they could have earned. Its linearisation gives every example an
influence, and the variance of a score is the sum of the squared influences of the groups of examples that are drawn
together (the sandwich estimator with clusters, Cameron & Miller 2015; for means the same as a bootstrap of the groups
with infinitely many draws). Runs that were scored on the same examples move together: the products of their influences
are their covariances.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Units:
    """What a run earned on the test set of one language, unit by unit (sentence, question, query).

    `group` (units,) numbers what is drawn together, in this language and others: translations of one example, questions
    on one paragraph. `earned` and `possible` (units,) are in the metric's own counts.
    """

    group: NDArray[np.int64]
    earned: Floats
    possible: Floats

    @property
    def score(self) -> float:
        """What was earned over what was possible, 0 to 100."""
        return 100 * float(self.earned.sum()) / max(float(self.possible.sum()), 1e-12)


def score_covariance(runs: Sequence[Mapping[str, Units]], languages: Sequence[str]) -> Floats:
    """Covariances (runs, runs), in squared points, of the runs' mean scores over some languages.

    All runs were scored on the same units in the same order. Only the draw of the test examples is in it, not how
    training differs between seeds.
    """
    parts = [_influences([run[language] for run in runs]) for language in languages]
    groups = np.unique(np.concatenate([of for of, _ in parts]))
    influences = np.zeros((len(runs), len(groups)))
    for of, values in parts:
        influences[:, np.searchsorted(groups, of)] += values / len(languages)
    return influences @ influences.T * len(groups) / max(1, len(groups) - 1)


def score_error(run: Mapping[str, Units]) -> float:
    """Standard error, in points, of a run's mean score over all its languages, from the draw of the test examples."""
    return float(np.sqrt(score_covariance([run], list(run))[0, 0]))


def _influences(runs: Sequence[Units]) -> tuple[NDArray[np.int64], Floats]:
    """The groups of one language's units, and what each adds to every run's score (runs, groups), in points."""
    groups, place = np.unique(runs[0].group, return_inverse=True)
    earned, possible = (np.stack([getattr(run, side) for run in runs]) for side in ("earned", "possible"))
    whole = np.maximum(possible.sum(1, keepdims=True), 1e-12)
    of_units = 100 * (earned - earned.sum(1, keepdims=True) / whole * possible) / whole
    return groups, np.stack([np.bincount(place, of, len(groups)) for of in of_units])
