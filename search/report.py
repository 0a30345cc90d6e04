"""The report in the terminal: transfer matrix, best recipe per target, scores per language, cost."""

from collections.abc import Iterator, Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from search.best_of import best_row
from search.evidence_report import evidence_tables, verdict_tables
from search.findings import Finding, Verdict
from search.gains import Cell, TransferMatrix
from search.results import Results
from search.significance import error_rate_of_look
from search.tables import AT_CHANCE, SOME_FAILED, number, table
from spaces import LANGUAGES, TASKS
from spaces.budget import Budget

_TARGETS_ABREAST = 4
_MATRIX_NOTE = (
    f"Learning rates chosen on English dev; none: score. {AT_CHANCE}: not above chance. {SOME_FAILED}: runs failed, "
    "and count as chance."
)


def summary(results: Results, matrix: TransferMatrix) -> RenderableType:
    """What a reader wants first: the matrix, the best recipes, what it cost."""
    lines = (*_cost_lines(results), *warnings(results, matrix))
    verdicts = verdict_tables(results, matrix)
    return Group(*_matrix_tables(matrix), _best_table(matrix), Text(), *verdicts, *lines)


def full_report(results: Results, matrix: TransferMatrix) -> RenderableType:
    """The summary, then the evidence, every target's scores by language, its learning rates, and long inputs."""
    details = [part for target in matrix.targets for part in (Text(), _language_table(matrix, target))]
    first = (summary(results, matrix), *evidence_tables(results, matrix))
    return Group(*first, *details, Text(), _rates_table(matrix), Text(), _inputs_table(results))


def _matrix_tables(matrix: TransferMatrix) -> Iterator[RenderableType]:
    """The matrix, in as many tables as 80 columns ask for; the last has the mean over all targets."""
    parts = _even_parts(matrix.targets, _TARGETS_ABREAST)
    for part, targets in enumerate(parts):
        last = part == len(parts) - 1
        made = table(
            "Gain over none, in points ± one standard error" if part == 0 else "",
            ("recipe",),
            (*targets, *(["mean of all"] if last else [])),
            note=_MATRIX_NOTE if last else "",
        )
        for recipe in matrix.recipes:
            cells = [_gain_text(matrix, recipe, target) for target in targets]
            made.add_row(recipe, *cells, *([_mean_text(matrix, recipe)] if last else []))
        yield made
        yield Text()


