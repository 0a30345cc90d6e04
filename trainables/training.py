"""Trains one stage: the parent's encoder with a new head on a task's English examples.

English dev is scored at set intervals and the best weights are kept. Every interval leaves a snapshot in the store,
from which the stage goes on with the same batches, should it be cut short.
"""

import math
import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import torch
from torch import Tensor

from spaces import TASKS
from spaces.tasks import Split
from spaces.training import Training
from trainables.batches import lengths_of, training_batches
from trainables.encoded import encoding, lengths_told
from trainables.encoder import FineTuned
from trainables.events import Evaluated, Prepared, Progressed
from trainables.formats import FINE_TUNING, FineTuning
from trainables.predicting import predict
from trainables.stages import TrainStage
from trainables.updates import Updates
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
_FAR_ABOVE = 3.0  # times the mean loss of the first part


class Diverged(Exception):
    """The loss is no number any more, or far above where it began; the same stage would end so again."""


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

    @property
    def evaluations_since_best(self) -> int:
        devs = [point["dev"] for point in self.history]
        return len(devs) - 1 - devs.index(max(devs))

    @property
    def rose(self) -> bool:
        """Whether the loss has risen far above where it began."""
        return self.history[-1]["loss"] > _FAR_ABOVE * self.history[0]["loss"]

    def add(self, point: dict[str, Any], model: FineTuned, seconds: float) -> None:
        """Takes an evaluation in; the model is kept where it is the best so far."""
        if point["dev"] > self.best_dev:
            self.best = copy_of(model)
        self.history.append(point)
        self.step = point["step"]
        self.seconds += seconds


def train(stage: TrainStage, bench: Workbench) -> Iterator[Evaluated | Progressed | Prepared]:
    """Runs the stage to its end and publishes it, yielding at every evaluation on English dev and every few seconds.

    The record: `history` (step, steps, examples, loss, dev, chance, error), `examples` trained (fewer than the stage's
    where patience ran out), `inputs` (`lengths_told` of train and dev), `parts_of_a_batch` (more than one where memory
    ran out) and `seconds`. Raises `Diverged`, and `MissingParent` when the parent has to be computed first.
    """
    form = fine_tuning(stage, bench)
    rows = yield from _prepared(stage, form, bench, "train", stage.settings.examples)
    dev_rows = yield from _prepared(stage, form, bench, "dev", stage.settings.dev_examples)
    encoder = bench.encoder_after(stage.parent)
    torch.manual_seed(stage.seed)  # after the encoder was loaded, which may draw numbers too
    model = FineTuned(encoder, form.outputs, form.pools, stage.settings.dropout)
    settings = stage.settings
    batches = training_batches(
        lengths_of(rows), settings.batch_size, settings.batch_tokens, settings.epochs, stage.seed
    )
    updates = Updates(stage, model.to(bench.device), form, rows, batches, bench.device)
    course = _go_on(stage, bench, updates)

    stops = evaluation_steps(len(batches), settings)
    for stop in (stop for stop in stops if stop > course.step):
        began = time.perf_counter()
        loss = yield from _advance(stage, bench, updates, course.step, stop)
        course.add(_point(stage, bench, updates, dev_rows, stop, loss), model, time.perf_counter() - began)
        if course.rose:
            first = course.history[0]["loss"]
            raise Diverged(f"{stage.task} diverged by step {stop}: its loss rose from {first:.3g} to {loss:.3g}")
        if stop == len(batches) or course.evaluations_since_best >= (settings.patience or math.inf):
            break
        _save_snapshot(stage, bench, updates, course)
        yield _evaluated(stage, course)
    _publish(stage, bench, course, {"train": lengths_told(rows), "dev": lengths_told(dev_rows)}, updates.parts)
    yield _evaluated(stage, course)


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


