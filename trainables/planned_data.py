"""Whether the data on this machine are those that a stage was planned with.

A stage's key promises its data. On a cluster every machine reads them for itself, from its mirror or the hub, and one
whose copy differs would keep wrong results under a right key.
"""

from spaces import TASKS, UserError
from trainables.examples import Data
from trainables.stages import ScoreStage, Stage, TrainStage, set_to_score


def check_planned_data(stage: Stage, data: Data) -> None:
    """Raises `UserError` where a stage's data differ from what its key was made of."""
    match stage:
        case ScoreStage():
            task = TASKS[stage.task]
            for language, digest, _ in stage.tests:
                _check(set_to_score(task, language, stage.cap, data)[1], digest, data.where(task, "test", language))
        case TrainStage():
            for one in stage.sets:
                task, how = TASKS[one.task], one.settings
                train = data.examples(task, "train", "en", how.examples)
                dev = data.examples(task, "dev", "en", how.dev_examples)
                _check(train.digest, one.train, data.where(task, "train", "en"))
                _check(dev.digest, one.dev, data.where(task, "dev", "en"))


def _check(found: str, planned: str, where: str) -> None:
    if found != planned:
        raise UserError(
            f"{where} holds other data on this machine than where the sweep was planned; make them the same"
        )
