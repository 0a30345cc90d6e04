"""Runs a fine-tuned encoder over a split: one prediction per example."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, cast

import pyarrow as pa
import torch

from trainables.batches import collate, lengths_of, rows_at, scoring_batches
from trainables.encoder import FineTuned
from trainables.examples import Examples
from trainables.formats import FineTuning
from trainables.formats.base import Row

_TIMES_TRAINING = 4  # no gradients are kept, so batches may be larger than in training


def predict(model: FineTuned, form: FineTuning, examples: Examples, rows: pa.Table, head: int = 0) -> list[Any]:
    """Predictions of all examples, in their order. `rows` is `form.encode(examples)`."""
    return form.merge(examples, parts_of(model, form, examples, rows, head))


def parts_of(model: FineTuned, form: FineTuning, examples: Examples, rows: pa.Table, head: int = 0) -> list[list[Any]]:
    """What `form.decode` made of the rows of every example, in their order."""
    settings = form.settings
    parts: dict[int, list[tuple[int, Any]]] = defaultdict(list)
    numbers = rows["example"].to_numpy()
    batches = scoring_batches(
        lengths_of(rows), settings.batch_size * _TIMES_TRAINING, settings.batch_tokens * _TIMES_TRAINING
    )
    model.eval()
    with torch.inference_mode():
        for chosen in batches:
            for row, part in zip(chosen, _decoded(model, form, rows_at(rows, chosen), head), strict=True):
                parts[int(numbers[row])].append((int(row), part))
    return [[part for _, part in sorted(parts[n], key=lambda pair: pair[0])] for n in range(len(examples))]


def _decoded(model: FineTuned, form: FineTuning, rows: Sequence[Row], head: int) -> list[Any]:
    """Partial predictions of some rows, in halves where the device's memory does not hold them at once."""
    try:
        batch = collate(form.sequences(rows), cast(int, form.tokenizer.pad_token_id), _device(model))
        return form.decode(model(batch, head), rows)
    except torch.OutOfMemoryError:
        if len(rows) == 1:
            raise
    half = len(rows) // 2
    return [*_decoded(model, form, rows[:half], head), *_decoded(model, form, rows[half:], head)]


def _device(model: FineTuned) -> torch.device:
    return next(model.parameters()).device
