"""Trains one stage: the parent's encoder with a new head on a task's English examples.

AdamW without decay on biases and norms, linear warm-up and decay, gradient clipping (Phang et al. 2020's settings by
default). English dev is scored at set intervals and the best weights are kept. Every interval leaves a snapshot in the
store, from which the stage goes on with the same batches, should it be cut short.
"""

import math
import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from spaces import TASKS
from spaces.space import Training
from spaces.tasks import Split
from trainables.batches import collate_for_loss, lengths_of, rows_at, training_batches
from trainables.device import autocast
from trainables.encoded import encoding, lengths_told
from trainables.encoder import FineTuned
from trainables.events import Evaluated, Prepared, Progressed
from trainables.formats import FINE_TUNING, FineTuning
from trainables.predicting import predict
from trainables.stages import TrainStage
from trainables.weights import (
    ENCODER_FILE,
    HEAD_FILE,
    copy_of,
    part,
    random_state,
    read_tensors,
    restore_random_state,
    to_bytes,
    under,
)
from trainables.workbench import Workbench

_SNAPSHOT_FILE = "state.safetensors"
_TELL_SECONDS = 3.0


class Diverged(Exception):
    """The loss is no number any more; the same stage would end so again."""


@dataclass(frozen=True)
class _Trainer:
    """What takes steps: the model, its optimizer, and the batches of the whole training."""

    model: FineTuned
    optimizer: torch.optim.AdamW
    form: FineTuning
    rows: pa.Table
    batches: list[NDArray[np.int64]]


@dataclass
class _Course:
    """How far a training has come."""

    step: int = 0
    seconds: float = 0.0
    history: list[dict[str, Any]] = field(default_factory=list)
    best: dict[str, Tensor] = field(default_factory=dict)

    @property
    def best_dev(self) -> float:
        return max((point["dev"] for point in self.history), default=-math.inf)


def train(stage: TrainStage, bench: Workbench) -> Iterator[Evaluated | Progressed | Prepared]:
    """Runs the stage to its end and publishes it, yielding at every evaluation on English dev and every few seconds.

    The record: `history` (step, steps, examples, loss, dev), `examples` trained, `inputs` (`lengths_told` of train and
    dev) and `seconds`. Raises `Diverged`, and `MissingParent` when the parent has to be computed first.
    """
    form = fine_tuning(stage, bench)
    rows = yield from _prepared(stage, form, bench, "train", stage.settings.examples)
    dev_rows = yield from _prepared(stage, form, bench, "dev", stage.settings.dev_examples)
    encoder = bench.encoder_after(stage.parent)
    torch.manual_seed(stage.seed)  # after the encoder was loaded, which may draw numbers too
    model = FineTuned(encoder, form.outputs, form.pools, stage.settings.dropout)
    model = model.to(bench.device)
    optimizer = _optimizer(model, stage)
    course = _go_on(stage, bench, model, optimizer)

    settings = stage.settings
    batches = training_batches(
        lengths_of(rows), settings.batch_size, settings.batch_tokens, settings.epochs, stage.seed
    )
    trainer = _Trainer(model, optimizer, form, rows, batches)
    stops = evaluation_steps(len(batches), settings)
    for stop in (stop for stop in stops if stop > course.step):
        began = time.perf_counter()
        loss = yield from _advance(stage, bench, trainer, course.step, stop)
        dev = _dev_score(trainer, dev_rows, stage, bench)
        trained = stage.examples_by(stop, len(batches))
        point = {"step": stop, "steps": len(batches), "examples": trained, "loss": loss, "dev": dev}
        if dev > course.best_dev:
            course.best = copy_of(model)
        course.history.append(point)
        course.step = stop
        course.seconds += time.perf_counter() - began
        if stop < len(batches):
            _save_snapshot(stage, bench, model, optimizer, course)
            yield Evaluated(stage.key, stop, len(batches), trained, loss, dev)
    _publish(stage, bench, course, {"train": lengths_told(rows), "dev": lengths_told(dev_rows)})
    last = course.history[-1]
    yield Evaluated(stage.key, last["step"], last["steps"], last["examples"], last["loss"], last["dev"])


def fine_tuning(stage: TrainStage, bench: Workbench) -> FineTuning:
    """The stage's format, bound to its task."""
    task = TASKS[stage.task]
    return FINE_TUNING[task.format](task, stage.labels, stage.settings, bench.tokenizer)


def evaluation_steps(steps: int, settings: Training) -> list[int]:
    """The steps after which English dev is scored: even parts or set intervals, the last at the end."""
    if settings.evaluate_every is not None:
        return [*range(settings.evaluate_every, steps, settings.evaluate_every), steps]
    parts = settings.evaluations
    return sorted({max(1, round(steps * index / parts)) for index in range(1, parts + 1)})


def learning_rate_share(step: int, steps: int, warmup: float) -> float:
    """The share of the peak learning rate at a step (from 0): linear up over `warmup` of the steps, linear to 0."""
    rising = max(1, round(steps * warmup))
    if step < rising:
        return (step + 1) / rising
    return (steps - step) / max(1, steps - rising)


