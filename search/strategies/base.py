"""The interface of a search strategy: ask for trials, tell results on English dev."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence

from spaces import Space
from spaces.trial import Trial

Cost = Callable[[Trial], int]


class Strategy(ABC):
    """Chooses trials of a space. The sweep calls `ask` when a device is free and `tell` as results come.

    A strategy sees English dev scores only, never a test score. It is rebuilt after a kill by telling it again what
    is known, so it must depend on nothing else.
    """

    def __init__(self, space: Space) -> None:
        self.space = space

    @abstractmethod
    def ask(self, cost: Cost) -> Sequence[Trial]:
        """Trials to add to the sweep now, none twice; empty when there is nothing to add (yet).

        `cost` tells the examples that a trial of the space would still have to train, shared stages that are done or
        under way counted as free.
        """

    @abstractmethod
    def tell(self, trial: Trial, share: float, dev: float) -> None:
        """A score (0 to 100) on English dev after a share (0 to 1] of the target's training; 1 is final."""

    @property
    @abstractmethod
    def finished(self) -> bool:
        """Whether `ask` will never give another trial."""
