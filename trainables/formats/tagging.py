"""Tagging (parts of speech, entities): one class per word, read off the word's first sub-word."""

from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute
from torch import Tensor

from trainables.examples import Examples
from trainables.formats.base import (
    IGNORED,
    Batch,
    FineTuning,
    Points,
    Row,
    Scores,
    cross_entropy,
    mean,
    padded,
    points_of_f1,
)
from trainables.formats.chunks import chunk_counts

_DROPPED = {"", "\u200c"}  # XTREME drops empty tokens and lone zero-width non-joiners


class Tagging(FineTuning):
    """Words are tokenised one by one; a long sentence is split at word boundaries, never cut off."""

    def encode(self, examples: Examples) -> pa.Table:
        rows = [window for number in range(len(examples)) for window in self._windows(examples, number)]
        integers = pa.list_(pa.int32())
        return pa.table(
            {
                "input_ids": pa.array([row["input_ids"] for row in rows], integers),
                "example": pa.array([row["example"] for row in rows], pa.int32()),
                "cut": pa.array([row["cut"] for row in rows], pa.bool_()),
                "starts": pa.array([row["starts"] for row in rows], integers),
                "tags": pa.array([row["tags"] for row in rows], integers),
            }
        )

    def _windows(self, examples: Examples, number: int) -> Iterator[Row]:
        words, tags = kept_words(examples, number)
        pieces = self.tokenizer(words, add_special_tokens=False)["input_ids"] if words else []
        unknown = [self.tokenizer.unk_token_id]
        before, after = self._specials
        room = self.settings.max_length - len(before) - len(after)
        cut = any(len(word) > room for word in pieces)
        ids: list[int] = []
        starts: list[int] = []
        window_tags: list[int] = []
        for word, tag in zip(pieces, tags, strict=True):
            word = (word or unknown)[:room]
            if len(ids) + len(word) > room:
                yield self._window(ids, starts, window_tags, number, cut)
                ids, starts, window_tags = [], [], []
            starts.append(len(before) + len(ids))
            ids.extend(word)
            window_tags.append(tag)
        yield self._window(ids, starts, window_tags, number, cut)

    def _window(self, ids: list[int], starts: list[int], tags: list[int], number: int, cut: bool) -> Row:
        before, after = self._specials
        return {"input_ids": [*before, *ids, *after], "starts": starts, "tags": tags, "example": number, "cut": cut}

    @cached_property
    def _specials(self) -> tuple[list[int], list[int]]:
        """What the tokenizer puts before and after a text."""
        tokens = self.tokenizer("a", return_special_tokens_mask=True)
        text = [index for index, special in enumerate(tokens["special_tokens_mask"]) if not special]
        return tokens["input_ids"][: text[0]], tokens["input_ids"][text[-1] + 1 :]

    @property
    def outputs(self) -> int:
        return len(self.labels)

    def targets(self, rows: Sequence[Row], width: int) -> Batch:
        spread = []
        for row in rows:
            classes = np.full(width, IGNORED)
            classes[row["starts"]] = row["tags"]
            spread.append({"classes": classes})
        return {"classes": padded(spread, "classes", IGNORED, width)}

    def loss(self, logits: Tensor, batch: Batch) -> Tensor:
        """Sums over a row's words, so that a word weighs the same in a long sentence as in a short one."""
        classes = batch["classes"]
        return cross_entropy(logits.flatten(0, 1), classes.flatten()).view_as(classes).sum(1)

    def terms(self, rows: pa.Table) -> Points:
        return pa.compute.list_value_length(rows["tags"]).to_numpy().astype(float)

    def decode(self, logits: Tensor, rows: Sequence[Row]) -> list[Any]:
        best = logits.argmax(-1).cpu().numpy()
        return [best[index, row["starts"]].tolist() for index, row in enumerate(rows)]

    def merge(self, examples: Examples, parts: Sequence[list[Any]]) -> list[Any]:
        return [[self.labels[tag] for window in windows for tag in window] for windows in parts]

    def score(self, examples: Examples, predictions: Sequence[Any]) -> Scores:
        """The task's metric, F1 over chunks (XTREME's) or accuracy over words; both are given.

        Chance is tagging every word with the commonest tag of these examples, in the same metric.
        """
        gold = [self._names(kept_words(examples, number)[1]) for number in range(len(examples))]
        commonest = Counter(tag for tags in gold for tag in tags).most_common(1)[0][0]
        guesses = [[commonest] * len(tags) for tags in gold]
        accuracy = word_accuracy(gold, predictions)
        counts, guess_counts = chunk_counts(gold, predictions), chunk_counts(gold, guesses)
        metrics = {"f1": counts.f1, "precision": counts.precision, "recall": counts.recall, "word_accuracy": accuracy}
        if self.task.metric == "accuracy":
            words = [[sum(map(str.__eq__, tags, guess)), len(tags)] for tags, guess in zip(gold, predictions)]
            chance = word_accuracy(gold, guesses)
            return Scores(accuracy, chance, len(gold), metrics, np.array(words, dtype=float))
        chunked = counts.right, counts.found, counts.there
        return Scores(counts.f1, guess_counts.f1, len(gold), metrics, points_of_f1(*chunked))

    def _names(self, tags: list[int]) -> list[str]:
        return [self.labels[tag] if tag < len(self.labels) else "" for tag in tags]


def kept_words(examples: Examples, number: int) -> tuple[list[str], list[int]]:
    """The words and class numbers of one sentence, without the tokens that XTREME drops."""
    words = examples.table["tokens"][number].as_py()
    tags = examples.table["tags"][number].as_py()
    kept = [(word, tag) for word, tag in zip(words, tags, strict=True) if word.strip() not in _DROPPED]
    return [word for word, _ in kept], [tag for _, tag in kept]


def word_accuracy(gold: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]]) -> float:
    """Share of words tagged right, 0 to 100."""
    right = [a == b for tags, guess in zip(gold, predicted, strict=True) for a, b in zip(tags, guess, strict=True)]
    return mean(right)
