"""Scores a target in all its languages, zero-shot, once: the last stage of a trial."""

import io
import json
import platform
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray
from transformers import PreTrainedModel

from spaces import TASKS, Format
from trainables.batches import collate, scoring_batches
from trainables.consistency import Answers, consistency
from trainables.device import autocast
from trainables.doubt import beyond_doubt
from trainables.encoded import encoded, lengths_told
from trainables.encoder import FineTuned, inputs, mean_pooled, retrieval_layer
from trainables.events import Scored
from trainables.examples import Examples
from trainables.formats import FINE_TUNING, Scores
from trainables.formats.base import Points, was_cut
from trainables.formats.mining import Collection, best_threshold, score_mining
from trainables.formats.retrieval import nearest, score_retrieval
from trainables.groups import units_of
from trainables.kept_scores import POINTS_FILE, PREDICTIONS_FILE
from trainables.planned_data import check_planned_data
from trainables.predicting import parts_of
from trainables.sampling import Units, score_error
from trainables.stages import ScoreStage
from trainables.weights import HEAD_FILE, read_tensors
from trainables.workbench import MissingParent, Workbench

_RETRIEVAL_BATCH = 128

_Predicted = dict[str, list[Any]]


@dataclass(frozen=True)
class _Outcome:
    """One language's predictions, scores, what became of long inputs, and what is compared with other languages."""

    predictions: list[Any]
    scores: Scores
    inputs: dict[str, int]
    answers: Answers = field(default_factory=dict)


def score(stage: ScoreStage, bench: Workbench) -> Iterator[Scored]:
    """Runs the stage and publishes it, yielding after each language.

    The record: `languages` ({code: value, chance, error, examples, metrics, above_chance, inputs, and of a parallel
    set consistency, that with English}), `error` (the standard error of their mean over the test examples, languages
    taken together), and for retrieval `layer`. The file `predictions.arrow` has the columns
    language, example, prediction (JSON text), `points.arrow` language, earned, possible (`Scores.points`) and group
    (`trainables.groups`). Retrieval predicts for every English row the row that it found, whether it is scored or not.
    """
    check_planned_data(stage, bench.data)
    began = time.perf_counter()
    task = TASKS[stage.task]
    predictor = _PREDICTORS.get(task.format, _FineTuned)(stage, bench)
    languages: dict[str, Any] = {}
    sets: dict[str, tuple[Examples, Points]] = {}
    predictions: _Predicted = {"language": [], "example": [], "prediction": []}
    answers: dict[str, Answers] = {}
    for language, _, _ in stage.tests:
        examples = bench.data.examples(task, "test", language, stage.cap)
        made = predictor.predict(examples)
        languages[language] = _record(made.scores) | {"inputs": made.inputs}
        sets[language], answers[language] = (examples, made.scores.points), made.answers
        predictions["language"] += [language] * len(made.predictions)
        predictions["example"] += range(len(made.predictions))
        predictions["prediction"] += [json.dumps(value, ensure_ascii=False) for value in made.predictions]
        yield Scored(stage.key, language, made.scores.value)
    for language in languages if task.parallel and "en" in answers else ():
        if language != "en":
            languages[language]["consistency"] = consistency(answers["en"], answers[language])
    units = units_of(sets)
    for language, of in units.items():
        languages[language] |= _certainty(languages[language], score_error({language: of}))
    seconds = time.perf_counter() - began
    record = {
        "stage": "score",
        "task": stage.task,
        "parent": stage.parent,
        "languages": languages,
        "error": score_error(units),
        "seconds": seconds,
        "host": platform.node(),
    }
    files: dict[str, bytes | Path] = {PREDICTIONS_FILE: _arrow(predictions), POINTS_FILE: _arrow(_columns(units))}
    bench.store.publish(stage.key, record | predictor.facts, files)


def _record(scores: Scores) -> dict[str, Any]:
    return {field.name: getattr(scores, field.name) for field in fields(scores) if field.name != "points"}


def _certainty(scores: Mapping[str, Any], error: float) -> dict[str, Any]:
    """The standard error of a language's score over its test examples, and whether it beats guessing."""
    return {"error": error, "above_chance": beyond_doubt(scores["value"] - scores["chance"], error)}


def _columns(units: Mapping[str, Units]) -> dict[str, Any]:
    """What was earned in all languages, one after another."""
    earned, possible, group = (
        np.concatenate([getattr(of, name) for of in units.values()]) for name in ("earned", "possible", "group")
    )
    return {
        "language": [language for language, of in units.items() for _ in of.earned],
        "earned": earned.astype(np.float32),
        "possible": possible.astype(np.float32),
        "group": group.astype(np.int32),
    }


