"""What stages cost: examples times their length, in seconds at the pace that this sweep's own stages were seen at."""

from collections import defaultdict
from collections.abc import Iterable

from spaces import TASKS
from trainables.stages import ScoreStage, Stage, TrainSet, TrainStage

_TRAINING_PASSES = 3.0  # forward, and twice that backward
_Kind = tuple[bool, str]  # whether it trains, and its tasks


class Costs:
    """Learns from every finished stage; what was not seen yet is taken to go at the mean pace of the others."""

    def __init__(self) -> None:
        self._work: dict[_Kind, float] = defaultdict(float)
        self._seconds: dict[_Kind, float] = defaultdict(float)

    def learn(self, stage: Stage, seconds: float) -> None:
        """Takes in how long a stage took from its beginning to its end."""
        if seconds > 0:
            self._work[_kind(stage)] += work(stage)
            self._seconds[_kind(stage)] += seconds

    def seconds(self, stage: Stage) -> float:
        """About how long a stage takes on one device, all of it; 0 while nothing has been seen."""
        kind = _kind(stage)
        kinds = [kind] if kind in self._seconds else list(self._seconds)
        seen = sum(self._work[one] for one in kinds)
        return work(stage) * sum(self._seconds[one] for one in kinds) / seen if seen else 0.0


def work(stage: Stage) -> float:
    """Tokens that go through the encoder, a backward pass counted as two."""
    if isinstance(stage, TrainStage):
        return _TRAINING_PASSES * sum(one.examples * tokens(one) for one in stage.sets)
    return tokens(stage) * stage.texts


def tokens(of: TrainSet | ScoreStage) -> int:
    """An example's usual length in sub-words, as the catalogue has it and the settings cut it."""
    return min(TASKS[of.task].tokens or of.settings.max_length, of.settings.max_length)


def work_of(stages: Iterable[Stage]) -> float:
    """The work of several stages."""
    return sum(map(work, stages))


def _kind(stage: Stage) -> _Kind:
    return isinstance(stage, TrainStage), stage.task
