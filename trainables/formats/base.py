"""What a format is: how a task's examples become batches, a head, a loss, predictions and scores."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn
from transformers import BatchEncoding, PreTrainedTokenizerBase

from spaces import Task
from spaces.training import Training
from trainables.consistency import Answers
from trainables.examples import Examples

Batch = dict[str, Tensor]
Points = NDArray[np.float64]
Row = dict[str, Any]
IGNORED = -100  # what torch's cross-entropy leaves out


@dataclass(frozen=True)
class Scores:
    """Scores of one language, all in 0 to 100.

    `value` is the task's own metric, `chance` what guessing earns on the same examples (which guess, the
    format says). `metrics` holds every metric by name.
    `points` (units, 2) is what every example earns and could have earned: `value` is the ratio of their sums, so that
    it can be taken anew over other samples of the examples.
    """

    value: float
    chance: float
    examples: int
    metrics: dict[str, float] = field(default_factory=dict)
    points: Points = field(default_factory=lambda: np.zeros((0, 2)), repr=False, compare=False)


@dataclass(frozen=True)
class HeadShape:
    """A head: numbers that it gives per pooled vector or token, whether it reads one vector per text, and whether it
    drops some of what it reads in training."""

    outputs: int
    pools: bool
    drops: bool = True


class FineTuning(ABC):
    """A format bound to one task: its labels, lengths and tokenizer. One instance per stage."""

    def __init__(
        self, task: Task, labels: Sequence[str], settings: Training, tokenizer: PreTrainedTokenizerBase
    ) -> None:
        self.task = task
        self.labels = tuple(labels)
        self.settings = settings
        self.tokenizer = tokenizer

    @abstractmethod
    def encode(self, examples: Examples) -> pa.Table:
        """Token ids and what the loss and the decoder need, one row per window.

        Columns: `input_ids` (list<int32>), `example` (int32, the row of `examples`), `cut` (bool, whether some of
        the example's text is in none of its rows), and the format's own. An example may make several rows, which
        follow one another.
        """

    def sequences(self, rows: Sequence[Row]) -> Sequence[Row]:
        """The token sequences of a batch of rows: one per row, but where a row stands for several texts."""
        return rows

    @property
    @abstractmethod
    def outputs(self) -> int:
        """Numbers that the head gives per pooled vector or token."""

    @property
    def pools(self) -> bool:
        """Whether the head reads one vector per text (else one per token)."""
        return False

    @property
    def head(self) -> HeadShape:
        """The head that the format needs."""
        return HeadShape(self.outputs, self.pools)

    @abstractmethod
    def targets(self, rows: Sequence[Row], width: int) -> Batch:
        """The loss's targets for a batch of rows whose sequences are padded to `width` tokens."""

    @abstractmethod
    def loss(self, logits: Tensor, batch: Batch) -> Tensor:
        """The loss of each row, (rows,); `logits` is (sequences, outputs) or (sequences, width, outputs)."""

    def terms(self, rows: pa.Table) -> Points:
        """How many terms the loss of each row sums, (rows,): one, but where a row holds several answers."""
        return np.ones(rows.num_rows)

    @abstractmethod
    def decode(self, logits: Tensor, rows: Sequence[Row]) -> list[Any]:
        """One partial prediction per row, small enough to keep for the whole split."""

    @abstractmethod
    def merge(self, examples: Examples, parts: Sequence[list[Any]]) -> list[Any]:
        """One prediction per example (a JSON value) from the parts that its rows gave, in order."""

    def answers(self, examples: Examples, parts: Sequence[list[Any]], scores: Scores) -> Answers:
        """What to hold against other languages (`trainables.consistency`); nothing where they cannot be compared."""
        return {}

    @abstractmethod
    def score(self, examples: Examples, predictions: Sequence[Any]) -> Scores:
        """Scores of the predictions against the examples' labels."""


def was_cut(tokens: BatchEncoding) -> list[bool]:
    """Which of the texts lost tokens by truncation."""
    return [bool(one.overflowing) for one in tokens.encodings or ()]


def padded(rows: Sequence[Row], column: str, fill: int, width: int) -> Tensor:
    """A column of number lists as one int64 tensor (rows, width), short ones filled."""
    filled = np.full((len(rows), width), fill, dtype=np.int64)
    for index, row in enumerate(rows):
        filled[index, : len(row[column])] = row[column]
    return torch.from_numpy(filled)


def cross_entropy(logits: Tensor, classes: Tensor) -> Tensor:
    """Cross-entropy in float32 of each position, 0 where its class is `IGNORED`."""
    return nn.functional.cross_entropy(logits.float(), classes, ignore_index=IGNORED, reduction="none")


def points_of(values: Sequence[float]) -> Points:
    """Points where the score is a mean of values in 0 to 1."""
    return np.column_stack([values, np.ones(len(values))])


def points_of_f1(right: ArrayLike, found: ArrayLike, there: ArrayLike) -> Points:
    """Points where the score is an F1 over units, of each of which the counts are given."""
    return np.column_stack([2.0 * np.asarray(right), np.asarray(found) + np.asarray(there)])


def mean(values: ArrayLike) -> float:
    """The mean, times 100, of per-example scores in 0 to 1."""
    return 100 * float(np.mean(np.asarray(values, dtype=float)))
