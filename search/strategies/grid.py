"""Grid search: every combination of the space (what Phang et al. 2020 ran)."""

from collections.abc import Sequence

from search.strategies.base import Cost, Strategy
from spaces import Space
from spaces.trial import Trial


class Grid(Strategy):
    """Gives all trials at once, so that the sweep can order them by what they share."""

    def __init__(self, space: Space) -> None:
        super().__init__(space)
        self._given = False

    def ask(self, cost: Cost) -> Sequence[Trial]:
        if self._given:
            return []
        self._given = True
        return self.space.trials()

    def tell(self, trial: Trial, share: float, dev: float) -> None:
        pass  # a grid learns nothing

    @property
    def finished(self) -> bool:
        return self._given
