"""Trains one stage: the parent's encoder with a new head on a task's English examples, or with several on several's.

English dev is scored at set intervals and the best weights are kept. Every interval leaves a snapshot in the store,
from which the stage goes on with the same batches, should it be cut short.
"""

import math
import platform
import time
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any

import pyarrow as pa
import torch
from torch import Tensor

from spaces import TASKS
from spaces.tasks import Split
from spaces.training import Training
from trainables.batches import Numbers, lengths_of, together, training_batches
from trainables.encoded import encoding, lengths_told
from trainables.encoder import FineTuned
from trainables.events import Evaluated, Prepared, Progressed
from trainables.formats import FINE_TUNING, FineTuning
from trainables.groups import units_of
from trainables.planned_data import check_planned_data
from trainables.predicting import predict
from trainables.sampling import score_error
from trainables.stages import TrainSet, TrainStage
from trainables.updates import Subject, Updates
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
    """How far a training has come: to `step`, `losses` the sum of what its rows lost since the last evaluation."""

    step: int = 0
    losses: float = 0.0
    seconds: float = 0.0
    history: list[dict[str, Any]] = field(default_factory=list)
    best: dict[str, Tensor] = field(default_factory=dict)

    @property
    def evaluated(self) -> int:
        """The step of the last evaluation."""
        return self.history[-1]["step"] if self.history else 0

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

    def advanced(self, step: int, losses: float, seconds: float) -> None:
        """Takes in that the training has come to a step, on the way to an evaluation."""
        self.step, self.losses = step, losses
        self.seconds += seconds

    def add(self, point: dict[str, Any], model: FineTuned, seconds: float) -> None:
        """Takes an evaluation in; the model is kept where it is the best so far."""
        if point["dev"] > self.best_dev:
            self.best = copy_of(model)
        self.history.append(point)
        self.advanced(point["step"], 0.0, seconds)


def train(stage: TrainStage, bench: Workbench) -> Iterator[Evaluated | Progressed | Prepared]:
    """Runs the stage to its end and publishes it, yielding at every evaluation on English dev and every few seconds.

    Whoever closes it between two evaluations, as somebody does who stops the sweep, leaves a snapshot.

    The record: `history` (step, steps, examples, loss, dev, chance, error), `examples` trained (fewer than the stage's
    where patience ran out), `inputs` (`lengths_told` of train and dev), `parts_of_a_batch` (more than one where memory
    ran out) and `seconds`. Raises `Diverged`, and `MissingParent` when the parent has to be computed first.
    """
    check_planned_data(stage, bench.data)
    subjects = []
    for one in stage.sets:
        subjects.append((yield from _prepared(stage, one, bench)))
    encoder = bench.encoder_after(stage.parent)
    torch.manual_seed(stage.seed_of("head and dropout"))  # after the encoder was loaded, which may draw numbers too
    settings = stage.settings
    model = FineTuned(encoder, [subject.form.head for subject in subjects], settings.dropout)
    batches = batches_of(stage, [subject.rows for subject in subjects])
    updates = Updates(stage, model.to(bench.device), subjects, batches, bench.device)
    course = _go_on(stage, bench, updates)

    stops = evaluation_steps(len(batches), settings)
    for stop in (stop for stop in stops if stop > course.evaluated):
        began = time.perf_counter()
        loss = yield from _advance(stage, bench, updates, course, stop)
        course.add(_point(stage, bench, updates, stop, loss), model, time.perf_counter() - began)
        if course.rose:
            first = course.history[0]["loss"]
            raise Diverged(f"{stage.task} diverged by step {stop}: its loss rose from {first:.3g} to {loss:.3g}")
        if stop == len(batches) or course.evaluations_since_best >= (settings.patience or math.inf):
            break
        _save_snapshot(stage, bench, updates, course)
        yield _evaluated(stage, course)
    _publish(stage, bench, course, updates)
    yield _evaluated(stage, course)


def fine_tuning(of: TrainSet, bench: Workbench) -> FineTuning:
    """The format of a training set, bound to its task."""
    task = TASKS[of.task]
    return FINE_TUNING[task.format](task, of.labels, of.settings, bench.tokenizer)


def batches_of(stage: TrainStage, tables: Sequence[pa.Table]) -> list[tuple[int, Numbers]]:
    """The batches of a whole stage: each the number of a training set, and of some of its encoded rows."""
    trainings = []
    for number, (one, rows) in enumerate(zip(stage.sets, tables, strict=True)):
        how, seed = one.settings, stage.seed_of(f"batches of set {number}")
        trainings.append(training_batches(lengths_of(rows), how.batch_size, how.epochs, seed))
    return together(trainings, stage.seed_of("order of sets"))


def evaluation_steps(steps: int, settings: Training) -> list[int]:
    """The steps after which English dev is scored: even parts or set intervals, the last at the end."""
    if settings.evaluate_every is not None:
        return [*range(settings.evaluate_every, steps, settings.evaluate_every), steps]
    parts = settings.evaluations
    return sorted({max(1, round(steps * index / parts)) for index in range(1, parts + 1)})


