"""The best recipe of a target in a row, for every table that tells it."""

from search.gains import TransferMatrix
from search.results import Results
from spaces.recipes import NONE


def best_row(results: Results, matrix: TransferMatrix, target: str) -> dict[str, str]:
    """As cells' texts: target, best, picked (by English dev), oracle, score, none, gain, interval, verdict, hours."""
    best, picked, oracle = matrix.best(target), matrix.picked(target), matrix.oracle(target)
    row = dict.fromkeys(("best", "picked", "oracle", "score", "none", "gain", "interval", "verdict", "hours"), "-")
    row["target"] = target
    baseline = matrix.cells.get((NONE, target))
    if baseline is not None and baseline.score is not None:
        row["none"] = f"{baseline.score:.1f}"
    if picked is not None:
        row["picked"] = picked.recipe
    if oracle is not None:
        row["oracle"] = oracle.recipe
    if best is None or best.score is None:
        return row
    row |= {"best": best.recipe, "score": f"{best.score:.1f}", "hours": f"{best.device_hours:.2g}"}
    finding = results.finding(best.recipe, target)
    if finding is not None:
        interval = f"{finding.low:+.1f} to {finding.high:+.1f}"
        row |= {"gain": f"{finding.gain:+.1f}", "interval": interval, "verdict": finding.verdict}
    return row
