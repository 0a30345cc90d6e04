"""When a difference is more than chance."""

from statistics import NormalDist

_ERROR_RATE = 0.05  # one-sided


def beyond_doubt(difference: float, error: float, tries: int = 1) -> bool:
    """Whether a difference with this standard error is above nought: one-sided, at 95%.

    Where it is the largest of several `tries`, at 95% for all of them together (Bonferroni).
    """
    return difference > NormalDist().inv_cdf(1 - _ERROR_RATE / tries) * error
