"""The answer in a few lines of Markdown: what the MLflow UI shows first of a sweep's run."""

from collections.abc import Iterator

from search.best_of import best_row
from search.gains import TransferMatrix
from search.report import warnings
from search.results import Results

_COLUMNS = ("target", "picked", "score", "gain", "interval", "verdict", "oracle", "oracle_gain", "oracle_interval")


def note(results: Results, matrix: TransferMatrix) -> str:
    """Best recipe per target with gain, interval and verdict, what limits it, and where to read on."""
    return "\n".join(_lines(results, matrix))


def _lines(results: Results, matrix: TransferMatrix) -> Iterator[str]:
    yield "| target | English dev picks | score | gain | 95% | verdict | oracle | gain | 95% |"
    yield "| --- | --- | --- | --- | --- | --- | --- | --- | --- |"
    for target in matrix.targets:
        row = best_row(matrix, target)
        yield f"| {' | '.join(row[name] for name in _COLUMNS)} |"
    yield ""
    yield "Oracle: the best on the test sets, which nobody could have chosen; its interval allows for that."
    yield ""
    yield from (f"- {line}" for line in warnings(results, matrix))
    yield ""
    yield "All of it: artifact `report.html`. Trials: the runs below this one."
