"""When a difference is more than chance."""

_ONE_SIDED_95 = 1.645  # standard errors


def beyond_doubt(difference: float, error: float) -> bool:
    """Whether a difference with this standard error is above nought: one-sided, at 95%."""
    return difference > _ONE_SIDED_95 * error
