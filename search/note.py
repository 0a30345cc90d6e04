"""The answer in a few lines of Markdown: what the MLflow UI shows first of a sweep's run."""

from collections.abc import Iterator

from search.gains import TransferMatrix
from search.report import warnings
from search.results import Results
from search.tables import number, signed


def note(results: Results, matrix: TransferMatrix) -> str:
    """Best recipe per target with gain, interval and verdict, what limits it, and where to read on."""
    return "\n".join(_lines(results, matrix))


def _lines(results: Results, matrix: TransferMatrix) -> Iterator[str]:
    yield "| target | best measured | English dev picks | score | gain | 95% | verdict |"
    yield "| --- | --- | --- | --- | --- | --- | --- |"
    for target in matrix.targets:
        best, picked = matrix.best(target), matrix.picked(target)
        found = results.finding(best.recipe, target) if best else None
        interval = f"{signed(found.low)} to {signed(found.high)}" if found else "-"
        cells = (
            target,
            best.recipe if best else "-",
            picked.recipe if picked else "-",
            number(best.score if best else None),
            signed(found.gain if found else None),
            interval,
            str(found.verdict) if found else "-",
        )
        yield f"| {' | '.join(cells)} |"
    yield ""
    yield from (f"- {line}" for line in warnings(results, matrix))
    yield ""
    yield "All of it: artifact `report.html`. Trials: the runs below this one."
