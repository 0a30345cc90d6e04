"""Optimizer steps over a stage's batches.

AdamW without decay on biases and norms, linear warm-up and decay, gradient clipping (Phang et al. 2020's settings by
default). Where a batch does not fit into the device's memory it goes through in parts, with the same effect.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from spaces.errors import UserError
from trainables.batches import collate_for_loss, rows_at
from trainables.device import autocast
from trainables.encoder import FineTuned
from trainables.formats import FineTuning
from trainables.formats.base import Row
from trainables.stages import TrainStage


@dataclass
class Updates:
    """The steps of a whole training: `batches` are row numbers of `rows`, one batch a step.

    `parts` is how many parts of a batch go through the device one after the other; it doubles when memory runs out.
    """

    stage: TrainStage
    model: FineTuned
    form: FineTuning
    rows: pa.Table
    batches: list[NDArray[np.int64]]
    device: torch.device
    parts: int = 1

    def __post_init__(self) -> None:
        self.optimizer = _adamw(self.model, self.stage)

    def take(self, step: int) -> Tensor:
        """One update; the batch's mean loss, still on the device.

        Raises `UserError` where not even a single example fits into memory.
        """
        share = learning_rate_share(step, len(self.batches), self.stage.settings.warmup)
        for group in self.optimizer.param_groups:
            group["lr"] = self.stage.learning_rate * share
        loss = self._gradients(rows_at(self.rows, self.batches[step]))
        nn.utils.clip_grad_norm_(self.model.parameters(), self.stage.settings.clip)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        return loss

    def _gradients(self, rows: Sequence[Row]) -> Tensor:
        while True:
            try:
                losses = [self._gradients_of(part, len(part) / len(rows)) for part in self._split(rows)]
                return torch.stack(losses).sum()
            except torch.OutOfMemoryError:
                self._halve(len(rows))

    def _gradients_of(self, rows: Sequence[Row], weight: float) -> Tensor:
        batch = collate_for_loss(rows, self.form, self.device)
        with autocast(self.device, self.model.encoder.config.hidden_size):
            loss = self.form.loss(self.model(batch), batch) * weight
        loss.backward()
        return loss.detach()

    def _split(self, rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
        size = -(-len(rows) // self.parts)
        return (rows[start : start + size] for start in range(0, len(rows), size))

    def _halve(self, rows: int) -> None:
        self.optimizer.zero_grad(set_to_none=True)  # what the parts before have left
        if self.parts >= rows:
            raise UserError(
                f"{self.stage.task}: the memory of {self.device} does not hold a single example; lower max_length "
                f"(now {self.stage.settings.max_length}) or take a smaller model"
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
