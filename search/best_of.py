"""The answer of a target in a row, for every table that tells it: what English dev picks, and the oracle beside it."""

from search.gains import TransferMatrix
from spaces.recipes import NONE

_EMPTY = "-"


def best_row(matrix: TransferMatrix, target: str) -> dict[str, str]:
    """As cells' texts: target, none (its score); of what English dev picks recipe (`picked`), score, gain, interval,
    verdict, hours; of the oracle its recipe (`oracle`), gain and interval (`oracle_gain`, `oracle_interval`), and what
    cannot be told from it (`tied`)."""
    names = ("none", "picked", "score", "gain", "interval", "verdict", "hours", "oracle", "oracle_gain",
             "oracle_interval", "tied")  # fmt: skip
    row = dict.fromkeys(names, _EMPTY) | {"target": target}
    baseline = matrix.cells.get((NONE, target))
    if baseline is not None and baseline.score is not None:
        row["none"] = f"{baseline.score:.1f}"
    return row | _picked(matrix, target) | _oracle(matrix, target)


def _picked(matrix: TransferMatrix, target: str) -> dict[str, str]:
    cell = matrix.picked(target)
    if cell is None or cell.score is None:
        return {}
    told = {"picked": cell.recipe, "score": f"{cell.score:.1f}", "hours": f"{cell.device_hours:.2g}"}
    finding = matrix.findings.get((cell.recipe, target))
    if finding is not None:
        told |= {"gain": f"{finding.gain:+.1f}", "verdict": finding.verdict, "interval": from_to(finding.interval())}
    return told


def _oracle(matrix: TransferMatrix, target: str) -> dict[str, str]:
    cell = matrix.oracle(target)
    if cell is None:
        return {}
    told = {"oracle": cell.recipe}
    others = [recipe for recipe in matrix.tied(target) if recipe != cell.recipe]
    gain = matrix.gain(cell.recipe, target)
    if others:
        told["tied"] = ", ".join(others)
    if gain is not None and cell.recipe != NONE:
        told |= {"oracle_gain": f"{gain:+.1f}", "oracle_interval": from_to(matrix.oracle_interval(target))}
    return told


def from_to(interval: tuple[float, float] | None) -> str:
    """An interval as a cell's text."""
    return _EMPTY if interval is None else f"{interval[0]:+.1f} to {interval[1]:+.1f}"