class _FineTuned:
    """Predicts with the parent stage's encoder and head."""

    facts: dict[str, Any] = {}

    def __init__(self, stage: ScoreStage, bench: Workbench) -> None:
        task = TASKS[stage.task]
        entry = bench.store.find(stage.parent)
        if entry is None:
            raise MissingParent(stage.parent)
        self.bench = bench
        self.form = FINE_TUNING[task.format](task, bench.data.labels(task), stage.settings, bench.tokenizer)
        encoder = bench.encoder_after(stage.parent)
        self.model = FineTuned(encoder, [self.form.head], stage.settings.dropout)
        self.model.heads[0].load_state_dict(read_tensors(entry.path(HEAD_FILE)))
        self.model = self.model.to(bench.device)

    def predict(self, examples: Examples) -> _Outcome:
        """Predictions and scores of one language."""
        rows = encoded(examples, self.form, self.bench.tokenizer_digest, self.bench.cache)
        parts = parts_of(self.model, self.form, examples, rows)
        predicted = self.form.merge(examples, parts)
        scores = self.form.score(examples, predicted)
        return _Outcome(predicted, scores, lengths_told(rows), self.form.answers(examples, parts, scores))


class _Retrieval:
    """Finds translations with the encoder as the parent left it."""

    def __init__(self, stage: ScoreStage, bench: Workbench) -> None:
        self.bench = bench
        self.max_length = stage.settings.max_length
        self.encoder = bench.encoder_after(stage.parent).eval()
        self.layer = retrieval_layer(self.encoder, stage.layer)
        # They move scores by tens of points, so the record says them.
        self.facts = {"layer": self.layer, "pooling": "mean over the tokens that are not padding"}
        self._cut = 0

    def predict(self, examples: Examples) -> _Outcome:
        """The row found for each English sentence, and the accuracy of one language."""
        sides = [examples.table[name].to_pylist() for name in ("source_sentence", "target_sentence")]
        self._cut = 0
        foreign, english = (self._vectors([text.strip() for text in texts]) for texts in sides)
        found = nearest(english, foreign)
        scores = score_retrieval(found, nearest(foreign, english), examples.queries)
        return _Outcome(found.tolist(), scores, self._told(examples.texts))

    def _vectors(self, texts: list[str]) -> NDArray[np.float32]:
        vectors, cut = sentence_vectors(self.encoder, self.bench, texts, self.layer, self.max_length)
        self._cut += cut
        return vectors

    def _told(self, texts: int) -> dict[str, int]:
        return {"examples": texts, "split": 0, "cut": self._cut}


class _Mining(_Retrieval):
    """Mines pairs with the encoder as the parent left it; the language's dev collection sets the threshold."""

    def __init__(self, stage: ScoreStage, bench: Workbench) -> None:
        super().__init__(stage, bench)
        self.cap = stage.cap

    def predict(self, examples: Examples) -> _Outcome:
        """The pairs of ids found, and the F1 of one language."""
        self._cut = 0
        dev = self.bench.data.examples(examples.task, "dev", examples.language, self.cap)
        tuned = Collection.of(dev)
        threshold = best_threshold(tuned.candidates(self._vectors).of(set(tuned.queries)), tuned.gold_of_queries)
        tested = Collection.of(examples)
        pairs = tested.candidates(self._vectors).above(threshold)
        scores = score_mining(pairs, tested.gold, tested.queries, threshold)
        found = [[tested.ids[0][source], tested.ids[1][target]] for source, target in pairs]
        return _Outcome(found, scores, self._told(dev.texts + examples.texts))


_PREDICTORS: dict[Format, type[_FineTuned] | type[_Retrieval]] = {
    Format.RETRIEVAL: _Retrieval,
    Format.MINING: _Mining,
}


def sentence_vectors(
    encoder: PreTrainedModel, bench: Workbench, texts: list[str], layer: int, max_length: int
) -> tuple[NDArray[np.float32], int]:
    """The mean of hidden state `layer` over each text's tokens, specials included (texts, hidden), and how many texts
    were longer than `max_length` and lost their end."""
    tokens = bench.tokenizer(texts, truncation=True, max_length=max_length)
    ids = tokens["input_ids"]
    lengths = np.array([len(one) for one in ids])
    vectors = np.zeros((len(texts), encoder.config.hidden_size), dtype=np.float32)
    with torch.inference_mode(), autocast(bench.device, encoder.config.hidden_size):
        for chosen in scoring_batches(lengths, _RETRIEVAL_BATCH, _RETRIEVAL_BATCH * max_length):
            batch = collate([{"input_ids": ids[n]} for n in chosen], bench.tokenizer.pad_token_id, bench.device)
            states = encoder(**inputs(batch), output_hidden_states=True).hidden_states[layer]
            vectors[chosen] = mean_pooled(states.float(), batch["attention_mask"]).cpu().numpy()
    return vectors, sum(was_cut(tokens))


def _arrow(columns: Mapping[str, Any]) -> bytes:
    types = {"language": pa.string(), "prediction": pa.string(), "example": pa.int32()}
    table = pa.table({name: pa.array(values, types.get(name)) for name, values in columns.items()})
    sink = io.BytesIO()
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()
