"""Optimizer steps over a stage's batches.

AdamW without decay on biases and norms, linear warm-up and decay, gradient clipping (Phang et al. 2020's settings by
default). Where a batch does not fit into the device's memory it goes through in parts, with the same effect.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa
import torch
from torch import Tensor, nn

from spaces.errors import UserError
from trainables.batches import Numbers, collate_for_loss, rows_at
from trainables.device import autocast, over_all_gpus
from trainables.encoder import FineTuned
from trainables.formats import FineTuning
from trainables.formats.base import Row
from trainables.stages import TrainSet, TrainStage


@dataclass(frozen=True)
class Subject:
    """What is learnt from one training set: its format, and the encoded rows of train and dev."""

    form: FineTuning
    rows: pa.Table
    dev_rows: pa.Table


@dataclass
class Updates:
    """The steps of a whole training, one batch a step: the number of a subject, and of rows of it.

    `parts` is how many parts of a batch go through the device one after the other; it doubles when memory runs out.
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

    def take(self, step: int) -> Tensor:
        """One update; the batch's mean loss, still on the device.

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
                losses = [self._gradients_of(part, number, len(part) / len(rows)) for part in self._split(rows)]
                return torch.stack(losses).sum()
            except torch.OutOfMemoryError:
                self._halve(len(rows), self.stage.sets[number])

    def _gradients_of(self, rows: Sequence[Row], number: int, weight: float) -> Tensor:
        form = self.subjects[number].form
        batch = collate_for_loss(rows, form, self.device)
        with autocast(self.device, self.model.encoder.config.hidden_size):
            loss = form.loss(self._logits(batch, number), batch) * weight
        loss.backward()
        return loss.detach()

    def _split(self, rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
        size = -(-len(rows) // self.parts)
        return (rows[start : start + size] for start in range(0, len(rows), size))

    def _halve(self, rows: int, of: TrainSet) -> None:
        self.optimizer.zero_grad(set_to_none=True)  # what the parts before have left
        if self.parts >= rows:
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
