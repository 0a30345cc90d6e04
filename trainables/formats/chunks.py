"""Chunk F1 of tag sequences exactly as XTREME's evaluate.py counts it (seqeval 0.0.12's rules).

Later seqeval versions changed the rules for tags that are not BIO, so they give other figures for parts of speech.
A tag's first letter says how it chunks (B, E, S or I; O is outside) and what follows its last hyphen is its type: a
part of speech is its own type, so that a run of one tag is one chunk.
"""

from collections.abc import Sequence
from dataclasses import dataclass

OUTSIDE = "O"
_ALWAYS_BEGIN = {"B", "S"}
_ALWAYS_END = {"E", "S"}


@dataclass(frozen=True)
class ChunkCounts:
    """Per sentence: chunks predicted right, predicted, and in the labels."""

    right: list[int]
    found: list[int]
    there: list[int]

    @property
    def precision(self) -> float:
        """Right among the predicted, 0 to 100."""
        return 100 * sum(self.right) / sum(self.found) if sum(self.found) else 0.0

    @property
    def recall(self) -> float:
        """Right among those in the labels, 0 to 100."""
        return 100 * sum(self.right) / sum(self.there) if sum(self.there) else 0.0

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall, 0 to 100."""
        both = self.precision + self.recall
        return 2 * self.precision * self.recall / both if both else 0.0


def chunk_counts(gold: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]]) -> ChunkCounts:
    """Counts of chunks, sentence by sentence; raises `ValueError` when lengths differ."""
    right, found, there = [], [], []
    for labels, guesses in zip(gold, predicted, strict=True):
        if len(labels) != len(guesses):
            raise ValueError(f"a sentence of {len(labels)} words has {len(guesses)} predicted tags")
        true_chunks, guessed_chunks = set(chunks(labels)), set(chunks(guesses))
        right.append(len(true_chunks & guessed_chunks))
        found.append(len(guessed_chunks))
        there.append(len(true_chunks))
    return ChunkCounts(right, found, there)


def chunks(tags: Sequence[str]) -> list[tuple[str, int, int]]:
    """The chunks of one sentence as (type, first word, last word)."""
    found = []
    start = 0
    previous_mark, previous_type = OUTSIDE, ""
    for index, tag in enumerate([*tags, OUTSIDE]):
        mark, kind = tag[:1], tag.split("-")[-1]
        changed = mark != OUTSIDE and kind != previous_type
        if _ends(previous_mark, mark, previous_mark != OUTSIDE and kind != previous_type):
            found.append((previous_type, start, index - 1))
        if mark in _ALWAYS_BEGIN or (mark != OUTSIDE and (previous_mark in {OUTSIDE, *_ALWAYS_END} or changed)):
            start = index
        previous_mark, previous_type = mark, kind
    return found


def _ends(previous: str, current: str, type_changed: bool) -> bool:
    if previous == OUTSIDE:
        return False
    return previous in _ALWAYS_END or current in {OUTSIDE, *_ALWAYS_BEGIN} or type_changed