def _optimizer(model: nn.Module, stage: TrainStage) -> torch.optim.AdamW:
    decayed: list[nn.Parameter] = []
    plain: list[nn.Parameter] = []
    for name, parameter in model.named_parameters():
        # Biases and norms are vectors; matrices are what weight decay is for.
        (plain if parameter.ndim < 2 or "norm" in name.lower() else decayed).append(parameter)
    groups = [{"params": decayed, "weight_decay": stage.settings.weight_decay}, {"params": plain, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=stage.learning_rate, eps=1e-8, fused=True)


def _advance(
    stage: TrainStage, bench: Workbench, trainer: _Trainer, start: int, stop: int
) -> Generator[Progressed, None, float]:
    """Trains from one evaluation to the next, yielding every few seconds; the mean loss. Raises `Diverged`."""
    trainer.model.train()
    steps = len(trainer.batches)
    total = torch.zeros((), device=bench.device)
    told = time.monotonic()
    for step in range(start, stop):
        total += _step(stage, bench, trainer, step)
        if time.monotonic() - told > _TELL_SECONDS:
            told = time.monotonic()
            yield Progressed(stage.key, step + 1, steps, stage.examples_by(step + 1, steps))
    mean = float(total) / (stop - start)
    if not math.isfinite(mean):
        raise Diverged(f"{stage.task} diverged before step {stop}: its loss is {mean} at rate {stage.learning_rate:g}")
    return mean


def _step(stage: TrainStage, bench: Workbench, trainer: _Trainer, step: int) -> Tensor:
    """One update; the loss, still on the device."""
    share = learning_rate_share(step, len(trainer.batches), stage.settings.warmup)
    for group in trainer.optimizer.param_groups:
        group["lr"] = stage.learning_rate * share
    batch = collate_for_loss(rows_at(trainer.rows, trainer.batches[step]), trainer.form, bench.device)
    with autocast(bench.device, trainer.model.encoder.config.hidden_size):
        loss = trainer.form.loss(trainer.model(batch), batch)
    loss.backward()
    nn.utils.clip_grad_norm_(trainer.model.parameters(), stage.settings.clip)
    trainer.optimizer.step()
    trainer.optimizer.zero_grad(set_to_none=True)
    return loss.detach()


def _prepared(
    stage: TrainStage, form: FineTuning, bench: Workbench, split: Split, cap: int | None
) -> Generator[Prepared, None, pa.Table]:
    """The encoded rows of a split; where they have to be made first, yields how far that has come."""
    examples = bench.data.examples(TASKS[stage.task], split, "en", cap)
    steps = encoding(examples, form, bench.tokenizer_digest, bench.cache)
    told = time.monotonic()
    while True:
        try:
            done = next(steps)
        except StopIteration as end:
            return end.value
        if time.monotonic() - told > _TELL_SECONDS:
            told = time.monotonic()
            yield Prepared(stage.key, done, len(examples))


def _dev_score(trainer: _Trainer, rows: pa.Table, stage: TrainStage, bench: Workbench) -> float:
    examples = bench.data.examples(TASKS[stage.task], "dev", "en", stage.settings.dev_examples)
    return trainer.form.score(examples, predict(trainer.model, trainer.form, examples, rows)).value


def _save_snapshot(
    stage: TrainStage, bench: Workbench, model: nn.Module, optimizer: torch.optim.Optimizer, course: _Course
) -> None:
    moments = {
        f"{index}.{name}": value
        for index, state in optimizer.state_dict()["state"].items()
        for name, value in state.items()
    }
    tensors = (
        under("model.", copy_of(model))
        | under("best.", course.best)
        | under("optimizer.", moments)
        | under("random.", random_state(bench.device))
    )
    record = {"step": course.step, "seconds": course.seconds, "history": course.history}
    bench.store.save_snapshot(stage.key, record, {_SNAPSHOT_FILE: to_bytes(tensors)})


def _go_on(stage: TrainStage, bench: Workbench, model: nn.Module, optimizer: torch.optim.AdamW) -> _Course:
    """Puts model, optimizer and generators where the last snapshot left them; a fresh course without one."""
    snapshot = bench.store.snapshot(stage.key)
    if snapshot is None:
        return _Course()
    tensors = read_tensors(snapshot.path(_SNAPSHOT_FILE))
    model.load_state_dict(part(tensors, "model."))
    moments: dict[int, dict[str, Tensor]] = {}
    for name, value in part(tensors, "optimizer.").items():
        index, moment = name.split(".", 1)
        moments.setdefault(int(index), {})[moment] = value
    optimizer.load_state_dict(optimizer.state_dict() | {"state": moments})
    restore_random_state(part(tensors, "random."))
    record = snapshot.record
    return _Course(record["step"], record["seconds"], record["history"], part(tensors, "best."))


def _publish(stage: TrainStage, bench: Workbench, course: _Course, told: dict[str, dict[str, int]]) -> None:
    record = {
        "stage": "train",
        "task": stage.task,
        "learning_rate": stage.learning_rate,
        "seed": stage.seed,
        "parent": stage.parent,
        "history": course.history,
        "dev": course.best_dev,
        "examples": stage.examples,
        "inputs": told,
        "seconds": course.seconds,
        "device": str(bench.device),
    }
    files = {
        ENCODER_FILE: to_bytes(part(course.best, "encoder.")),
        HEAD_FILE: to_bytes(part(course.best, "head.")),
    }
    bench.store.publish(stage.key, record, files)