def _even_parts(targets: Sequence[str], most: int) -> list[Sequence[str]]:
    number = -(-len(targets) // most)
    size = -(-len(targets) // number)
    return [targets[start : start + size] for start in range(0, len(targets), size)]


def _mean_text(matrix: TransferMatrix, recipe: str) -> str:
    mean = matrix.mean_gain(recipe)
    return "" if recipe == "none" or mean is None else f"{mean:+.1f}"


def _gain_text(matrix: TransferMatrix, recipe: str, target: str) -> Text:
    cell = matrix.cells[recipe, target]
    if cell.score is None:
        return Text(_why_empty(cell), style="dim")
    marks = ("" if cell.above_chance else AT_CHANCE) + (SOME_FAILED if cell.failed_runs else "")
    if recipe == "none":
        return Text(f"{cell.score:.1f}{marks}", style="dim")
    gain = matrix.gain(recipe, target)
    if gain is None:
        return Text(f"({cell.score:.1f}){marks}")
    error = matrix.gain_error(recipe, target)
    told = "" if error is None else f" ±{error:.1f}"
    return Text(f"{gain:+.1f}{told}{marks}", style=_colour(matrix.findings.get((recipe, target))))


def _colour(finding: Finding | None) -> str:
    """Green or red where the 95% interval lies on one side of nought, and no failures speak against it."""
    if finding is None or finding.verdict is Verdict.FAILED:
        return ""
    low, high = finding.interval() or (0.0, 0.0)
    return "green" if low > 0 else "red" if high < 0 else ""


def _why_empty(cell: Cell) -> str:
    why = {cell.failures or "failed": cell.failed, "stopped": cell.stopped, "not run": cell.not_run}
    return next((word for word, trials in why.items() if trials), "-")


def _best_table(matrix: TransferMatrix) -> Table:
    made = table(
        "Best recipe per target",
        ("target", "dev picks", "oracle"),
        ("gain", "gain", "95%"),
        note="Dev picks: what English dev alone would choose, and its gain. Oracle: the best on the test sets, which "
        "nobody could have chosen; its interval allows for its being the best of all.",
    )
    for target in matrix.targets:
        row = best_row(matrix, target)
        oracle = row["oracle"] if row["tied"] == "-" else f"{row['oracle']} (not told from {row['tied']})"
        made.add_row(target, row["picked"], oracle, row["gain"], row["oracle_gain"], row["oracle_interval"])
    return made


def _language_table(matrix: TransferMatrix, target: str) -> Table:
    recipes = [recipe for recipe in matrix.recipes if matrix.cells[recipe, target].chosen]
    made = table(
        f"{target}: score by language",
        ("language",),
        ("chance", *recipes),
        note=f"Mean over seeds, failed ones at chance. {AT_CHANCE}: not above chance.",
    )
    if not recipes:
        return made
    for code, of_first in matrix.cells[recipes[0], target].chosen[0].languages.items():
        cells = [_language_text(matrix.cells[recipe, target], code) for recipe in recipes]
        made.add_row(f"{code} {LANGUAGES[code].name}", number(of_first["chance"]), *cells)
    return made


def _language_text(cell: Cell, code: str) -> Text:
    if not cell.chosen or code not in cell.chosen[0].languages:
        return Text("-", style="dim")
    value = f"{cell.mean_over([code]):.1f}"
    if code in cell.measurements and cell.measurements[code].above_chance:
        return Text(value)
    return Text(f"{value}{AT_CHANCE}", style="yellow")


def _rates_table(matrix: TransferMatrix) -> Table:
    made = table(
        "Test score over learning rates and seeds",
        ("target", "recipe", "rate"),
        ("chosen", "mean", "best", "finished", "stopped", "failed"),
        note="Rate: chosen on English dev. Mean and best are a diagnostic: they chose nothing.",
    )
    for target in matrix.targets:
        for recipe in matrix.recipes:
            cell = matrix.cells[recipe, target]
            mean, best = cell.over_rates or (None, None)
            counts = (str(cell.finished), str(cell.stopped), str(cell.failed))
            rates = ", ".join(sorted({f"{rate:g}" for rate in cell.rates})) or "-"
            made.add_row(target, recipe, rates, number(cell.score), number(mean), number(best), *counts)
    return made


def _cost_lines(results: Results) -> Iterator[Text]:
    cost = results.totals
    saved = 100 * (1 - cost["examples_planned"] / cost["examples_alone"]) if cost["examples_alone"] else 0.0
    yield Text(
        f"Examples: {cost['examples_alone']:,} if every trial did all its work, {cost['examples_planned']:,} with "
        f"shared stages ({saved:.0f}% less); {cost['examples_trained']:,} trained in all, {cost['examples_spared']:,} "
        f"spared by early stopping and failures; {cost['examples_trained_now']:,} trained in this run."
    )
    states = [one.state for one in results.trials]
    counts = ", ".join(f"{states.count(state)} {state}" for state in dict.fromkeys(states))
    yield Text(f"Trials: {len(states)} ({counts}). Time of this run: {cost['seconds']:.0f} s.")
    if results.space.get("budget"):
        yield from _budget_lines(results, Budget.model_validate(results.space["budget"]))


def _budget_lines(results: Results, budget: Budget) -> Iterator[Text]:
    hours = results.totals["device_hours"]
    money = f", which cost {hours * budget.price:.2f}" if budget.price else ""
    yield Text(f"Budget: {budget}. Spent in all runs: {hours:.3g} device hours{money}.")
    reasons = dict.fromkeys(one.reason for one in results.trials if one.state == "not run")
    if reasons:
        yield Text(f"Trials {', '.join(reasons)}; raise it and run the sweep again to go on.", style="yellow")


def _inputs_table(results: Results) -> Table:
    made = table(
        "Long inputs",
        ("task", "set"),
        ("examples", "in several windows", "cut"),
        note="Cut: examples of which some text was left out.",
    )
    inputs = {key: told for result in results.trials for key, told in result.inputs.items()}
    for (task, split), told in inputs.items():
        made.add_row(task, split, f"{told['examples']:,}", f"{told['split']:,}", f"{told['cut']:,}")
    return made


def warnings(results: Results, matrix: TransferMatrix) -> list[Text]:
    """What a reader must know beside the numbers: limits of the scores, what is not above chance, too few seeds."""
    return [*_limits(results, matrix), *_warnings(matrix), *_looks(results)]


def _looks(results: Results) -> Iterator[Text]:
    later = {target: look.number for target, look in results.looks.items() if look.number > 1}
    if later:
        told = ", ".join(f"{target} {number}" for target, number in later.items())
        spent = error_rate_of_look(max(later.values()))
        yield Text(
            f"Not the first look at a question: {told}. Sweeps with other seeds came before, so verdicts there may "
            f"spend down to {spent:.2%} of error, not {error_rate_of_look(1):.0%}."
        )


def _limits(results: Results, matrix: TransferMatrix) -> Iterator[Text]:
    evaluation = results.space.get("evaluation") or {}
    if evaluation.get("test_examples"):
        yield Text(f"Scored on at most {evaluation['test_examples']:,} test examples per language.")
    for target, split in (evaluation.get("test_splits") or {}).items():
        if target in results.space["targets"]:
            yield Text(f"Scored {target} on its {split} split, not on its test set.")
    if results.space.get("source") != "world":
        counts = {target: len(_languages_scored(matrix, target)) for target in matrix.targets}
        fewer = [f"{target} {n} of {len(TASKS[target].languages)}" for target, n in counts.items()
                 if 0 < n < len(TASKS[target].languages)]  # fmt: skip
        if fewer:
            yield Text(f"Scored in fewer languages than XTREME has: {', '.join(fewer)}.")


def _languages_scored(matrix: TransferMatrix, target: str) -> set[str]:
    chosen = (result for recipe in matrix.recipes for result in matrix.cells[recipe, target].chosen)
    return {code for result in chosen for code in result.languages}


def _warnings(matrix: TransferMatrix) -> Iterator[Text]:
    for where, at_chance in (("mean over languages", _at_chance), ("English", _english_at_chance)):
        found = {target: [r for r in matrix.recipes if at_chance(matrix.cells[r, target])] for target in matrix.targets}
        parts = [
            f"{target}: {', '.join(recipes) if len(recipes) < len(matrix.recipes) else 'every recipe'}"
            for target, recipes in found.items()
            if recipes
        ]
        if parts:
            yield Text(f"Not above chance ({where}): {'; '.join(parts)}.", style="yellow")
    if "none" not in matrix.recipes:
        yield Text("No recipe 'none' in this space: gains cannot be told, scores stand in brackets.", style="yellow")
    failed = {f"{cell.recipe} on {cell.target}": cell.failed for cell in matrix.cells.values() if cell.failed}
    if failed:
        told = ", ".join(f"{where} {trials}" for where, trials in failed.items())
        yield Text(f"Trials that failed: {told}. Their MLflow runs say why.", style="yellow")
    runs = [f"{cell.recipe} on {cell.target} {cell.failed_runs} of {cell.seeds}"
            for cell in matrix.cells.values() if cell.failed_runs]  # fmt: skip
    if runs:
        yield Text(
            f"Runs that failed: {', '.join(runs)}. They never rose above chance on English dev or have no end, and "
            "count as chance; errors and intervals are of the others.",
            style="yellow",
        )
    outdone = [f"{cell.recipe} on {cell.target}" for cell in matrix.cells.values() if cell.chosen and cell.outdone]
    if outdone:
        yield Text(
            f"Some seeds were outdone at a rung and are in no mean: {', '.join(outdone)}. Those left were chosen, so "
            "there is no verdict; stopping.keep: recipe keeps one of every seed.",
            style="yellow",
        )
    if any(cell.seeds == 1 for cell in matrix.cells.values()):
        yield Text(
            "One seed: errors are over test examples only; fine-tuning varies between seeds as well.", style="dim"
        )


def _at_chance(cell: Cell) -> bool:
    return bool(cell.chosen) and not cell.above_chance


def _english_at_chance(cell: Cell) -> bool:
    return "en" in cell.measurements and not cell.measurements["en"].above_chance
