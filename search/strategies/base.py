"""The interface of a search strategy: ask for trials, tell results on English dev."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from enum import StrEnum

from spaces import Space
from spaces.trial import Trial

Cost = Callable[[Trial], int]


class Outcome(StrEnum):
    """How a trial ended. One that was stopped early may go on later, and then ends once more."""

    STOPPED = "stopped early"
    FINISHED = "finished"
    FAILED = "failed"


class Strategy(ABC):
    """Chooses trials of a space; `sweep` is the id of the sweep that it chooses for.

    It sees English dev scores only, never a test score, and it knows of no budget: the board asks no more when that is
    spent. After a kill a new instance takes over. It gives again what was given before, and the board passes over what
    it knows; it is told again what is known. What else it must remember it keeps in `storage`, the URL of a database
    of Optuna's (None: nothing is kept). The next trial may then depend on nothing but the trials given and told.
    """

    def __init__(self, space: Space, sweep: str, storage: str | None) -> None:
        self.space = space

    @abstractmethod
    def ask(self, cost: Cost) -> Sequence[Trial]:
        """Trials to add to the sweep now, no instance gives one twice; empty when there is nothing to add (yet).

        The board asks when a device is free that no trial which it has can use, so one trial at a time is enough.
        `cost` tells the examples that a trial of the space would still have to train, shared stages that are done or
        under way counted as free.
        """

    def tell(self, trial: Trial, share: float, dev: float) -> None:  # noqa: B027 (not every strategy learns)
        """A score (0 to 100) on English dev after a share (0 to 1] of the target's training; 1 is its end.

        The same may be told again. A trial that trains nothing has no such score, and nothing is told of it.
        """

    def ended(self, trial: Trial, outcome: Outcome, reason: str) -> None:  # noqa: B027
        """A trial ended; `reason` says why where it did not finish. The same may be told again."""

    @property
    @abstractmethod
    def finished(self) -> bool:
        """Whether `ask` will never give another trial."""
