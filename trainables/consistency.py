"""Whether an encoder treats a test example alike in two languages, right or wrong: told beside accuracy.

Two measures, each for parallel test sets, each 0 to 100:

- Where the candidates are the same in every language (classes), RankC (Qi et al. 2023, arXiv 2310.10378): how far the
  two rankings of an example's candidates agree, first places weighing most.
- Where they are not (spans of texts that differ), the overlap of right answers (Jiang et al. 2020, arXiv 2010.06189):
  of what either language earns, the part that both earn on the same questions.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Answers = Mapping[str, Any]
"""By an id that is the same in every language: the ranked candidates (classes), or what the answer earned, 0 to 1."""


def consistency(english: Answers, other: Answers) -> float | None:
    """How alike the answers in two languages are, over the examples that both have; None where these have none, or
    neither earned anything."""
    shared = [name for name in english if name in other]
    if not shared:
        return None
    one, two = (np.array([answers[name] for name in shared]) for answers in (english, other))
    return rank_c(one, two) if one.ndim == 2 else overlap(one, two)


def rank_c(one: NDArray[Any], other: NDArray[Any]) -> float:
    """RankC of rankings (examples, candidates), best candidates first.

    The mean over examples of the share that the first j candidates have in common, j weighing exp(-j), normalised.
    """
    candidates = one.shape[1]
    places = np.arange(candidates)
    weights = np.exp(-places) / np.exp(-places).sum()
    common = [(one[:, : j + 1, None] == other[:, None, : j + 1]).sum((1, 2)) / (j + 1) for j in places]
    return float(100 * (np.stack(common, axis=1) @ weights).mean())


def overlap(one: NDArray[Any], other: NDArray[Any]) -> float | None:
    """Of what either earns (examples,), how much both do; None where nothing is earned."""
    either = float(np.maximum(one, other).sum())
    return 100 * float(np.minimum(one, other).sum()) / either if either else None


def by_row(values: Sequence[Any]) -> dict[str, Any]:
    """Answers of a set whose rows come in the same order in every language.

    Sets of unequal size have no row in common: some rows are missing, and nobody knows which.
    """
    return {f"{row} of {len(values)}": value for row, value in enumerate(values)}