def _advance(
    stage: TrainStage, bench: Workbench, updates: Updates, course: _Course, stop: int
) -> Generator[Progressed, None, float]:
    """Trains on to the next evaluation, yielding every few seconds; the mean loss since the last. Raises `Diverged`."""
    updates.model.train()
    steps = len(updates.batches)
    total = torch.tensor(course.losses, device=bench.device)
    began, told_step, told_total = time.monotonic(), course.step, course.losses
    told = began
    for step in range(course.step, stop):
        total += updates.take(step)
        if time.monotonic() - told > bench.news_seconds:
            done, losses = step + 1, _finite(total, stage, stop)  # this waits for the device, so it is for news only
            mean = (losses - told_total) / updates.weight(told_step, done)
            told, told_step, told_total = time.monotonic(), done, losses
            try:
                yield Progressed(stage.key, done, steps, stage.examples_by(done, steps), mean)
            except GeneratorExit:
                course.advanced(done, losses, told - began)
                _save_snapshot(stage, bench, updates, course)
                raise
    return _finite(total, stage, stop) / updates.weight(course.evaluated, stop)


def _finite(total: Tensor, stage: TrainStage, stop: int) -> float:
    """The sum of losses on the way to step `stop`; raises `Diverged` where it is no number."""
    loss = float(total)
    if not math.isfinite(loss):
        raise Diverged(f"{stage.task} diverged before step {stop}: its loss is {loss} at rate {stage.learning_rate:g}")
    return loss


def _prepared(stage: TrainStage, of: TrainSet, bench: Workbench) -> Generator[Prepared, None, Subject]:
    """A training set ready to train on; where rows have to be encoded first, yields how far that has come."""
    form = fine_tuning(of, bench)
    rows = yield from _encoded(stage, of.task, form, bench, "train", of.settings.examples)
    dev_rows = yield from _encoded(stage, of.task, form, bench, "dev", of.settings.dev_examples)
    return Subject(form, rows, dev_rows)


def _encoded(
    stage: TrainStage, task: str, form: FineTuning, bench: Workbench, split: Split, cap: int | None
) -> Generator[Prepared, None, pa.Table]:
    examples = bench.data.examples(TASKS[task], split, "en", cap)
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


def _point(stage: TrainStage, bench: Workbench, updates: Updates, stop: int, loss: float) -> dict[str, Any]:
    """What is known after step `stop`: `loss` since the last time, and English dev with its chance and error."""
    steps = len(updates.batches)
    trained = {"step": stop, "steps": steps, "examples": stage.examples_by(stop, steps), "loss": loss}
    return trained | _mean([_on_dev(stage, bench, updates, head) for head in range(len(stage.sets))])


def _on_dev(stage: TrainStage, bench: Workbench, updates: Updates, head: int) -> tuple[float, float, float]:
    """English dev of one of the sets: score, chance, and the score's standard error over the examples."""
    of, subject = stage.sets[head], updates.subjects[head]
    examples = bench.data.examples(TASKS[of.task], "dev", "en", of.settings.dev_examples)
    scores = subject.form.score(examples, predict(updates.model, subject.form, examples, subject.dev_rows, head))
    return scores.value, scores.chance, score_error(units_of({"en": (examples, scores.points)}))


def _mean(on_dev: Sequence[tuple[float, float, float]]) -> dict[str, float]:
    """English dev over all tasks that are trained together: the plain mean (Phang et al. 2020)."""
    values, chances, errors = zip(*on_dev, strict=True)
    return {"dev": fmean(values), "chance": fmean(chances), "error": math.hypot(*errors) / len(errors)}


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
    record = {
        "step": course.step,
        "losses": course.losses,
        "examples": stage.examples_by(course.step, len(updates.batches)),
        "seconds": course.seconds,
        "history": course.history,
    }
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
    return _Course(
        record["step"], record.get("losses", 0.0), record["seconds"], record["history"], part(tensors, "best.")
    )


def _publish(stage: TrainStage, bench: Workbench, course: _Course, updates: Updates) -> None:
    told = {
        "train": _sum([lengths_told(subject.rows) for subject in updates.subjects]),
        "dev": _sum([lengths_told(subject.dev_rows) for subject in updates.subjects]),
    }
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
        "parts_of_a_batch": updates.parts,
        "seconds": course.seconds,
        "device": str(bench.device),
        "host": platform.node(),
    }
    files = {
        ENCODER_FILE: to_bytes(part(course.best, "encoder.")),
        HEAD_FILE: to_bytes(_heads(stage, part(course.best, "heads."))),
    }
    bench.store.publish(stage.key, record, files)


def _heads(stage: TrainStage, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The head's weights; of several heads each under its task's name."""
    if len(stage.sets) == 1:
        return part(tensors, "0.")
    named = [under(f"{one.task}.", part(tensors, f"{head}.")) for head, one in enumerate(stage.sets)]
    return {name: tensor for weights in named for name, tensor in weights.items()}


def _sum(told: Sequence[dict[str, int]]) -> dict[str, int]:
    return {name: sum(one[name] for one in told) for name in told[0]}
