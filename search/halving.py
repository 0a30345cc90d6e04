"""Early stopping: asynchronous successive halving among the trials of one target (Li et al. 2020, ASHA).

A trial that arrives at a rung goes on if it is among the best 1/`reduction` of those known there; otherwise it pauses
and gives its device away, and goes on later should what becomes known lift it. Only trials that go on at every earlier
rung count at a rung. Once all have arrived this is the same set whatever the order of arrival, so a sweep that was
killed and run again ends with the same survivors as one that was not.

A result costs time that grows with the logarithm of the trials that are known, so that sweeps of tens of thousands of
trials stay cheap.
"""

from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Sequence

from spaces.space import Stopping
from spaces.trial import Trial

_EPSILON = 1e-9
# Best first; equal scores are ordered by the trials themselves, so that the order of arrival plays no part.
_Place = tuple[float, Trial]


class Halving:
    """Rung results of a sweep and what follows from them. `None` for stopping lets every trial go on."""

    def __init__(self, stopping: Stopping | None) -> None:
        self.rungs: Sequence[float] = stopping.rungs if stopping else []
        reduction = stopping.reduction if stopping else 1.0
        keep_recipes = stopping is None or stopping.keep == "recipe"
        self._brackets: dict[str, list[_Rung]] = defaultdict(
            lambda: [_Rung(reduction, keep_recipes) for _ in self.rungs]
        )

    def record(self, trial: Trial, share: float, dev: float) -> set[Trial]:
        """Takes a result on English dev (0 to 100) after a share (0 to 1) of the target stage.

        It stands for every rung at or below the share that the trial had no result at. Returns the trials of whom
        `goes_on` may now say something else.
        """
        changed: set[Trial] = set()
        bracket = self._brackets[trial.target]
        for rung in range(self.rungs_passed(share)):
            if trial not in bracket[rung].results:
                bracket[rung].results[trial] = dev
                changed |= {trial} | self._let_in(bracket, rung, {trial})
        return changed

    def rungs_passed(self, share: float) -> int:
        """How many rungs lie at or below a share (0 to 1) of the target stage."""
        return sum(share >= rung - _EPSILON for rung in self.rungs)

    def goes_on(self, trial: Trial) -> bool:
        """Whether the trial may train past the last rung that it reached, as far as is known now."""
        reached = self.rung_reached(trial)
        return reached is None or trial in self.survivors(trial.target, reached)

    def rung_reached(self, trial: Trial) -> int | None:
        """The last rung that the trial has a result at, from 0; None before the first."""
        reached = [rung for rung, known in enumerate(self._brackets[trial.target]) if trial in known.results]
        return max(reached, default=None)

    def survivors(self, target: str, rung: int) -> set[Trial]:
        """The trials of a target that go on after a rung, as far as is known now."""
        return self._brackets[target][rung].survivors

    def selectable(self, trial: Trial) -> bool:
        """Whether a finished trial may be chosen: it is a survivor, not one that ran on before others were known."""
        return self.goes_on(trial)

    def _let_in(self, bracket: list["_Rung"], rung: int, trials: set[Trial]) -> set[Trial]:
        """Makes trials candidates at a rung, or no longer, as the rung before now says; who goes on otherwise since."""
        changed: set[Trial] = set()
        for trial in trials & bracket[rung].results.keys():
            changed |= bracket[rung].update(trial, rung == 0 or trial in bracket[rung - 1].survivors)
        if changed and rung + 1 < len(bracket):
            changed |= self._let_in(bracket, rung + 1, changed)
        return changed


class _Rung:
    """Who reached a rung, which of them are candidates, and which of those go on."""

    def __init__(self, reduction: float, keep_recipes: bool) -> None:
        self.reduction = reduction
        self.keep_recipes = keep_recipes
        self.results: dict[Trial, float] = {}
        self.survivors: set[Trial] = set()
        self._ranked: list[_Place] = []
        # Seeds repeat the experiment: each needs a trial of its own.
        self._of_recipe: dict[tuple[str, int], list[_Place]] = defaultdict(list)

    def update(self, trial: Trial, candidate: bool) -> set[Trial]:
        """Takes a trial in as a candidate, or out; the trials that begin or cease to survive by that."""
        place = (-self.results[trial], trial)
        if candidate == self._holds(place):
            return set()
        group = self._of_recipe[trial.recipe, trial.seed]
        touched = [place, *self._last_in(), *group[:1]]
        for ranking in (self._ranked, group):
            if candidate:
                insort(ranking, place)
            else:
                del ranking[bisect_left(ranking, place)]
        touched += [*self._last_in(), *group[:1]]
        return self._settle(touched)

    def _settle(self, touched: list[_Place]) -> set[Trial]:
        changed = set()
        for place in touched:
            trial = place[1]
            if self._survives(place) != (trial in self.survivors):
                self.survivors ^= {trial}
                changed.add(trial)
        return changed

    def _survives(self, place: _Place) -> bool:
        if not self._holds(place):
            return False
        if self.keep_recipes and self._of_recipe[place[1].recipe, place[1].seed][0] == place:
            return True
        return bisect_left(self._ranked, place) < self._room()

    def _holds(self, place: _Place) -> bool:
        index = bisect_left(self._ranked, place)
        return index < len(self._ranked) and self._ranked[index] == place

    def _last_in(self) -> list[_Place]:
        """The last candidate that there is room for, which a new one may push out, or one that leaves let in."""
        return self._ranked[self._room() - 1 : self._room()]

    def _room(self) -> int:
        return max(1, int(len(self._ranked) / self.reduction))
