"""What data a trial stands on, as MLflow keeps it with a run: name, digest, source."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from spaces import LANGUAGES, TASKS
from spaces.tasks import Split
from trainables.digest import digest_of
from trainables.examples import Data
from trainables.stages import Stage, TrainStage

_DIGEST = 36  # characters that MLflow keeps


@dataclass(frozen=True)
class DatasetUsed:
    """A data set and the part that it played.

    `digest` is that of the rows used, so two samples of one set differ in it. `source_type` and `source` (JSON) are
    MLflow's: where to get it.
    """

    name: str
    digest: str
    source_type: str
    source: str
    context: Split
    rows: int | None


def datasets_used(stages: Sequence[Stage], source: str, data: Data) -> list[DatasetUsed]:
    """Of a trial's stages the training and dev sets, and the target's test sets in all languages as one.

    `source` is the space's.
    """
    found = {(one.name, one.digest): one for stage in stages for one in _of_stage(stage, source, data)}
    return list(found.values())


def _of_stage(stage: Stage, source: str, data: Data) -> Iterator[DatasetUsed]:
    if isinstance(stage, TrainStage):
        for one in stage.sets:
            yield _used(one.task, "train", "en", one.train, one.rows, source, data)
            yield _used(one.task, "dev", "en", one.dev, None, source, data)
    else:
        digest = digest_of([[language, digest] for language, digest, _ in stage.tests])
        rows = sum(examples for _, _, examples in stage.tests)
        yield _used(stage.task, "test", stage.tests[0][0], digest, rows, source, data)


def _used(
    task: str, split: Split, language: str, digest: str, rows: int | None, source: str, data: Data
) -> DatasetUsed:
    kind, where = _source(task, split, language, source, data)
    return DatasetUsed(f"{task} {split}", digest[:_DIGEST], kind, json.dumps(where), split, rows)


def _source(task: str, split: Split, language: str, source: str, data: Data) -> tuple[str, dict[str, Any]]:
    if source == "hub":
        table, spoken = TASKS[task].parts(split)[0], LANGUAGES[language]
        where = {"path": table.repository, "config_name": table.config_for(spoken), "split": table.split_for(spoken)}
        return "hugging_face", where
    where_told = data.where(TASKS[task], split, language)
    return ("local", {"uri": where_told}) if source == "mirror" else ("code", {"tags": {"generated": where_told}})
