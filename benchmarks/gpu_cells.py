"""One format at one size of encoder: trained, scored and handed over as in a trial, and measured."""

import math
import resource
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from cued import CuedSource, save_tokenizer
from numpy.typing import NDArray
from transformers import XLMRobertaConfig, XLMRobertaModel
from transformers.utils import logging

from spaces import TASKS, Format, Role, Task, Training
from spaces.encoders import Shape
from trainables.batches import rows_at
from trainables.encoded import encoded
from trainables.events import Event, Failed, Progressed, Scored
from trainables.examples import Data, Examples
from trainables.formats import FineTuning
from trainables.stages import ScoreStage, Stage, TrainSet, TrainStage, set_to_score, texts_to_read
from trainables.store import Store
from trainables.training import batches_of, fine_tuning, train
from trainables.trial_run import run_trial
from trainables.weights import ENCODER_FILE, copy_of, to_bytes
from trainables.workbench import Workbench

LANGUAGES = ("de", "ru")  # the first warms scoring up
NEWS_IN_A_TRAINING = 10
_PASSES_IN_TRAINING = 3  # forward, and backward at twice its price

News = Sequence[tuple[float, Event]]  # events and when they came, in seconds


@dataclass(frozen=True)
class Size:
    """An encoder, the rate it learns at from random weights, and how many rows training and held-out sets have."""

    name: str
    shape: Shape
    heads: int
    vocabulary: int
    learning_rate: float
    rows: int
    held_out: int


@dataclass(frozen=True)
class Rate:
    """Work per second: examples, tokens that are not padding, and the floating-point operations that those need."""

    examples: float
    tokens: float
    flop: float


@dataclass(frozen=True)
class Cell:
    """What was measured. `training`, `losses`: None where nothing is trained; `scoring`: None where no test set is.

    `losses` are the means of the first and the last news, `score` and `chance` the second language's, or English dev's.
    `memory` is the most that the device held (without one: the process), in bytes. `publish` and `read_back` are the
    seconds in which an encoder goes into the store and comes back as the next stage's.
    """

    size: str
    task: str
    format: Format
    training: Rate | None
    scoring: Rate | None
    losses: tuple[float, float] | None
    score: float
    chance: float | None
    memory: int
    publish: float
    read_back: float
    seconds: float

    @property
    def works(self) -> bool:
        """Whether the loss fell; where nothing is trained, whether the score beats chance."""
        if self.losses is None:
            return self.score > (self.chance or 0.0)
        return math.isfinite(self.losses[1]) and self.losses[1] < self.losses[0]


def workbench(size: Size, device: torch.device, folder: Path) -> Workbench:
    """A bench with a random encoder and generated examples."""
    config = XLMRobertaConfig(
        vocab_size=size.vocabulary,
        hidden_size=size.shape.hidden,
        num_hidden_layers=size.shape.layers,
        num_attention_heads=size.heads,
        intermediate_size=size.shape.feed_forward,
        max_position_embeddings=514,
        type_vocab_size=1,
        layer_norm_eps=1e-5,
        pad_token_id=1,
        bos_token_id=0,
        eos_token_id=2,
    )
    model = folder / "model"
    torch.manual_seed(0)
    logging.disable_progress_bar()
    with device:  # half a billion random numbers take a while elsewhere
        XLMRobertaModel(config, add_pooling_layer=False).save_pretrained(model)
    save_tokenizer(model)
    data = Data(CuedSource(size.rows, size.held_out))
    bench = Workbench(Store(folder / "store"), data, model, folder / "cache")
    bench.device = device
    return bench


def measure(size: Size, task: Task, bench: Workbench, seconds: float) -> Cell:
    """Runs the task's stages, with about so many seconds of training. Raises `RuntimeError` where a stage fails."""
    began = time.perf_counter()
    bench.news_seconds = seconds / NEWS_IN_A_TRAINING
    if bench.device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
    training = _training(size, task, bench, seconds) if task.trains else None
    scoring = _scoring(task, bench, training) if "test" in task.tables else None
    stages: list[Stage] = [stage for stage in (training, scoring) if stage is not None]
    news = [(time.perf_counter(), event) for event in run_trial(stages, bench)]
    for _, event in news:
        if isinstance(event, Failed):
            raise RuntimeError(f"{size.name} {task.name}: {event.reason}")
    losses = [event.loss for _, event in news if isinstance(event, Progressed)]
    publish, read_back = _hand_over(bench, training.key if training else bench.model_digest)
    return Cell(
        size.name,
        task.name,
        task.format,
        _training_rate(training, bench, size.shape, news) if training else None,
        _scoring_rate(scoring, training, bench, size.shape, news) if scoring else None,
        (losses[0], losses[-1]) if losses else None,
        *_score(stages[-1], bench),
        _memory(bench.device),
        publish,
        read_back,
        time.perf_counter() - began,
    )


def _training(size: Size, task: Task, bench: Workbench, seconds: float) -> TrainStage:
    """A stage that trains the random encoder for about so many seconds, by the catalogue's settings."""
    settings = Training(**{**task.training, "epochs": 1, "evaluations": 1})
    rows = bench.data.examples(task, "train", "en", settings.examples)
    dev = bench.data.examples(task, "dev", "en", settings.dev_examples)
    role = Role.TARGET if Role.TARGET in task.roles else Role.INTERMEDIATE
    train_set = TrainSet(task.name, rows.digest, dev.digest, rows.labels, len(rows), settings)
    one_epoch = TrainStage(bench.model_digest, role, (train_set,), size.learning_rate, seed=0)
    steps = max(2 * NEWS_IN_A_TRAINING, seconds * _steps_per_second(one_epoch, bench))
    return _with_epochs(one_epoch, steps / len(_batches(one_epoch, bench)))


