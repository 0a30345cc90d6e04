"""Batches of rows of like length, so that little is spent on padding."""

from collections.abc import Sequence
from typing import cast

import numpy as np
import pyarrow as pa
import pyarrow.compute
import torch
from numpy.typing import NDArray

from trainables.device import moved
from trainables.formats.base import Batch, FineTuning, Row, padded

Numbers = NDArray[np.int64]  # of rows

_POOL = 50  # batches whose rows are sorted by length together: enough to fill them evenly, little enough to stay random


def lengths_of(table: pa.Table) -> Numbers:
    """Tokens per row, (rows,)."""
    return cast(Numbers, pa.compute.list_value_length(table["input_ids"]).to_numpy())


def training_batches(lengths: Numbers, batch_size: int, epochs: float, seed: int) -> list[Numbers]:
    """The row numbers of every batch of a training, in order: a function of the arguments alone.

    Each epoch is shuffled anew; within pools of `_POOL` batches rows are bucketed by length, short ones first in their
    batch. A batch holds `batch_size` rows, but for one per epoch that holds what is left. A fractional last epoch is
    cut to that share of its batches.
    """
    batches: list[Numbers] = []
    for epoch in range(int(np.ceil(epochs))):
        rng = np.random.default_rng([seed, epoch])
        order = rng.permutation(len(lengths))
        of_epoch = [
            batch
            for pool in _pieces(order, batch_size * _POOL)
            for batch in _pieces(pool[np.argsort(lengths[pool], kind="stable")], batch_size)
        ]
        shuffled = [of_epoch[index] for index in rng.permutation(len(of_epoch))]
        share = min(1.0, epochs - epoch)
        batches.extend(shuffled[: max(1, round(share * len(shuffled)))])
    return batches


def _pieces(rows: Numbers, size: int) -> list[Numbers]:
    return [rows[start : start + size] for start in range(0, len(rows), size)]


def together(trainings: Sequence[Sequence[Numbers]], seed: int) -> list[tuple[int, Numbers]]:
    """The batches of several trainings in one random order, each with the number of its training.

    Every training keeps its own order, and every batch of all trainings is as likely as any other to come next. So is
    every row, whatever the size of its training's batches: this is sampling by examples in proportion to size (Phang
    et al. 2020) that sees each row as often as its epochs say. The authors' sampler draws a step's task by its examples
    whatever its batch holds, and so sees a task of half the batch half as often; that both then weigh by their examples
    is kept by `trainables.updates`, where a row weighs the same in a batch of any size.
    """
    whose = np.repeat(np.arange(len(trainings)), [len(batches) for batches in trainings])
    np.random.default_rng(seed).shuffle(whose)
    left = [iter(batches) for batches in trainings]
    return [(int(number), next(left[number])) for number in whose]


def scoring_batches(lengths: Numbers, batch_size: int, batch_tokens: int) -> list[Numbers]:
    """Every row once, sorted by length; a batch is of at most so many rows and padded tokens (or of one longer row)."""
    order = np.argsort(lengths, kind="stable")
    return [order[start:end] for start, end in cuts(lengths[order], batch_size, batch_tokens)]


def cuts(lengths: Sequence[int] | Numbers, rows: int, tokens: int) -> list[tuple[int, int]]:
    """Where sorted rows are cut, so that a piece has at most so many rows and padded tokens, or is one longer row."""
    found, start = [], 0
    for end in range(1, len(lengths) + 1):
        # Rows come sorted, so the next row is the longest and sets the width.
        full = end - start >= rows or (end < len(lengths) and (end - start + 1) * lengths[end] > tokens)
        if full or end == len(lengths):
            found.append((start, end))
            start = end
    return found


def rows_at(table: pa.Table, numbers: Sequence[int] | Numbers) -> list[Row]:
    """Some rows as dictionaries."""
    # Row by row: `take` would first copy every chunk of a large table's lists into one.
    return pa.concat_tables([table.slice(int(number), 1) for number in numbers]).to_pylist()


def collate(rows: Sequence[Row], pad_token: int, device: torch.device) -> Batch:
    """Token ids and attention mask (rows, width), padded to the longest row."""
    width = max(len(row["input_ids"]) for row in rows)
    ids = padded(rows, "input_ids", -1, width)
    mask = (ids != -1).long()
    batch = {"input_ids": ids.masked_fill(ids == -1, pad_token), "attention_mask": mask}
    if "token_type_ids" in rows[0]:
        batch["token_type_ids"] = padded(rows, "token_type_ids", 0, width)
    return moved(batch, device)


def collate_for_loss(rows: Sequence[Row], form: FineTuning, device: torch.device) -> Batch:
    """A batch with the targets that the format's loss needs."""
    batch = collate(form.sequences(rows), cast(int, form.tokenizer.pad_token_id), device)
    return batch | moved(form.targets(rows, batch["input_ids"].shape[1]), device)
