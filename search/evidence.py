"""What the test scores of a sweep say of each recipe: scores and gains with their errors, and a verdict in words.

Over all languages of a target, and over each language, family and script. The runs are those that English dev chose.
Runs that failed count as chance in every mean; errors, intervals and verdicts are of the runs that did not fail. The
verdict's p-values are corrected for the number of recipes on the target (of a language also for the number of
languages, and so on; Holm), and for how often the question was looked at.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from search.findings import Finding, Look, Measurement, Scope, Verdict
from search.gains import Cell, TransferMatrix, transfer_matrix
from search.results import Results, TrialResult
from search.significance import ERROR_RATE, Arm, Difference, difference, error_rate_of_look, holm
from spaces import LANGUAGES, TASKS
from spaces.recipes import NONE
from trainables.sampling import Units, score_covariance

FEWEST_SEEDS = 3  # two give a variance, but hardly

UnitsOf = Callable[[TrialResult], Mapping[str, Units]]
_Floats = NDArray[np.float64]


def weigh(results: Results, units_of: UnitsOf) -> Results:
    """The results with measurements, and with findings where a target has a baseline.

    `units_of` reads what a run earned on the test sets, unit by unit.
    """
    matrix = transfer_matrix(results)
    measured: list[Measurement] = []
    found: list[Finding] = []
    for target in matrix.targets:
        runs = _runs_of(matrix, target, units_of)
        if runs is not None:
            measured += runs.measurements()
            found += runs.findings(results.looks.get(target, Look()))
    return replace(results, measurements=measured, findings=found)


def differences(matrix: TransferMatrix, target: str, units_of: UnitsOf) -> dict[str, Difference]:
    """By recipe how far it is above `none` on a target, over all languages, where both have runs that did not fail."""
    runs = _runs_of(matrix, target, units_of)
    if runs is None or NONE not in runs.cells:
        return {}
    compared = runs.over("", runs.languages)
    return {one.recipe: one.difference for one in compared if one.difference is not None}


def _runs_of(matrix: TransferMatrix, target: str, units_of: UnitsOf) -> "_Runs | None":
    cells = {recipe: cell for recipe in matrix.recipes if (cell := matrix.cells[recipe, target]).score is not None}
    learned = [result for cell in cells.values() for result in cell.learned]
    if not learned:
        return None
    ends = np.cumsum([len(cell.learned) for cell in cells.values()]).tolist()
    arms = {
        recipe: Arm(range(end - len(cell.learned), end), varies=recipe != NONE or TASKS[target].trains)
        for (recipe, cell), end in zip(cells.items(), ends, strict=True)
    }
    return _Runs(target, cells, learned, arms, [units_of(result) for result in learned])


@dataclass(frozen=True)
class _Compared:
    """A recipe beside `none` over some languages; `difference` is None where too many runs of either failed."""

    recipe: str
    name: str
    gain: float
    difference: Difference | None

    @property
    def p(self) -> float:
        return self.difference.tested.p if self.difference is not None else 1.0


@dataclass(frozen=True)
class _Runs:
    """All runs on a target that did not fail, recipe by recipe, and what they earned."""

    target: str
    cells: Mapping[str, Cell]
    learned: Sequence[TrialResult]
    arms: Mapping[str, Arm]
    units: Sequence[Mapping[str, Units]]

    @property
    def languages(self) -> tuple[str, ...]:
        return tuple(self.learned[0].languages)

    def measurements(self) -> Iterator[Measurement]:
        """Of every recipe, over all languages and over each."""
        for scope, name, members in _scopes(self.languages):
            if scope in {Scope.ALL, Scope.LANGUAGE}:
                yield from self._measured(scope, name, members)

    def _measured(self, scope: Scope, name: str, members: Sequence[str]) -> Iterator[Measurement]:
        scores, covariance = self._scores(members), score_covariance(self.units, members)
        means = {recipe: cell.mean_over(members) for recipe, cell in self.cells.items()}
        recipe_of_best = max(means, key=lambda recipe: means[recipe])
        best = self.arms[recipe_of_best]
        chance = float(np.mean([self.learned[0].languages[code]["chance"] for code in members]))
        for recipe, arm in self.arms.items():
            if not self._tells(recipe):
                yield Measurement(recipe, self.target, scope, name, None, above_chance=False, near_best=False)
                continue
            score = difference(scores, covariance, arm).estimate
            near = arm is best
            if not near and self._tells(recipe_of_best):
                low, high = difference(scores, covariance, best, arm).estimate.interval()
                near = low <= 0 <= high
            yield Measurement(recipe, self.target, scope, name, score.error, score.less(chance).above_zero, near)

    def findings(self, look: Look) -> Iterator[Finding]:
        """Of every recipe but `none`, in every scope; the p-values of a scope are corrected together.

        Recipes that an earlier look compared and this one does not count as well.
        """
        if NONE not in self.cells:
            return
        for scope in Scope:
            of_scope = [(name, members) for kind, name, members in _scopes(self.languages) if kind is scope]
            compared = [one for name, members in of_scope for one in self.over(name, members)]
            others = max(0, look.recipes - (len(self.cells) - 1)) * len(of_scope)
            corrected = holm([*(one.p for one in compared), *[1.0] * others])
            share = error_rate_of_look(look.number) / ERROR_RATE
            for one, p in zip(compared, corrected):
                yield self._finding(one, scope, min(1.0, p / share), len(corrected), look.number)

    def over(self, name: str, members: Sequence[str]) -> Iterator[_Compared]:
        """Every recipe beside `none`, over some languages."""
        scores, covariance = self._scores(members), score_covariance(self.units, members)
        baseline = self.arms[NONE]
        for recipe, arm in self.arms.items():
            if recipe != NONE:
                tells = self._tells(recipe) and self._tells(NONE)
                known = difference(scores, covariance, arm, baseline) if tells else None
                gain = self.cells[recipe].mean_over(members) - self.cells[NONE].mean_over(members)
                yield _Compared(recipe, name, gain, known)

    def _finding(self, one: _Compared, scope: Scope, p: float, number: int, look: int) -> Finding:
        cell, baseline = self.cells[one.recipe], self.cells[NONE]
        verdict, more = self._verdict(one, p, number, look)
        estimate, tested = (one.difference.estimate, one.difference.tested) if one.difference else (None, None)
        low, high = estimate.interval() if estimate is not None else (None, None)
        return Finding(
            recipe=one.recipe,
            target=self.target,
            scope=scope,
            name=one.name,
            gain=one.gain,
            learned_gain=estimate.value if estimate else None,
            error=estimate.error if estimate else None,
            freedom=estimate.freedom if estimate and np.isfinite(estimate.freedom) else None,
            test_freedom=tested.freedom if tested and np.isfinite(tested.freedom) else None,
            low=low,
            high=high,
            p=p,
            verdict=verdict,
            seeds=self._seeds(one.recipe),
            failed=cell.failed_runs,
            runs=cell.seeds,
            none_failed=baseline.failed_runs,
            none_runs=baseline.seeds,
            more_seeds=more,
        )

    def _verdict(self, one: _Compared, p: float, number: int, look: int) -> tuple[Verdict, int | None]:
        seeds, failed = self._seeds(one.recipe), self._more_failed(one.recipe)
        if self.cells[one.recipe].outdone or self.cells[NONE].outdone:
            return Verdict.TOO_FEW, None  # the seeds that are left were chosen, which more of them would not mend
        if one.difference is None or seeds < FEWEST_SEEDS:
            some_failed = self.cells[one.recipe].failed_runs or self.cells[NONE].failed_runs
            return (Verdict.FAILED, None) if some_failed else (Verdict.TOO_FEW, FEWEST_SEEDS - seeds)
        if p < ERROR_RATE:
            verdict = Verdict.HELPS if one.difference.value > 0 else Verdict.HURTS
            # Of a recipe that fails more often and is better where it does not, neither can be said; nor the reverse.
            return (Verdict.FAILED if failed * one.difference.value > 0 else verdict), None
        needed = one.difference.runs_needed(error_rate_of_look(look + 1) / number)
        return (
            (Verdict.TOO_FEW, needed - seeds) if needed is not None and needed > seeds else (Verdict.NO_EVIDENCE, None)
        )

    def _tells(self, recipe: str) -> bool:
        """Whether there are runs to judge a recipe by: one that is left of several tells nothing of how they vary."""
        runs = len(self.arms[recipe].rows)
        return runs > 1 or (runs == 1 and (self.cells[recipe].seeds == 1 or not self.arms[recipe].varies))

    def _seeds(self, recipe: str) -> int:
        """The smaller number of runs that did not fail, of recipes whose runs vary."""
        return min(len(arm.rows) for arm in (self.arms[recipe], self.arms[NONE]) if arm.varies)

    def _more_failed(self, recipe: str) -> float:
        """By how much more of the recipe's runs failed than of those of `none`, as a share."""
        shares = [self.cells[name].failed_runs / self.cells[name].seeds for name in (recipe, NONE)]
        return shares[0] - shares[1]

    def _scores(self, members: Sequence[str]) -> _Floats:
        """Mean scores over some languages, (runs,)."""
        return np.array([np.mean([one.languages[code]["value"] for code in members]) for one in self.learned])


def _scopes(languages: Sequence[str]) -> Iterator[tuple[Scope, str, list[str]]]:
    """All languages, each one, and every family and script among them."""
    yield Scope.ALL, "", list(languages)
    for code in languages:
        yield Scope.LANGUAGE, code, [code]
    for scope in (Scope.FAMILY, Scope.SCRIPT):
        groups: dict[str, list[str]] = {}
        for code in languages:
            groups.setdefault(getattr(LANGUAGES[code], scope), []).append(code)
        for name, members in groups.items():
            yield scope, name, members
