"""The transfer matrix: what each recipe gains on each target over `none`.

Gain is the score with the recipe minus the score with `none`, each at its own best learning rate by English dev
(Phang et al. 2020, section 3). No test score and no other language takes part in the choice.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import fmean, stdev

from search.results import Results, TrialResult
from spaces import TASKS
from spaces.recipes import NONE


@dataclass(frozen=True)
class Cell:
    """A recipe on a target: the mean over seeds of the trials chosen by English dev.

    `error` is the standard error of `score`: over seeds where there are several, else over test examples. `over_rates`
    are mean and best test score over all trials that were not outdone at a rung, `by_oracle` the trials that the test
    scores would have chosen: diagnostics, which chose nothing. `seeds` are those that were tried, `lost` those of
    them that have no chosen trial because theirs failed.
    """

    recipe: str
    target: str
    chosen: tuple[TrialResult, ...]
    by_oracle: tuple[TrialResult, ...]
    over_rates: tuple[float, float] | None
    seeds: int
    lost: int
    finished: int
    stopped: int
    failed: int
    not_run: int

    @property
    def score(self) -> float | None:
        """Mean test score over seeds, 0 to 100; None where no trial came to its end."""
        return fmean(result.score or 0.0 for result in self.chosen) if self.chosen else None

    @property
    def error(self) -> float:
        """Standard error of `score`."""
        if len(self.chosen) > 1:
            return stdev(result.score or 0.0 for result in self.chosen) / math.sqrt(len(self.chosen))
        return self.chosen[0].error if self.chosen else 0.0

    @property
    def best_score(self) -> float | None:
        """The best seed's score. Intermediate training steadies fine-tuning, so a best of few flatters `none`."""
        return max((result.score or 0.0 for result in self.chosen), default=None)

    @property
    def failed_runs(self) -> int:
        """Seeds that ended at chance, or not at all."""
        return self.lost + sum(not result.above_chance for result in self.chosen)

    @property
    def english(self) -> float | None:
        """Mean score on English test sets."""
        return _mean(result.languages["en"]["value"] for result in self.chosen if "en" in result.languages)

    @property
    def gap(self) -> float | None:
        """By how much English scores above the mean of the other languages (XTREME's transfer gap)."""
        return _mean(gap for result in self.chosen if (gap := result.gap) is not None)

    @property
    def consistency(self) -> float | None:
        """How alike English and the other languages are answered (`trainables.consistency`), 0 to 100."""
        return _mean(alike for result in self.chosen if (alike := result.consistency) is not None)

    @property
    def oracle_score(self) -> float | None:
        """Mean test score over seeds, had the test scores chosen the learning rate."""
        return fmean(result.score or 0.0 for result in self.by_oracle) if self.by_oracle else None

    @property
    def device_hours(self) -> float:
        """What a chosen trial takes with all of its stages, shared ones too: the price of the recipe on the target."""
        return fmean(result.chain_seconds for result in self.chosen) / 3600 if self.chosen else 0.0

    @property
    def chance(self) -> float | None:
        """What guessing earns."""
        return self.chosen[0].chance if self.chosen else None

    @property
    def above_chance(self) -> bool:
        """Whether any of the chosen trials beats guessing beyond doubt."""
        return any(result.above_chance for result in self.chosen)

    @property
    def dev(self) -> float | None:
        """Mean score on English dev of the chosen trials."""
        return _mean(result.dev for result in self.chosen if result.dev is not None)

    @property
    def rates(self) -> list[float]:
        """The chosen learning rates, one per seed."""
        return [result.trial.learning_rate for result in self.chosen]


@dataclass(frozen=True)
class TransferMatrix:
    """Cells by (recipe, target), in the order of the space."""

    recipes: tuple[str, ...]
    targets: tuple[str, ...]
    cells: dict[tuple[str, str], Cell]

    def gain(self, recipe: str, target: str) -> float | None:
        """Points over `none`; None where either is missing."""
        with_recipe, without = self.cells[recipe, target].score, self._baseline(target)
        return None if with_recipe is None or without is None else with_recipe - without

    def best_gain(self, recipe: str, target: str) -> float | None:
        """What the best seed has over the best of `none`."""
        baseline = self.cells.get((NONE, target))
        with_recipe, without = self.cells[recipe, target].best_score, baseline.best_score if baseline else None
        return None if with_recipe is None or without is None else with_recipe - without

    def gain_error(self, recipe: str, target: str) -> float:
        """Standard error of the gain, the two scores taken as independent."""
        baseline = self.cells.get((NONE, target))
        return math.hypot(self.cells[recipe, target].error, baseline.error if baseline else 0.0)

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

    def best(self, target: str) -> Cell | None:
        """The recipe that scored best on a target's test sets: what was found, not what chose anything."""
        there = [cell for recipe in self.recipes if (cell := self.cells[recipe, target]).score is not None]
        return max(there, key=lambda cell: cell.score or 0.0, default=None)

    def oracle(self, target: str) -> Cell | None:
        """The recipe that the test scores would pick, at the rates that they would choose: a diagnostic."""
        there = [cell for recipe in self.recipes if (cell := self.cells[recipe, target]).oracle_score is not None]
        return max(there, key=lambda cell: cell.oracle_score or 0.0, default=None)

    def tied(self, target: str) -> list[str]:
        """Recipes within one standard error of the best one's score."""
        best = self.best(target)
        if best is None or best.score is None:
            return []
        cells = [self.cells[recipe, target] for recipe in self.recipes]
        return [
            cell.recipe
            for cell in cells
            if cell.score is not None and best.score - cell.score <= math.hypot(best.error, cell.error)
        ]

    def _baseline(self, target: str) -> float | None:
        baseline = self.cells.get((NONE, target))
        return baseline.score if baseline else None


def transfer_matrix(results: Results) -> TransferMatrix:
    """The matrix of a sweep's results."""
    recipes = tuple(results.space["recipes"])
    targets = tuple(results.space["targets"])
    cells = {(recipe, target): _cell(recipe, target, results.trials) for recipe in recipes for target in targets}
    return TransferMatrix(recipes, targets, cells)


def _cell(recipe: str, target: str, results: Iterable[TrialResult]) -> Cell:
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
        by_oracle=tuple(max(group, key=lambda one: one.score or 0.0) for group in by_seed.values()),
        over_rates=(fmean(scores), max(scores)) if scores else None,
        seeds=len({one.trial.seed for one in own if one.state != "not run"}),
        lost=len({one.trial.seed for one in own if one.state == "failed"} - by_seed.keys()),
        finished=len(finished),
        stopped=outdone,
        failed=failed,
        not_run=sum(one.state == "not run" for one in own),
    )


def _mean(values: Iterable[float]) -> float | None:
    known = list(values)
    return fmean(known) if known else None


def _by_dev(result: TrialResult) -> tuple[float, float]:
    # Ties go to the smaller rate, so that the choice never depends on the order of arrival.
    return (result.dev if result.dev is not None else -math.inf, -result.trial.learning_rate)
