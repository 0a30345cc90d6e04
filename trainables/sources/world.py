"""The embedded world as a source: generated rows in the columns of the tasks' hub datasets."""

import hashlib

import pyarrow as pa

from spaces import Format, Task, UserError
from spaces.languages import WORLD_LANGUAGES
from spaces.tasks import Split
from trainables.columns import dataset_columns
from trainables.sources.base import Piece, Source
from trainables.world import TAG_NAMES, rows

# Enough for the world's small encoder to learn each skill; spaces cap them further.
SIZES: dict[Split, int] = {"train": 12000, "dev": 500, "test": 500}
_SPLITS: dict[Split, str] = {"train": "train", "dev": "validation", "test": "test"}
# The format's columns in the order in which the generator gives its own.
_COLUMNS: dict[Format, tuple[str, ...]] = {
    Format.SENTENCE_PAIR: ("text_a", "text_b", "label"),
    Format.MULTIPLE_CHOICE: ("context", "question", "choices", "label"),
    Format.TAGGING: ("tokens", "tags"),
}


class WorldSource(Source):
    """Generates what is asked for; the same arguments always give the same rows."""

    def read(self, task: Task, split: Split, language: str) -> list[Piece]:
        if not task.world or language not in WORLD_LANGUAGES:
            raise UserError(f"{task.name}: the embedded world has no {split} split of it in '{language}'")
        table = task.parts(split)[0]
        made = rows(task.world, _SPLITS[split], language, SIZES[split], _seed(table.repository))
        if task.format is Format.TAGGING and not task.labels:
            made = made.set_column(1, "tags", _named(made["tags"], TAG_NAMES[task.world]))
        made = made.rename_columns(list(_COLUMNS.get(task.format, made.column_names)))
        return [Piece(table, dataset_columns(made, table.columns), self.where(task, split, language))]

    def languages(self, task: Task) -> tuple[str, ...]:
        return tuple(code for code in WORLD_LANGUAGES if task.format is not Format.RETRIEVAL or code != "en")

    def where(self, task: Task, split: Split, language: str) -> str:
        return f"the embedded world ({task.world}, {_SPLITS[split]}, {language})"


def _seed(repository: str) -> int:
    # Tasks that read one repository read the same rows (XNLI trains on MNLI), others read their own.
    return int(hashlib.sha256(repository.encode()).hexdigest()[:6], 16)


def _named(tags: pa.ChunkedArray, names: tuple[str, ...]) -> pa.Array:
    return pa.array([[names[tag] for tag in sentence] for sentence in tags.to_pylist()], pa.list_(pa.string()))
