"""The embedded world as a source: generated rows in the columns of the tasks' hub datasets."""

import hashlib
from functools import lru_cache
from pathlib import Path
from typing import Any

import pyarrow as pa

from spaces import Format, Task, UserError
from spaces.languages import WORLD_LANGUAGES
from spaces.tasks import Split, Table
from trainables import world
from trainables.arrow_files import drafted, read_arrow
from trainables.columns import dataset_columns
from trainables.digest import digest_of, digest_of_folder
from trainables.full_disk import told_when_full
from trainables.sources.base import Piece, Place, Presence, Source
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


_WITH_ENGLISH = {Format.RETRIEVAL, Format.MINING}  # each language against English


class WorldSource(Source):
    """Generates what is asked for; the same arguments always give the same rows.

    With a folder `cache` of several processes one generates and the others read.
    """

    def __init__(self, cache: Path | None = None) -> None:
        self._cache = cache

    def read(self, task: Task, split: Split, language: str) -> list[Piece]:
        if not task.world or language not in WORLD_LANGUAGES:
            raise UserError(f"{task.name}: the embedded world has no {split} split of it in '{language}'")
        table = task.parts(split)[0]
        made = self._rows(task.world, _SPLITS[split], language, SIZES[split], _seed(table.repository))
        if task.format is Format.TAGGING and not task.labels:
            made = made.set_column(1, "tags", _named(made["tags"], TAG_NAMES[task.world]))
        if task.format is Format.MINING:
            return _to_mine(made, task.parts(split), self.where(task, split, language))
        made = made.rename_columns(list(_COLUMNS.get(task.format, made.column_names)))
        return [Piece(table, dataset_columns(made, table.columns), self.where(task, split, language))]

    def _rows(self, *what: Any) -> pa.Table:
        if self._cache is None:
            return rows(*what)
        path = self._cache / f"{digest_of(['world', _generator(), *what])}.arrow"
        if not path.is_file():
            made = rows(*what)
            with told_when_full(self._cache), drafted(path) as file, pa.ipc.new_file(file, made.schema) as writer:
                writer.write_table(made)
        return read_arrow(path)

    def languages(self, task: Task) -> tuple[str, ...]:
        return tuple(code for code in WORLD_LANGUAGES if task.format not in _WITH_ENGLISH or code != "en")

    def places(self, task: Task, split: Split, language: str) -> list[Place]:
        where = f"the embedded world ({task.world}, {_SPLITS[split]}, {language})"
        return [Place(where, Presence.HERE if task.world else Presence.MISSING, rows=SIZES[split])]


@lru_cache(maxsize=1)
def _generator() -> str:
    """Names what generates the rows: its code."""
    folder = Path(world.__file__).parent
    return digest_of([digest_of_folder(part, ("*.py",)) for part in (folder, folder / "skills")])


def _to_mine(pairs: pa.Table, tables: tuple[Table, ...], where: str) -> list[Piece]:
    """Half of the pairs stay pairs; of the others each side keeps the sentences that the other side loses."""
    size = pairs.num_rows
    ids = pa.array([str(number) for number in range(size)])
    paired, lone = range(size // 2), range(size // 2, size)
    sides = ([*paired, *lone[::2]], [*lone[1::2], *reversed(paired)])
    gold = pa.table({"source_id": ids[: size // 2], "target_id": ids[: size // 2]})
    sentences = [
        pa.table({"id": ids, "sentence": pairs[name]}).take(pa.array(rows))
        for name, rows in zip(("source_sentence", "target_sentence"), sides, strict=True)
    ]
    return [
        Piece(table, dataset_columns(rows, table.columns), where)
        for table, rows in zip(tables, (gold, *sentences), strict=True)
    ]


def _seed(repository: str) -> int:
    # Tasks that read one repository read the same rows (XNLI trains on MNLI), others read their own.
    return int(hashlib.sha256(repository.encode()).hexdigest()[:6], 16)


def _named(tags: pa.ChunkedArray, names: tuple[str, ...]) -> pa.Array:
    return pa.array([[names[tag] for tag in sentence] for sentence in tags.to_pylist()], pa.list_(pa.string()))
