"""Early stopping: asynchronous successive halving among the trials of one target (Li et al. 2020, ASHA).

A trial that arrives at a rung goes on if it is among the best 1/`reduction` of those known there; otherwise it pauses
and gives its device away, and goes on later should what becomes known lift it. Only trials that go on at every earlier
rung count at a rung. Once all have arrived this is the same set whatever the order of arrival, so a sweep that was
killed and run again ends with the same survivors as one that was not.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from spaces.space import Stopping
from spaces.trial import Trial

_EPSILON = 1e-9


class Halving:
    """Rung results of a sweep and what follows from them. `None` for stopping lets every trial go on."""

    def __init__(self, stopping: Stopping | None) -> None:
        self.rungs: Sequence[float] = stopping.rungs if stopping else []
        self.reduction = stopping.reduction if stopping else 1.0
        self.keep_recipes = stopping is None or stopping.keep == "recipe"
        self._known: dict[str, list[dict[Trial, float]]] = defaultdict(lambda: [{} for _ in self.rungs])

    def record(self, trial: Trial, share: float, dev: float) -> None:
        """Takes a result on English dev (0 to 100) after a share (0 to 1) of the target stage.

        It stands for every rung at or below the share that the trial had no result at.
        """
        for rung, at in enumerate(self.rungs):
            if share >= at - _EPSILON:
                self._known[trial.target][rung].setdefault(trial, dev)

    def goes_on(self, trial: Trial) -> bool:
        """Whether the trial may train past the last rung that it reached, as far as is known now."""
        reached = self.rung_reached(trial)
        return reached is None or trial in self.survivors(trial.target, reached)

    def rung_reached(self, trial: Trial) -> int | None:
        """The last rung that the trial has a result at, from 0; None before the first."""
        reached = [rung for rung, known in enumerate(self._known[trial.target]) if trial in known]
        return max(reached, default=None)

    def survivors(self, target: str, rung: int) -> set[Trial]:
        """The trials of a target that go on after a rung, as far as is known now."""
        known = self._known[target]
        candidates = set(known[0]) if rung == 0 else self.survivors(target, rung - 1) & set(known[rung])
        # Ties are broken by the trial itself, so that the order of arrival plays no part.
        ranked = sorted(candidates, key=lambda trial: (-known[rung][trial], trial))
        best = ranked[: max(1, int(len(ranked) / self.reduction))]
        return set(best) | (set(_first_of_each_recipe(ranked)) if self.keep_recipes else set())

    def selectable(self, trial: Trial) -> bool:
        """Whether a finished trial may be chosen: it is a survivor, not one that ran on before others were known."""
        return not self.rungs or self.rung_reached(trial) is None or self.goes_on(trial)


def _first_of_each_recipe(ranked: Iterable[Trial]) -> Iterable[Trial]:
    seen: set[tuple[str, int]] = set()
    for trial in ranked:
        group = (trial.recipe, trial.seed)  # seeds repeat the experiment: each needs a trial of its own
        if group not in seen:
            seen.add(group)
            yield trial
