"""Random search (Bergstra and Bengio 2012): trials drawn from the space, learning rates log-uniformly from a range."""

from collections.abc import Iterator, Sequence
from itertools import count, product
from random import Random as Generator

from search.strategies.base import Cost, Strategy
from search.strategies.drawing import Followers, draw_trial, drawn_targets
from spaces import Space
from spaces.recipes import NONE
from spaces.trial import Trial

_ENOUGH = 1000  # draws in a row that were there before: a narrow range has only so many rates of three digits


class Random(Strategy):
    """The n-th trial depends on the space and n alone; the space's first seed seeds the draws.

    Every target's `none` comes first, or there would be no gain to tell.
    """

    def __init__(self, space: Space, sweep: str = "", storage: str | None = None) -> None:
        super().__init__(space, sweep, storage)
        self._followers = Followers(space)
        self._draws = self._without_end() if space.endless else self._shuffled()
        self._next = next(self._draws, None)

    def ask(self, cost: Cost) -> Sequence[Trial]:
        if self._next is None:
            return []
        drawn, self._next = self._next, next(self._draws, None)
        return [drawn, *self._followers.of(drawn)]

    @property
    def finished(self) -> bool:
        return self._next is None

    def _shuffled(self) -> Iterator[Trial]:
        targets = drawn_targets(self.space)
        trials = [trial for trial in self.space.trials() if trial.target in targets]
        Generator(self.space.seeds[0]).shuffle(trials)
        baselines = {(trial.target, trial.seed): trial for trial in reversed(trials) if trial.recipe == NONE}
        first = set(baselines.values())
        yield from sorted(trials, key=lambda trial: trial not in first)  # which keeps their order otherwise

    def _without_end(self) -> Iterator[Trial]:
        targets, seeds, recipes = drawn_targets(self.space), self.space.seeds, self.space.recipes
        baselines = list(product(targets, seeds)) if NONE in recipes else []
        given: set[Trial] = set()
        repeated = 0
        for n in count():
            rng = Generator(f"{seeds[0]}/{n}")
            if n < len(baselines):
                (target, seed), recipe = baselines[n], NONE
            else:
                target, seed, recipe = rng.choice(targets), rng.choice(seeds), rng.choice(recipes)
            trial = draw_trial(self.space, target, recipe, seed, rng)
            repeated = repeated + 1 if trial in given else 0
            if repeated == _ENOUGH:
                return
            if not repeated:
                given.add(trial)
                yield trial
