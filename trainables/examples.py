"""A task's examples in its format's columns: checked, labels as class numbers, sampled and named by content."""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute
from numpy.typing import NDArray

from spaces import Format, Task, UserError
from spaces.tasks import Split
from trainables.columns import format_columns
from trainables.digest import digest_of_table
from trainables.sources import Piece, Place, Source

COLUMNS: dict[Format, tuple[str, ...]] = {
    Format.SENTENCE_PAIR: ("text_a", "text_b", "label"),
    Format.MULTIPLE_CHOICE: ("context", "question", "choices", "label"),
    Format.SPAN_QA: ("id", "context", "question", "answers"),
    Format.TAGGING: ("tokens", "tags"),
    Format.RETRIEVAL: ("source_sentence", "target_sentence"),
    Format.MINING: ("side", "id", "sentence", "pairs"),
}
_LABEL_COLUMN = {Format.SENTENCE_PAIR: "label", Format.MULTIPLE_CHOICE: "label", Format.TAGGING: "tags"}
_SAMPLE_SEED = 0  # one sample for all trials: seeds are to differ by training, not by data


@dataclass(frozen=True)
class Examples:
    """Rows of one split in one language: `table` has the columns of `COLUMNS[task.format]`.

    Where translations are looked for it has a column `query` as well: whether the row is one that looks and is scored.
    All the others are still there to be found.
    """

    task: Task
    language: str
    table: pa.Table
    labels: tuple[str, ...]
    digest: str
    split: Split = "test"

    def __len__(self) -> int:
        return self.table.num_rows

    @property
    def queries(self) -> NDArray[np.int64]:
        """The rows that are scored: all, but where a cap leaves some of a pool unasked."""
        if "query" not in self.table.column_names:
            return np.arange(len(self))
        return np.flatnonzero(self.table["query"].to_numpy())

    @property
    def texts(self) -> int:
        """How many texts an encoder reads of them."""
        return 2 * len(self) if self.task.format is Format.RETRIEVAL else len(self)

    def slice(self, start: int, length: int) -> "Examples":
        """Some of the examples, in their order."""
        return replace(self, table=self.table.slice(start, length), digest="")


class Data:
    """The examples that a source holds, read once per process.

    `test_splits` names, by target, the split to read in place of the test set.
    """

    def __init__(self, source: Source, test_splits: Mapping[str, str] | None = None) -> None:
        self.source = source
        self.test_splits = test_splits or {}
        self.examples = lru_cache(maxsize=256)(self._examples)
        self.labels = lru_cache(maxsize=None)(self._labels)
        self.languages = lru_cache(maxsize=None)(self._languages)

    def _examples(self, task: Task, split: Split, language: str = "en", cap: int | None = None) -> Examples:
        """At most `cap` examples (a seeded sample, the same in every trial; parallel sets stay parallel).

        Where translations are looked for, the cap is of those that look: all rows stay, to be found.

        Raises `UserError` for a missing split, file or column, or a label that the task does not know.
        """
        labels = self.labels(task)
        pieces = self.source.read(self._as_read(task), split, language)
        if task.format is Format.MINING:
            table = _sentences_to_mine(pieces, task, cap)
        else:
            parts = [_with_classes(piece, task, labels) for piece in pieces]
            rows = pa.concat_tables(parts, promote_options="permissive")
            table = with_queries(rows, cap) if task.format is Format.RETRIEVAL else _sample(rows, cap)
        if table.num_rows == 0:
            raise UserError(f"{task.name}: {self.where(task, split, language)} holds no usable rows")
        return Examples(task, language, table, labels, digest_of_table(table), split)

    def _languages(self, task: Task) -> tuple[str, ...]:
        """The languages that the source can score a target in."""
        return self.source.languages(self._as_read(task))

    def where(self, task: Task, split: Split, language: str) -> str:
        """Where a split comes from, for people."""
        return self.source.where(self._as_read(task), split, language)

    def places(self, task: Task, split: Split, language: str) -> list[Place]:
        """Where the tables of a split are, and whether they can be read."""
        return self.source.places(self._as_read(task), split, language)

    def _as_read(self, task: Task) -> Task:
        instead = self.test_splits.get(task.name)
        if instead is None:
            return task
        if task.format is Format.MINING and instead == task.parts("dev")[0].split:
            return replace(task, tables={**task.tables, "test": task.tables["dev"]})
        tables = tuple(replace(table, split=instead) for table in task.parts("test"))
        return replace(task, tables={**task.tables, "test": tables})

    def _labels(self, task: Task) -> tuple[str, ...]:
        """The task's classes: declared, or all that its English training set holds, sorted."""
        column = _LABEL_COLUMN.get(task.format)
        if task.labels or column is None:
            return task.labels
        held: set[str] = set()
        for piece in self.source.read(task, "train", "en"):
            names = _class_names(piece, column)
            values = _flat(_columns(piece, task)[column]).unique().to_pylist()
            held |= {names[value] if names else str(value) for value in values}
        return tuple(sorted(held))


def _columns(piece: Piece, task: Task) -> pa.Table:
    return _taken(piece, task, COLUMNS[task.format])


