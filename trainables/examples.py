"""A task's examples in its format's columns: checked, labels as class numbers, sampled and named by content."""

import json
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute

from spaces import Format, Task, UserError
from spaces.tasks import Split
from trainables.digest import digest_of_table
from trainables.sources import Source

COLUMNS: dict[Format, tuple[str, ...]] = {
    Format.SENTENCE_PAIR: ("text_a", "text_b", "label"),
    Format.SPAN_QA: ("id", "context", "question", "answers"),
    Format.TAGGING: ("tokens", "tags"),
    Format.RETRIEVAL: ("source_sentence", "target_sentence"),
}
_LABEL_COLUMN = {Format.SENTENCE_PAIR: "label", Format.TAGGING: "tags"}
_SAMPLE_SEED = 0  # one sample for all trials: seeds are to differ by training, not by data


@dataclass(frozen=True)
class Examples:
    """Rows of one split in one language: `table` has the columns of `COLUMNS[task.format]`."""

    task: Task
    language: str
    table: pa.Table
    labels: tuple[str, ...]
    digest: str

    def __len__(self) -> int:
        return self.table.num_rows


class Data:
    """The examples that a source holds, read once per process."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.examples = lru_cache(maxsize=256)(self._examples)
        self.labels = lru_cache(maxsize=None)(self._labels)

    def _examples(self, task: Task, split: Split, language: str = "en", cap: int | None = None) -> Examples:
        """At most `cap` examples (a seeded sample, the same in every trial; parallel sets stay parallel).

        Raises `UserError` for a missing split, file or column, or a label that the task does not know.
        """
        where = self.source.where(task, split, language)
        read = _renamed(self.source.read(task, split, language), task, split, where)
        labels = self.labels(task)
        table = _sample(_with_classes(read, task, labels, where), cap)
        if table.num_rows == 0:
            raise UserError(f"{task.name}: {where} holds no usable rows")
        return Examples(task, language, table, labels, digest_of_table(table))

    def _labels(self, task: Task) -> tuple[str, ...]:
        """The task's classes: declared, or all that its English training set holds, sorted."""
        column = _LABEL_COLUMN.get(task.format)
        if task.labels or column is None:
            return task.labels
        where = self.source.where(task, "train", "en")
        read = _renamed(self.source.read(task, "train", "en"), task, "train", where)
        held = _flat(read[column]).unique().to_pylist()
        names = json.loads(read.schema.metadata[b"names"]).get(column)
        return tuple(sorted({names[value] if names else str(value) for value in held}))


def _renamed(read: pa.Table, task: Task, split: Split, where: str) -> pa.Table:
    names = {column: task.tables[split].columns.get(column, column) for column in COLUMNS[task.format]}
    missing = [name for name in names.values() if name not in read.column_names]
    if missing:
        raise UserError(f"{task.name}: {where} lacks the column '{missing[0]}' (it has {', '.join(read.column_names)})")
    chosen = read.select(list(names.values())).rename_columns(list(names))
    return chosen.replace_schema_metadata({"names": json.dumps(_class_names(read, names))})


def _class_names(read: pa.Table, names: dict[str, str]) -> dict[str, list[str]]:
    """Names of integer classes as `datasets` keeps them in a parquet file's metadata, per format column."""
    stored = (read.schema.metadata or {}).get(b"huggingface")
    features: dict[str, Any] = json.loads(stored)["info"]["features"] if stored else {}
    found: dict[str, list[str]] = {}
    for column, name in names.items():
        feature = features.get(name, {})
        feature = feature.get("feature", feature) if isinstance(feature, dict) else {}
        if isinstance(feature, dict) and feature.get("names"):
            found[column] = feature["names"]
    return found


def _with_classes(table: pa.Table, task: Task, labels: tuple[str, ...], where: str) -> pa.Table:
    """Labels become class numbers; rows whose label is -1 (no agreed label, as in SNLI) are dropped."""
    names: dict[str, list[str]] = json.loads(table.schema.metadata[b"names"])
    table = table.replace_schema_metadata(None)
    column = _LABEL_COLUMN.get(task.format)
    if column is None:
        return table
    number = {label: index for index, label in enumerate(labels)}
    known = names.get(column)

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
            raise UserError(f"{task.name}: {where} has the label '{value}' in '{column}'; known: {', '.join(labels)}")
        return len(labels)  # an open label set: a tag never seen in training is one that is never predicted

    values = table[column].to_pylist()
    if task.format is Format.TAGGING:
        classes = pa.array([[to_class(tag) for tag in tags] for tags in values], pa.list_(pa.int32()))
        return table.set_column(table.column_names.index(column), column, classes)
    flat = pa.array([to_class(value) for value in values], pa.int32())
    labelled = table.set_column(table.column_names.index(column), column, flat)
    return labelled.filter(pa.compute.greater_equal(labelled[column], 0))


def _flat(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return pa.compute.list_flatten(column) if pa.types.is_list(column.type) else column


def _sample(table: pa.Table, cap: int | None) -> pa.Table:
    if cap is None or cap >= table.num_rows:
        return table
    chosen = np.sort(np.random.default_rng(_SAMPLE_SEED).permutation(table.num_rows)[:cap])
    return table.take(pa.array(chosen))
