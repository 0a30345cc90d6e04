"""The plan of a sweep: its trials' stages merged where they are the same, and what that saves."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from spaces import Space
from spaces.trial import Trial
from trainables.examples import Data
from trainables.stages import Stage, TrainStage, chain


@dataclass(frozen=True)
class Plan:
    """Every trial's chain of stages."""

    chains: Mapping[Trial, Sequence[Stage]]

    @cached_property
    def stages(self) -> dict[str, Stage]:
        """The stages by key, each once."""
        return {stage.key: stage for stages in self.chains.values() for stage in stages}

    @cached_property
    def users(self) -> Counter[str]:
        """How many trials need each stage."""
        return Counter(stage.key for stages in self.chains.values() for stage in stages)

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

    def cost(self, trial: Trial, free: Iterable[str]) -> int:
        """Examples that a trial has still to train, given the keys of stages that cost nothing."""
        free = set(free)
        return _examples(stage for stage in self.chains[trial] if stage.key not in free)


def make_plan(space: Space, data: Data, model_digest: str) -> Plan:
    """The plan of all trials of a space; raises `UserError` for data that cannot be had."""
    return Plan({trial: chain(trial, space, data, model_digest) for trial in space.trials()})


def _examples(stages: Iterable[Stage]) -> int:
    return sum(stage.examples for stage in stages if isinstance(stage, TrainStage))
