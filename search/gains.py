"""The transfer matrix: what each recipe gains on each target over `none`.

Gain is the score with the recipe minus the score with `none`, each at its own best learning rate by English dev
(Phang et al. 2020, section 3). No test score and no other language takes part in the choice.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean

from search.findings import Finding, Measurement, Scope
from search.results import Results, TrialResult
from search.significance import ERROR_RATE
from spaces import TASKS
from spaces.recipes import NONE


@dataclass(frozen=True)
class Cell:
    """A recipe on a target: of every seed the trial that English dev chose.

    `seeds` are those that were tried, `lost` those of them that have no chosen trial because theirs failed. A run that
    failed, lost or not, counts as chance in every mean: its own score would say little, and leaving it out would
    flatter a recipe for failing. `chances` are by language, empty where no trial of the target has a score.
    `over_rates` are mean and best test score over all trials that were not outdone at a rung: a diagnostic, which chose
    nothing. `measurements` say by language ("" for all) how well the score is known; they are empty until the evidence
    is weighed.
    """

    recipe: str
    target: str
    chosen: tuple[TrialResult, ...]
    chances: Mapping[str, float]
    over_rates: tuple[float, float] | None
    seeds: int
    lost: int
    finished: int
    stopped: int
    failed: int
    not_run: int
    measurements: Mapping[str, Measurement] = field(default_factory=dict)

    @property
    def score(self) -> float | None:
        """Mean test score over seeds, 0 to 100, failed ones at chance; None where no seed came to an end."""
        return self.mean_over(list(self.chances)) if self.chances and (self.chosen or self.lost) else None

    def mean_over(self, languages: Sequence[str]) -> float:
        """Mean score over seeds and some languages, failed seeds at chance. Some seed must have come to an end."""
        values = [fmean(one.languages[code]["value"] for code in languages) for one in self.learned]
        chance = fmean(self.chances[code] for code in languages)
        return fmean([*values, *[chance] * self.failed_runs])

    @property
    def learned(self) -> tuple[TrialResult, ...]:
        """The chosen trials that did not fail: English dev of their training rose above chance."""
        return tuple(result for result in self.chosen if result.learned)

    @property
    def error(self) -> float | None:
        """Standard error of the mean over the runs that did not fail, over test examples and seeds; None before the
        evidence is weighed, and where too many failed."""
        return self.measurements[""].error if "" in self.measurements else None

    @property
    def best_score(self) -> float | None:
        """The best seed's score. Intermediate training steadies fine-tuning, so a best of few flatters `none`."""
        return max((result.score or 0.0 for result in self.learned), default=self.score)

    @property
    def failed_runs(self) -> int:
        """Seeds whose training failed: it never rose above chance on English dev, or has no end."""
        return self.lost + len(self.chosen) - len(self.learned)

    @property
    def outdone(self) -> int:
        """Seeds of which every trial was outdone at a rung (`stopping.keep: best`), so that none could be chosen."""
        return self.seeds - self.lost - len(self.chosen)

    @property
    def failures(self) -> str:
        """How many runs failed, in words; empty where none did."""
        return f"{self.failed_runs} of {self.seeds} runs failed" if self.failed_runs else ""

    @property
    def english(self) -> float | None:
        """Mean score on English test sets, failed seeds at chance."""
        return self.mean_over(["en"]) if "en" in self.chances and self.score is not None else None

    @property
    def gap(self) -> float | None:
        """By how much English scores above the mean of the other languages (XTREME's transfer gap)."""
        others = [code for code in self.chances if code != "en"]
        return self.english - self.mean_over(others) if self.english is not None and others else None

    @property
    def consistency(self) -> float | None:
        """How alike English and the other languages are answered (`trainables.consistency`), 0 to 100, by the runs that
        did not fail."""
        return _mean(alike for result in self.learned if (alike := result.consistency) is not None)

    @property
    def device_hours(self) -> float:
        """What a chosen trial takes with all of its stages, shared ones too: the price of the recipe on the target."""
        return fmean(result.chain_seconds for result in self.chosen) / 3600 if self.chosen else 0.0

    @property
    def chance(self) -> float | None:
        """What guessing earns."""
        return _mean(self.chances.values())

    @property
    def above_chance(self) -> bool:
        """Whether the mean over the runs that did not fail beats guessing (one-sided, 95%, over examples and seeds)."""
        return "" in self.measurements and self.measurements[""].above_chance

    @property
    def dev(self) -> float | None:
        """Mean score on English dev over seeds, of which lost ones score as chance."""
        values = [result.dev for result in self.chosen if result.dev is not None]
        return fmean([*values, *[self.chosen[0].dev_chance] * self.lost]) if values else None

    @property
    def rates(self) -> list[float]:
        """The chosen learning rates, one per seed."""
        return [result.trial.learning_rate for result in self.chosen]


