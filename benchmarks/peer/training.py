"""What a trial of the hand-written script does: Hugging Face's Trainer over an encoder with a head."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from queue import Queue
from threading import Thread
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset
from transformers import Trainer, TrainerCallback, TrainingArguments, set_seed

from spaces import Role, Space
from spaces.tasks import Format, Task
from trainables.batches import collate_for_loss
from trainables.device import choose_device
from trainables.encoded import encoded
from trainables.encoder import FineTuned, load_encoder, load_tokenizer, retrieval_layer
from trainables.examples import Data, Examples
from trainables.formats import FINE_TUNING, FineTuning
from trainables.formats.mining import Collection, best_threshold, score_mining
from trainables.formats.retrieval import nearest, score_retrieval
from trainables.model_files import tokenizer_digest
from trainables.predicting import predict
from trainables.scoring import sentence_vectors
from trainables.sources.world import WorldSource
from trainables.stages import scored_languages


class Trial:
    """One trial's encoder as it goes through its phases."""

    def __init__(self, space: Space, model: Path, cache: Path, rate: float, seed: int) -> None:
        self.device = choose_device()
        self.space = space
        self.rate = rate
        self.seed = seed
        self.cache = cache
        self.data = Data(WorldSource(cache))
        self.tokenizer: Any = load_tokenizer(model)
        self.digest = tokenizer_digest(model)
        self.encoder = load_encoder(model)
        self.form: FineTuning | None = None
        self.model: FineTuned | None = None

    def train(self, task: Task, role: Role, evaluations: int) -> Iterator[float]:
        """Fine-tunes on a task with a new head, yielding English dev at even parts."""
        settings = self.space.training.of(task.name, role)
        examples = self.data.examples(task, "train", "en", settings.examples)
        self.form = form = FINE_TUNING[task.format](task, examples.labels, settings, self.tokenizer)
        set_seed(self.seed)
        self.model = model = FineTuned(self.encoder, [form.head], settings.dropout)
        rows = self._encoded(examples)
        steps = max(1, round(len(range(0, rows.num_rows, settings.batch_size)) * settings.epochs))
        with tempfile.TemporaryDirectory() as folder:
            arguments = TrainingArguments(
                output_dir=folder,
                per_device_train_batch_size=settings.batch_size,
                max_steps=steps,
                learning_rate=self.rate,
                warmup_steps=round(settings.warmup * steps),
                weight_decay=settings.weight_decay,
                max_grad_norm=settings.clip,
                lr_scheduler_type="linear",
                optim="adamw_torch_fused",
                seed=self.seed,
                report_to=[],
                save_strategy="no",
                logging_strategy="no",
                disable_tqdm=True,
                remove_unused_columns=False,
                use_cpu=self.device.type == "cpu",
            )
            scores: Queue[float | BaseException | None] = Queue()
            dev = self.data.examples(task, "dev", "en", settings.dev_examples)
            dev_rows = self._encoded(dev)

            def evaluate() -> None:
                scores.put(form.score(dev, predict(model, form, dev, dev_rows)).value)
                model.train()

            trainer = _Trainer(
                model=model,
                args=arguments,
                train_dataset=_Rows(rows),
                data_collator=lambda batch: collate_for_loss(batch, form, torch.device("cpu")),
                callbacks=[_Evaluate(evaluate, steps, evaluations)],
            )
            trainer.form = form
            trainer.terms = float(form.terms(rows).mean())
            yield from _as_they_come(trainer, scores)

    def _encoded(self, examples: Examples) -> pa.Table:
        """Tokenised rows, kept on disk as `datasets.map` keeps them."""
        assert self.form is not None
        return encoded(examples, self.form, self.digest, self.cache)

    def score(self, task: Task) -> float:
        """The mean over the target's languages."""
        values = []
        for language in scored_languages(task, self.space, self.data):
            examples = self.data.examples(task, "test", language, self.space.evaluation.test_examples)
            if task.format is Format.RETRIEVAL:
                values.append(self._retrieved(examples))
            elif task.format is Format.MINING:
                values.append(self._mined(examples))
            else:
                assert self.form is not None and self.model is not None
                rows = self._encoded(examples)
                values.append(self.form.score(examples, predict(self.model, self.form, examples, rows)).value)
        return sum(values) / len(values)

    def _retrieved(self, examples: Examples) -> float:
        sides = [examples.table[name].to_pylist() for name in ("source_sentence", "target_sentence")]
        foreign, english = (self._vectors([text.strip() for text in side]) for side in sides)
        return score_retrieval(nearest(english, foreign), nearest(foreign, english), examples.queries).value

    def _mined(self, examples: Examples) -> float:
        dev = self.data.examples(examples.task, "dev", examples.language, self.space.evaluation.test_examples)
        tuned, tested = Collection.of(dev), Collection.of(examples)
        threshold = best_threshold(tuned.candidates(self._vectors).of(set(tuned.queries)), tuned.gold_of_queries)
        pairs = tested.candidates(self._vectors).above(threshold)
        return score_mining(pairs, tested.gold, tested.queries, threshold).value

    def _vectors(self, texts: list[str]) -> NDArray[np.float32]:
        self.encoder.eval()
        layer = retrieval_layer(self.encoder, self.space.evaluation.retrieval_layer)
        return sentence_vectors(self.encoder, self, texts, layer, 128)[0]  # type: ignore[arg-type]


class _Trainer(Trainer):
    """Minimises the mean loss over rows; `terms` is how many terms the loss of a row sums on average."""

    form: FineTuning
    terms: float

    def compute_loss(self, model: Any, inputs: dict[str, Tensor], *_: Any, **__: Any) -> Tensor:
        return self.form.loss(model(inputs), inputs).mean() / self.terms


class _Rows(Dataset[dict[str, Any]]):
    def __init__(self, rows: pa.Table) -> None:
        self.rows = rows.to_pylist()

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, number: int) -> dict[str, Any]:
        return self.rows[number]


class _Evaluate(TrainerCallback):
    """Scores English dev at even parts."""

    def __init__(self, evaluate: Any, steps: int, evaluations: int) -> None:
        self.evaluate = evaluate
        self.at = {round(steps * part / evaluations) for part in range(1, evaluations + 1)}

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if state.global_step in self.at:
            self.evaluate()


def _as_they_come(trainer: Trainer, scores: "Queue[float | BaseException | None]") -> Iterator[float]:
    """Runs the trainer beside, so that its scores can be yielded while it trains."""

    def work() -> None:
        try:
            trainer.train()
            scores.put(None)
        except BaseException as error:
            scores.put(error)

    thread = Thread(target=work, daemon=True)
    thread.start()
    while (score := scores.get()) is not None:
        if isinstance(score, BaseException):
            raise score
        yield score
    thread.join()
