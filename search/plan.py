"""The plan of a sweep: its trials' stages merged where they are the same, and what that saves."""

from collections import Counter
from collections.abc import Callable, Container, Iterable, Sequence

from spaces import Space
from spaces.trial import Trial
from trainables.examples import Data
from trainables.stages import Stage, TrainStage, chain


class Plan:
    """Every trial's chain of stages, as `make_chain` gives it; trials may be added while a sweep runs."""

    def __init__(self, make_chain: Callable[[Trial], Sequence[Stage]], trials: Iterable[Trial]) -> None:
        self._make_chain = make_chain
        self._made: dict[Trial, Sequence[Stage]] = {}
        self.chains: dict[Trial, Sequence[Stage]] = {}
        self.stages: dict[str, Stage] = {}  # by key, each once
        self.users: Counter[str] = Counter()  # how many trials need each stage
        for trial in trials:
            self.add(trial)

    def add(self, trial: Trial) -> Sequence[Stage]:
        """Takes a trial in, its chain; raises `UserError` for data that cannot be had."""
        if trial not in self.chains:
            chain = self.chain_of(trial)
            self.chains[trial] = chain
            self.stages.update((stage.key, stage) for stage in chain)
            self.users.update(stage.key for stage in chain)
        return self.chains[trial]

    def chain_of(self, trial: Trial) -> Sequence[Stage]:
        """A trial's stages, whether or not the plan has it; raises `UserError` for data that cannot be had."""
        if trial not in self._made:
            self._made[trial] = self._make_chain(trial)
        return self._made[trial]

    def emptied(self) -> "Plan":
        """A plan without trials, that makes the same chains."""
        return Plan(self.chain_of, ())

    @property
    def examples_alone(self) -> int:
        """Examples to train if every trial did all its work itself."""
        return sum(_examples(stages) for stages in self.chains.values())

    @property
    def examples_shared(self) -> int:
        """Examples to train when each stage is trained once."""
        return _examples(self.stages.values())

    def target_stage(self, trial: Trial) -> TrainStage | None:
        """The stage that trains the target itself; None for targets that train nothing."""
        last = self.chains[trial][-2] if len(self.chains[trial]) > 1 else None
        return last if isinstance(last, TrainStage) and last.role == "target" else None

    def cost(self, trial: Trial, free: Container[str]) -> int:
        """Examples that a trial (of the plan or not) has still to train, where stages with `free` keys cost nothing."""
        return _examples(stage for stage in self.chain_of(trial) if stage.key not in free)


def make_plan(space: Space, data: Data, model_digest: str) -> Plan:
    """The plan of all trials of a space; raises `UserError` for data that cannot be had."""
    return Plan(lambda trial: chain(trial, space, data, model_digest), space.trials())


def _examples(stages: Iterable[Stage]) -> int:
    return sum(stage.examples for stage in stages if isinstance(stage, TrainStage))