def _advance(
    stage: TrainStage, bench: Workbench, updates: Updates, start: int, stop: int
) -> Generator[Progressed, None, float]:
    """Trains from one evaluation to the next, yielding every few seconds; the mean loss. Raises `Diverged`."""
    updates.model.train()
    steps = len(updates.batches)
    total = torch.zeros((), device=bench.device)
    told, told_step, told_total = time.monotonic(), start, 0.0
    for step in range(start, stop):
        total += updates.take(step)
        if time.monotonic() - told > bench.news_seconds:
            done, loss = step + 1, _finite(total, stage, stop)  # this waits for the device, so it is for news only
            mean = (loss - told_total) / (done - told_step)
            told, told_step, told_total = time.monotonic(), done, loss
            yield Progressed(stage.key, done, steps, stage.examples_by(done, steps), mean)
    return _finite(total, stage, stop) / (stop - start)


def _finite(total: Tensor, stage: TrainStage, stop: int) -> float:
    """The sum of losses on the way to step `stop`; raises `Diverged` where it is no number."""
    loss = float(total)
    if not math.isfinite(loss):
        raise Diverged(f"{stage.task} diverged before step {stop}: its loss is {loss} at rate {stage.learning_rate:g}")
    return loss


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
        if time.monotonic() - told > bench.news_seconds:
            told = time.monotonic()
            yield Prepared(stage.key, done, len(examples))


def _point(
    stage: TrainStage, bench: Workbench, updates: Updates, dev_rows: pa.Table, stop: int, loss: float
) -> dict[str, Any]:
    """What is known after step `stop`: `loss` since the last time, and English dev with its chance and error."""
    examples = bench.data.examples(TASKS[stage.task], "dev", "en", stage.settings.dev_examples)
    dev = updates.form.score(examples, predict(updates.model, updates.form, examples, dev_rows))
    steps = len(updates.batches)
    trained = {"step": stop, "steps": steps, "examples": stage.examples_by(stop, steps), "loss": loss}
    return trained | {"dev": dev.value, "chance": dev.chance, "error": dev.error}


def _evaluated(stage: TrainStage, course: _Course) -> Evaluated:
    return Evaluated(stage.key, **course.history[-1])


def _save_snapshot(stage: TrainStage, bench: Workbench, updates: Updates, course: _Course) -> None:
    moments = {
        f"{index}.{name}": value
        for index, state in updates.optimizer.state_dict()["state"].items()
        for name, value in state.items()
    }
    tensors = (
        under("model.", copy_of(updates.model))
        | under("best.", course.best)
        | under("optimizer.", moments)
        | under("random.", random_state(bench.device))
    )
    record = {"step": course.step, "seconds": course.seconds, "history": course.history}
    bench.store.save_snapshot(stage.key, record, {_SNAPSHOT_FILE: to_bytes(tensors)})


def _go_on(stage: TrainStage, bench: Workbench, updates: Updates) -> _Course:
    """Puts model, optimizer and generators where the last snapshot left them; a fresh course without one."""
    snapshot = bench.store.snapshot(stage.key)
    if snapshot is None:
        return _Course()
    tensors = read_tensors(snapshot.path(_SNAPSHOT_FILE))
    updates.model.load_state_dict(part(tensors, "model."))
    moments: dict[int, dict[str, Tensor]] = {}
    for name, value in part(tensors, "optimizer.").items():
        index, moment = name.split(".", 1)
        moments.setdefault(int(index), {})[moment] = value
    updates.optimizer.load_state_dict(updates.optimizer.state_dict() | {"state": moments})
    restore_random_state(part(tensors, "random."))
    record = snapshot.record
    return _Course(record["step"], record["seconds"], record["history"], part(tensors, "best."))


def _publish(stage: TrainStage, bench: Workbench, course: _Course, told: dict[str, dict[str, int]], parts: int) -> None:
    record = {
        "stage": "train",
        "task": stage.task,
        "learning_rate": stage.learning_rate,
        "seed": stage.seed,
        "parent": stage.parent,
        "history": course.history,
        "dev": course.best_dev,
        "examples": course.history[-1]["examples"],
        "inputs": told,
        "parts_of_a_batch": parts,
        "seconds": course.seconds,
        "device": str(bench.device),
    }
    files = {
        ENCODER_FILE: to_bytes(part(course.best, "encoder.")),
        HEAD_FILE: to_bytes(part(course.best, "head.")),
    }
    bench.store.publish(stage.key, record, files)