def _with_epochs(stage: TrainStage, epochs: float) -> TrainStage:
    (one,) = stage.sets
    return replace(stage, sets=(replace(one, settings=replace(one.settings, epochs=epochs)),))


def _steps_per_second(stage: TrainStage, bench: Workbench) -> float:
    """How fast the stage trains once it is warm, which it is after the first news."""
    run = train(_with_epochs(stage, 100), bench)
    news = ((time.perf_counter(), event.step) for event in run if isinstance(event, Progressed))
    (began, first), (ended, last) = next(news), next(news)
    run.close()
    return (last - first) / (ended - began)


def _scoring(task: Task, bench: Workbench, training: TrainStage | None) -> ScoreStage:
    tests = tuple(set_to_score(task, code, None, bench.data) for code in LANGUAGES)
    settings = training.settings if training else Training(**task.training)
    parent = training.key if training else bench.model_digest
    texts = sum(texts_to_read(task, code, None, bench.data) for code in LANGUAGES)
    return ScoreStage(parent, task.name, tests, settings, None, None, texts)


def _training_rate(stage: TrainStage, bench: Workbench, shape: Shape, news: News) -> Rate:
    """Between the first and the last news, at each of which the host has waited for the device."""
    progress = [(moment, event.step) for moment, event in news if isinstance(event, Progressed)]
    (began, first), (ended, last) = progress[0], progress[-1]
    taken = _batches(stage, bench)[first:last]
    examples = bench.data.examples(TASKS[stage.task], "train", "en", stage.settings.examples)
    lengths = _lengths(fine_tuning(stage.sets[0], bench), examples, bench, np.concatenate(taken))
    return _rate(sum(map(len, taken)), lengths, _PASSES_IN_TRAINING, shape, ended - began)


def _scoring_rate(stage: ScoreStage, training: TrainStage | None, bench: Workbench, shape: Shape, news: News) -> Rate:
    """Of the second language, from its tokens to its scores."""
    began, ended = (moment for moment, event in news if isinstance(event, Scored))
    task = TASKS[stage.task]
    examples = bench.data.examples(task, "test", LANGUAGES[1], None)
    if training:
        lengths = _lengths(fine_tuning(training.sets[0], bench), examples, bench, range(len(examples)))
        return _rate(len(examples), lengths, 1, shape, ended - began)
    texts = _texts(examples)
    if task.format is Format.MINING:
        texts += _texts(bench.data.examples(task, "dev", LANGUAGES[1], None))  # it is mined too, for the threshold
    lengths = [len(ids) for ids in bench.tokenizer(texts)["input_ids"]]
    return _rate(len(texts), lengths, 1, shape, ended - began)


def _rate(examples: int, lengths: Sequence[int], passes: int, shape: Shape, seconds: float) -> Rate:
    flop = sum(passes * length * shape.flop_per_token(length) for length in lengths)
    return Rate(examples / seconds, sum(lengths) / seconds, flop / seconds)


def _batches(stage: TrainStage, bench: Workbench) -> list[NDArray[np.int64]]:
    """The row numbers of the stage's batches."""
    examples = bench.data.examples(TASKS[stage.task], "train", "en", stage.settings.examples)
    rows = encoded(examples, fine_tuning(stage.sets[0], bench), bench.tokenizer_digest, bench.cache)
    return [numbers for _, numbers in batches_of(stage, [rows])]


def _lengths(form: FineTuning, examples: Examples, bench: Workbench, numbers: Sequence[int]) -> list[int]:
    """Tokens of the sequences of some rows."""
    rows = encoded(examples, form, bench.tokenizer_digest, bench.cache)
    return [len(one["input_ids"]) for one in form.sequences(rows_at(rows, numbers))]


def _texts(examples: Examples) -> list[str]:
    columns = [name for name in examples.table.column_names if name.endswith("sentence")]
    return [text for name in columns for text in examples.table[name].to_pylist()]


def _score(stage: Stage, bench: Workbench) -> tuple[float, float | None]:
    """The second language's score and chance; English dev's, whose chance the store does not keep."""
    record = bench.store.record(stage.key) or {}
    if isinstance(stage, TrainStage):
        return record["dev"], None
    return record["languages"][LANGUAGES[1]]["value"], record["languages"][LANGUAGES[1]]["chance"]


def _hand_over(bench: Workbench, parent: str) -> tuple[float, float]:
    """Seconds to publish an encoder, and to check, read and load it."""
    encoder = bench.encoder_after(parent)
    began = time.perf_counter()
    bench.store.publish("hand-over", {}, {ENCODER_FILE: to_bytes(copy_of(encoder))})
    published = time.perf_counter()
    bench.encoder_after("hand-over")
    if bench.device.type == "cuda":
        torch.cuda.synchronize()
    loaded = time.perf_counter()
    (left,) = (item for item in bench.store.items() if item.key == "hand-over")
    bench.store.drop(left)
    return published - began, loaded - published


def _memory(device: torch.device) -> int:
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024  # Linux counts it in KiB
