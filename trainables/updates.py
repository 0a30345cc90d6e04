"""Optimizer steps over a stage's batches.

AdamW without decay on biases and norms, linear warm-up and decay, gradient clipping (Phang et al. 2020's settings by
default). A batch goes through the device in parts where it has more tokens than `batch_tokens` or than memory holds,
with the same effect: a loss is a sum over rows, each of which weighs the same in any part and any batch.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa
import torch
from torch import Tensor, nn

from spaces.errors import UserError
from trainables.batches import Numbers, collate_for_loss, cuts, rows_at
from trainables.device import autocast, over_all_gpus
from trainables.encoder import FineTuned
from trainables.formats import FineTuning
from trainables.formats.base import Row
from trainables.stages import TrainStage


@dataclass(frozen=True)
class Subject:
    """What is learnt from one training set: its format, and the encoded rows of train and dev."""

    form: FineTuning
    rows: pa.Table
    dev_rows: pa.Table


@dataclass
class Updates:
    """The steps of a whole training, one batch a step: the number of a subject, and of rows of it.

    `parts` is in how many parts what `batch_tokens` lets through at once goes; it doubles when memory runs out.
    """

    stage: TrainStage
    model: FineTuned
    subjects: Sequence[Subject]
    batches: Sequence[tuple[int, Numbers]]
    device: torch.device
    parts: int = 1

    def __post_init__(self) -> None:
        self.optimizer = _adamw(self.model, self.stage)
        self._logits = over_all_gpus(self.model, self.device)
        terms = [subject.form.terms(subject.rows) for subject in self.subjects]
        self._means = [float(of_rows.mean()) for of_rows in terms]  # over a whole training set, so that parts are exact
        self._weights = [of_rows / mean for of_rows, mean in zip(terms, self._means, strict=True)]
        # One size for all: a smaller batch, the last of an epoch or another task's, moves the weights by less, or its
        # rows would weigh more than others.
        self._batch_size = max(one.settings.batch_size for one in self.stage.sets)

    def weight(self, start: int, stop: int) -> float:
        """What the rows of some steps weigh, a row 1 on average: the sum of their losses over it is a mean loss."""
        weights = (self._weights[number][chosen].sum() for number, chosen in self.batches[start:stop])
        return float(sum(weights)) or 1.0  # where none of the rows has anything to learn

    def take(self, step: int) -> Tensor:
        """One update; the sum of what the batch's rows lost, still on the device.

        Raises `UserError` where not even a single example fits into memory.
        """
        share = learning_rate_share(step, len(self.batches), self.stage.settings.warmup)
        for group in self.optimizer.param_groups:
            group["lr"] = self.stage.learning_rate * share
        number, chosen = self.batches[step]
        loss = self._gradients(rows_at(self.subjects[number].rows, chosen), number)
        nn.utils.clip_grad_norm_(self.model.parameters(), self.stage.settings.clip)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        return loss

    def _gradients(self, rows: Sequence[Row], number: int) -> Tensor:
        while True:
            try:
                return torch.stack([self._gradients_of(part, number) for part in self._split(rows, number)]).sum()
            except torch.OutOfMemoryError:
                self._halve(rows, number)

    def _gradients_of(self, rows: Sequence[Row], number: int) -> Tensor:
        form = self.subjects[number].form
        batch = collate_for_loss(rows, form, self.device)
        with autocast(self.device, self.model.encoder.config.hidden_size):
            loss = form.loss(self._logits(batch, number), batch).sum() / self._means[number]
        (loss / self._batch_size).backward()
        return loss.detach()

    def _split(self, rows: Sequence[Row], number: int) -> Iterator[Sequence[Row]]:
        for start, end in self._cuts(rows, number):
            size = -(-(end - start) // self.parts)
            yield from (rows[first : min(first + size, end)] for first in range(start, end, size))

    def _cuts(self, rows: Sequence[Row], number: int) -> list[tuple[int, int]]:
        lengths = [len(row["input_ids"]) for row in rows]
        return cuts(lengths, len(rows), self.stage.sets[number].settings.batch_tokens)

    def _halve(self, rows: Sequence[Row], number: int) -> None:
        self.optimizer.zero_grad(set_to_none=True)  # what the parts before have left
        if self.parts >= max(end - start for start, end in self._cuts(rows, number)):
            of = self.stage.sets[number]
            raise UserError(
                f"{of.task}: the memory of {self.device} does not hold a single example; lower max_length "
                f"(now {of.settings.max_length}) or take a smaller model"
            )
        self.parts *= 2
        if self.device.type == "cuda":
            torch.cuda.empty_cache()


def learning_rate_share(step: int, steps: int, warmup: float) -> float:
    """The share of the peak learning rate at a step (from 0): linear up over `warmup` of the steps, linear to 0."""
    rising = max(1, round(steps * warmup))
    if step < rising:
        return (step + 1) / rising
    return (steps - step) / max(1, steps - rising)


def _adamw(model: nn.Module, stage: TrainStage) -> torch.optim.AdamW:
    decayed: list[nn.Parameter] = []
    plain: list[nn.Parameter] = []
    for name, parameter in model.named_parameters():
        # Biases and norms are vectors; matrices are what weight decay is for.
        (plain if parameter.ndim < 2 or "norm" in name.lower() else decayed).append(parameter)
    groups = [{"params": decayed, "weight_decay": stage.settings.weight_decay}, {"params": plain, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=stage.learning_rate, eps=1e-8, fused=True)