@dataclass(frozen=True)
class TransferMatrix:
    """Cells by (recipe, target), in the order of the space; `findings` by the same, over all languages."""

    recipes: tuple[str, ...]
    targets: tuple[str, ...]
    cells: dict[tuple[str, str], Cell]
    findings: Mapping[tuple[str, str], Finding] = field(default_factory=dict)

    def gain(self, recipe: str, target: str) -> float | None:
        """Points over `none`, failed runs at chance; None where either is missing."""
        with_recipe, without = self.cells[recipe, target].score, self._baseline(target)
        return None if with_recipe is None or without is None else with_recipe - without

    def best_gain(self, recipe: str, target: str) -> float | None:
        """What the best seed has over the best of `none`."""
        baseline = self.cells.get((NONE, target))
        with_recipe, without = self.cells[recipe, target].best_score, baseline.best_score if baseline else None
        return None if with_recipe is None or without is None else with_recipe - without

    def gain_error(self, recipe: str, target: str) -> float | None:
        """Standard error of the gain between runs that did not fail, both scored on the same examples; None before the
        evidence is weighed, and where too many runs of either failed."""
        finding = self.findings.get((recipe, target))
        return finding.error if finding else None

    def mean_gain(self, recipe: str) -> float | None:
        """Mean gain over the targets; None unless all are there."""
        gains = [self.gain(recipe, target) for target in self.targets]
        return fmean(gain for gain in gains if gain is not None) if None not in gains else None

    def picked(self, target: str) -> Cell | None:
        """The recipe that English dev alone would pick; None for targets that train nothing, so have no dev score."""
        if not TASKS[target].trains:
            return None
        there = [cell for recipe in self.recipes if (cell := self.cells[recipe, target]).dev is not None]
        return max(there, key=lambda cell: cell.dev or 0.0, default=None)

    def oracle(self, target: str) -> Cell | None:
        """The recipe that scored best on a target's test sets: what was found, not what anybody could have chosen."""
        there = [cell for recipe in self.recipes if (cell := self.cells[recipe, target]).score is not None]
        return max(there, key=lambda cell: cell.score or 0.0, default=None)

    def oracle_interval(self, target: str) -> tuple[float, float] | None:
        """The oracle's gain between runs that did not fail, from and to, at 95% for the best of all recipes.

        The best of several is partly lucky, so each recipe's interval is as wide as makes all of them hold at once
        (Bonferroni). None where the oracle is `none`, or its error is not known.
        """
        oracle = self.oracle(target)
        finding = self.findings.get((oracle.recipe, target)) if oracle else None
        number = sum(of == target for _, of in self.findings)
        return finding.interval(1 - ERROR_RATE / number) if finding else None

    def tied(self, target: str) -> list[str]:
        """The oracle, and the recipes that cannot be told from it (95%, on the same examples, over seeds)."""
        oracle = self.oracle(target)
        cells = [self.cells[recipe, target] for recipe in self.recipes]
        return [cell.recipe for cell in cells if cell is oracle or _near_best(cell)]

    def _baseline(self, target: str) -> float | None:
        baseline = self.cells.get((NONE, target))
        return baseline.score if baseline else None


def _near_best(cell: Cell) -> bool:
    return "" in cell.measurements and cell.measurements[""].near_best


def transfer_matrix(results: Results) -> TransferMatrix:
    """The matrix of a sweep's results."""
    recipes = tuple(results.space["recipes"])
    targets = tuple(results.space["targets"])
    measured: dict[tuple[str, str], dict[str, Measurement]] = {}
    for one in results.measurements:
        measured.setdefault((one.recipe, one.target), {})[one.name] = one
    chances = {target: _chances(target, results.trials) for target in targets}
    cells = {
        (recipe, target): _cell(recipe, target, results.trials, chances[target], measured.get((recipe, target), {}))
        for recipe in recipes
        for target in targets
    }
    findings = {(one.recipe, one.target): one for one in results.findings if one.scope is Scope.ALL}
    return TransferMatrix(recipes, targets, cells, findings)


def _chances(target: str, results: Iterable[TrialResult]) -> dict[str, float]:
    """What guessing earns in each language of a target, which is the same for all of its trials."""
    scored = (one.languages for one in results if one.trial.target == target and one.languages)
    return {code: float(scores["chance"]) for code, scores in next(scored, {}).items()}


def _cell(
    recipe: str,
    target: str,
    results: Iterable[TrialResult],
    chances: Mapping[str, float],
    measurements: Mapping[str, Measurement],
) -> Cell:
    own = [one for one in results if (one.trial.recipe, one.trial.target) == (recipe, target)]
    # A trial that was outdone counts as stopped though it ran on: whether it did hangs on the order of arrival.
    finished = [one for one in own if one.score is not None and one.selectable]
    failed = sum(one.state == "failed" for one in own)
    outdone = sum(one.state == "stopped early" or (one.score is not None and not one.selectable) for one in own)
    scores = [one.score for one in finished if one.score is not None]
    by_seed: dict[int, list[TrialResult]] = {}
    for one in finished:
        by_seed.setdefault(one.trial.seed, []).append(one)
    return Cell(
        recipe,
        target,
        chosen=tuple(max(group, key=_by_dev) for group in by_seed.values()),
        chances=chances,
        over_rates=(fmean(scores), max(scores)) if scores else None,
        seeds=len({one.trial.seed for one in own if one.state != "not run"}),
        lost=len({one.trial.seed for one in own if one.state == "failed"} - by_seed.keys()),
        finished=len(finished),
        stopped=outdone,
        failed=failed,
        not_run=sum(one.state == "not run" for one in own),
        measurements=measurements,
    )


def _mean(values: Iterable[float]) -> float | None:
    known = list(values)
    return fmean(known) if known else None


def _by_dev(result: TrialResult) -> tuple[float, float]:
    # Ties go to the smaller rate, so that the choice never depends on the order of arrival.
    return (result.dev if result.dev is not None else -math.inf, -result.trial.learning_rate)