def _taken(piece: Piece, task: Task, names: Sequence[str]) -> pa.Table:
    return format_columns(piece.rows, names, piece.table.columns, f"{task.name}: {piece.where}")


def _class_names(piece: Piece, column: str) -> list[str] | None:
    """Names of integer classes in a format's column, as `datasets` keeps them in a parquet file's metadata."""
    stored = (piece.rows.schema.metadata or {}).get(b"huggingface")
    features: dict[str, Any] = json.loads(stored)["info"]["features"] if stored else {}
    name = piece.table.columns.get(column, column)
    feature = features.get(name, {}) if isinstance(name, str) else {}
    feature = feature.get("feature", feature) if isinstance(feature, dict) else {}
    names = feature.get("names") if isinstance(feature, dict) else None
    return list(names) if names else None


def _with_classes(piece: Piece, task: Task, labels: tuple[str, ...]) -> pa.Table:
    """The format's columns, labels as class numbers; rows labelled -1 (no agreed label, as in SNLI) are dropped."""
    table = _columns(piece, task)
    column = _LABEL_COLUMN.get(task.format)
    if column is None:
        return table
    number = {label: index for index, label in enumerate(labels)}
    known = _class_names(piece, column)

    def to_class(value: Any) -> int:
        if isinstance(value, int):
            if value == -1:
                return -1
            if known is None:
                return value if 0 <= value < len(labels) else _unknown(value)
            value = known[value] if 0 <= value < len(known) else value
        return number[value] if value in number else _unknown(value)

    def _unknown(value: Any) -> int:
        if task.labels:
            fault = f"{task.name}: {piece.where} has the label '{value}' in '{column}'"
            raise UserError(f"{fault}; known: {', '.join(labels)}")
        return len(labels)  # an open label set: a tag never seen in training is one that is never predicted

    values = table[column].to_pylist()
    if task.format is Format.TAGGING:
        classes = pa.array([[to_class(tag) for tag in tags] for tags in values], pa.list_(pa.int32()))
        return table.set_column(table.column_names.index(column), column, classes)
    flat = pa.array([to_class(value) for value in values], pa.int32())
    labelled = table.set_column(table.column_names.index(column), column, flat)
    return labelled.filter(pa.compute.greater_equal(labelled[column], 0))


def _sentences_to_mine(pieces: Sequence[Piece], task: Task, cap: int | None) -> pa.Table:
    """The sentences of both sides (0 and 1) with the numbers of the pairs that they belong to.

    `pieces` are the pairs and the sentences of either side. Queries are sentences of the source side: with a cap a
    seeded sample of `cap` of those that have a translation, and the same share of those that have none, so that the F1
    of their pairs is that of all pairs up to chance.
    """
    gold = _taken(pieces[0], task, ("source_id", "target_id")).to_pydict()
    rng = np.random.default_rng(_SAMPLE_SEED)
    translated = list(dict.fromkeys(gold["source_id"]))
    asked = {translated[number] for number in _chosen(len(translated), cap, rng)}
    share = len(asked) / len(translated) if translated else 1.0
    rows: list[dict[str, Any]] = []
    for side, (column, piece) in enumerate(zip(("source_id", "target_id"), pieces[1:], strict=True)):
        pairs: dict[str, list[int]] = defaultdict(list)
        for pair, name in enumerate(gold[column]):
            pairs[name].append(pair)
        sentences = _taken(piece, task, ("id", "sentence")).to_pylist()
        for row, luck in zip(sentences, rng.random(len(sentences)), strict=True):
            own = pairs.get(row["id"], [])
            query = side == 0 and (row["id"] in asked if own else luck < share)
            rows.append({"side": side, "pairs": own, "query": query, **row})
    return pa.Table.from_pylist(rows, schema=_TO_MINE)


_TO_MINE = pa.schema(
    {
        "side": pa.int32(),
        "id": pa.string(),
        "sentence": pa.string(),
        "pairs": pa.list_(pa.int32()),
        "query": pa.bool_(),
    }
)


def _flat(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return pa.compute.list_flatten(column) if pa.types.is_list(column.type) else column


def _sample(table: pa.Table, cap: int | None) -> pa.Table:
    if cap is None or cap >= table.num_rows:
        return table
    return table.take(pa.array(_chosen(table.num_rows, cap, np.random.default_rng(_SAMPLE_SEED))))


def with_queries(table: pa.Table, cap: int | None) -> pa.Table:
    """All rows, and which of them are queries: as many as the cap says, the same rows as a sample would keep."""
    asked = np.zeros(table.num_rows, dtype=bool)
    asked[_chosen(table.num_rows, cap, np.random.default_rng(_SAMPLE_SEED))] = True
    return table.append_column("query", pa.array(asked))


def _chosen(rows: int, cap: int | None, rng: np.random.Generator) -> NDArray[np.int64]:
    """The numbers of a sample of the rows, in order; all of them where the cap allows."""
    return np.arange(rows) if cap is None or cap >= rows else np.sort(rng.permutation(rows)[:cap])
