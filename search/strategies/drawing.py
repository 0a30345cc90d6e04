"""What strategies that draw single trials have in common: how a trial is put together, and who follows it for free."""

from collections.abc import Iterator
from random import Random

from spaces import Space
from spaces.rates import RateRange, nominal_rates
from spaces.recipes import NONE
from spaces.trial import Trial


def drawn_targets(space: Space) -> list[str]:
    """The targets that trials are drawn for: those that train, the others follow; all where none trains."""
    return space.trained_targets or space.targets


def draw_rate(rates: list[float] | RateRange, rng: Random) -> float:
    """A rate of a list or a range."""
    return rates.draw(rng) if isinstance(rates, RateRange) else rng.choice(rates)


def trial_of(space: Space, target: str, recipe: str, rate: float, intermediate_rate: float, seed: int) -> Trial:
    """A trial of the space; where the phases have one rate between them, or there is one phase, `rate` is for both."""
    split = space.intermediate_learning_rates is not None and recipe != NONE
    return Trial(target, recipe, rate, intermediate_rate if split else rate, seed)


def draw_trial(space: Space, target: str, recipe: str, seed: int, rng: Random) -> Trial:
    """A trial with learning rates drawn from the space's lists or ranges."""
    rate = draw_rate(space.learning_rates, rng)
    own = space.intermediate_learning_rates
    return trial_of(space, target, recipe, rate, rate if own is None else draw_rate(own, rng), seed)


class Followers:
    """Trials of the targets that train nothing (Tatoeba, BUCC). A recipe that is trained for another target is scored
    on these too: that costs next to nothing, and they have no English dev that could tell what to try."""

    def __init__(self, space: Space) -> None:
        self._space = space
        self._targets = [target for target in space.targets if target not in drawn_targets(space)]
        self._given: set[Trial] = set()

    def of(self, leader: Trial) -> Iterator[Trial]:
        """The trials to score on what `leader` trains before its target; none that another leader brought."""
        for target in self._targets:
            follower = self._follower(target, leader)
            if follower not in self._given:
                self._given.add(follower)
                yield follower

    def _follower(self, target: str, leader: Trial) -> Trial:
        # Rates that change nothing for it are set, so that leaders that differ only in them bring the same follower.
        nominal = nominal_rates(self._space.learning_rates)[0]
        if leader.recipe == NONE:
            return Trial(target, NONE, nominal, nominal, leader.seed)
        rate = leader.learning_rate if self._space.intermediate_learning_rates is None else nominal
        return Trial(target, leader.recipe, rate, leader.intermediate_learning_rate, leader.seed)
