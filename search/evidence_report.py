"""What the test scores are worth, in the terminal: verdicts, intervals, seeds, groups of targets, and languages."""

from collections.abc import Iterator

from rich.console import RenderableType
from rich.text import Text

from search.findings import Scope, Verdict
from search.gains import Cell, TransferMatrix
from search.results import Results
from search.tables import number, signed, table
from search.xtreme import GROUPS, OVERALL, group_scores
from spaces.recipes import NONE

_BEST = "oracle per target"  # in the place of a recipe


def verdict_tables(results: Results, matrix: TransferMatrix) -> Iterator[RenderableType]:
    """In short: verdicts by target, and XTREME's groups of targets, each where there is something to say."""
    yield from _verdict_table(results, matrix)
    yield from _xtreme_table(matrix)


def evidence_tables(results: Results, matrix: TransferMatrix) -> Iterator[RenderableType]:
    """At length: every recipe's interval, what seeds do to it, and what it does between languages."""
    yield Text()
    yield _evidence_table(results, matrix)
    yield from _seeds_table(matrix)
    yield from _between_languages(matrix)


def _verdict_table(results: Results, matrix: TransferMatrix) -> Iterator[RenderableType]:
    """Which recipes help and which hurt, where the sweep has runs enough to tell of any."""
    found = [one for one in results.findings if one.scope is Scope.ALL]
    if not any(one.seeds > 1 for one in found):
        return
    made = table(
        "Verdicts",
        ("target", "verdict", "recipes"),
        note="At 95%, corrected for the number of recipes (Holm) and of looks, over seeds and test examples. Runs "
        "failed: too many of them did to say which recipe is the better.",
    )
    for target in matrix.targets:
        for verdict in Verdict:
            recipes = [one.recipe for one in found if one.target == target and one.verdict is verdict]
            if recipes:
                made.add_row(target, verdict, ", ".join(recipes))
    yield made
    yield Text()


def _xtreme_table(matrix: TransferMatrix) -> Iterator[RenderableType]:
    groups, rows = group_rows(matrix)
    if not groups:
        return
    made = table(
        "XTREME's scores by group of tasks",
        ("recipe",),
        groups,
        note="A group's score is the mean over its tasks, a task's the mean over its languages; beside it what it is "
        "over none.",
    )
    for recipe, *scores in rows:
        made.add_row(recipe, *scores)
    yield made
    yield Text()


def group_rows(matrix: TransferMatrix) -> tuple[tuple[str, ...], list[list[str]]]:
    """The groups (and `overall`) that the matrix has all targets of; per recipe, and for the best of every target, its
    name and its scores there with what they are over `none`."""
    scored = {recipe: group_scores(_scores(matrix, recipe)) for recipe in matrix.recipes}
    scored[_BEST] = group_scores(_best_scores(matrix))
    groups = tuple(name for name in (*GROUPS, OVERALL) if any(name in scores for scores in scored.values()))
    rows = []
    for recipe, scores in scored.items():
        without = {} if recipe == NONE else scored.get(NONE, {})
        rows.append([recipe, *(_over(scores.get(group), without.get(group)) for group in groups)])
    return groups, rows


def _best_scores(matrix: TransferMatrix) -> dict[str, float]:
    best = {target: matrix.oracle(target) for target in matrix.targets}
    return {target: cell.score for target, cell in best.items() if cell is not None and cell.score is not None}


def _scores(matrix: TransferMatrix, recipe: str) -> dict[str, float]:
    scores = {target: matrix.cells[recipe, target].score for target in matrix.targets}
    return {target: score for target, score in scores.items() if score is not None}


def _evidence_table(results: Results, matrix: TransferMatrix) -> RenderableType:
    made = table(
        "Evidence",
        ("target", "recipe", "verdict"),
        ("gain", "95%", "failed", "more", "min"),
        note="Gain: failed runs count as chance. 95%: interval of the gain between runs that did not fail. Failed: "
        "runs with the recipe, and with none. More: seeds with which a verdict comes in four of five cases, were the "
        "gain as large as it looks. Min: minutes of a device for a trial with all of its stages. p-values, languages, "
        "families and scripts are in evidence.csv and in the HTML report.",
    )
    for one in results.findings:
        if one.scope is Scope.ALL:
            interval, more = f"{signed(one.low)} {signed(one.high)}", str(one.more_seeds or "-")
            minutes = number(60 * matrix.cells[one.recipe, one.target].device_hours)
            failed = f"{one.failed}, {one.none_failed}" if one.failures else "-"
            made.add_row(one.target, one.recipe, one.verdict, signed(one.gain), interval, failed, more, minutes)
    return made


def _seeds_table(matrix: TransferMatrix) -> Iterator[RenderableType]:
    """What seeds do to a gain, where there are several."""
    if not any(cell.seeds > 1 for cell in matrix.cells.values()):
        return
    made = table(
        "Over seeds",
        ("target", "recipe"),
        ("seeds", "failed", "score", "error", "best", "gain", "of the best"),
        note="Failed: runs that never rose above chance on English dev, or have no end; they count as chance. "
        "Error: of the others. Best: of the seeds, beside the mean.",
    )
    for cell in _by_target(matrix):
        key = cell.recipe, cell.target
        gains = () if cell.recipe == NONE else (matrix.gain(*key), matrix.best_gain(*key))
        numbers = (cell.score, cell.error, cell.best_score)
        told = [*map(number, numbers), *map(signed, gains)]
        made.add_row(*reversed(key), str(cell.seeds), str(cell.failed_runs), *told)
    yield Text()
    yield made


def _between_languages(matrix: TransferMatrix) -> Iterator[RenderableType]:
    """What a score does not tell: how far other languages are behind English, and whether they are treated alike."""
    told = [cell for cell in _by_target(matrix) if cell.gap is not None]
    if not told:
        return
    made = table(
        "Between languages",
        ("target", "recipe"),
        ("English", "gap", "consistency"),
        note="Gap: English less the mean of the others, in points. Consistency: how alike English and the others are "
        "answered, right or wrong, 0 to 100, where test sets are parallel (docs/evidence.md).",
    )
    for cell in told:
        made.add_row(cell.target, cell.recipe, number(cell.english), signed(cell.gap), number(cell.consistency))
    yield Text()
    yield made


def _over(score: float | None, baseline: float | None) -> str:
    """A score, and what it is over the baseline."""
    return number(score) if score is None or baseline is None else f"{number(score)} {signed(score - baseline)}"


def _by_target(matrix: TransferMatrix) -> list[Cell]:
    return [matrix.cells[recipe, target] for target in matrix.targets for recipe in matrix.recipes]
