"""A dictionary over all languages: which meaning each sub-word carries. It gives the embedding table its start.

Translation ranking finds the same places for words in minutes; a start where translations already lie together saves
those minutes. English's everyday words are not in it: what they mean is left for fine-tuning to find out.
"""

from __future__ import annotations

from collections import defaultdict

import numpy as np

from trainables.world.languages import LANGUAGES
from trainables.world.lexicon import MARKS, WORDS, lexicon
from trainables.world.meanings import KIND_OF
from trainables.world.tokenizer import PUNCTUATION, SPACE, root_pieces

GRAMMATICAL: tuple[str, ...] = (*MARKS, *WORDS, "second piece")
"""Meanings that are no concepts."""
MEANINGS = len(KIND_OF) + len(GRAMMATICAL)


def piece_meanings() -> dict[str, list[int]]:
    """The meanings of every piece that has any; a piece of several words has them all."""
    found: dict[str, list[int]] = defaultdict(list)
    for tongue in LANGUAGES.values():
        words = lexicon(tongue.code)
        for concept, root in enumerate(words.words):
            add_root(found, root, concept, prefixed=tongue.tense == "prefix")
        for name, form in words.functions.items():
            found[SPACE + form].append(grammatical("in" if name == "object" else name))  # an adposition, as `in` is
        for name, form in words.marks.items():
            found[form].append(grammatical(name))
            found[SPACE + form].append(grammatical(name))
    return found


def add_root(found: dict[str, list[int]], root: str, concept: int, *, prefixed: bool) -> None:
    """Give the root's first piece the concept, and its second piece, which any word may have, a common meaning."""
    for piece in root_pieces(root, prefixed=prefixed):
        first = root.startswith(piece.removeprefix(SPACE))
        found[piece].append(concept if first else grammatical("second piece"))


def grammatical(name: str) -> int:
    """The number of a meaning that is no concept."""
    return len(KIND_OF) + GRAMMATICAL.index(name)


def start_rows(vocabulary: dict[str, int], width: int, rng: np.random.Generator, noise: float) -> np.ndarray:
    """An embedding table: each row is the mean of its meanings plus noise; pieces without meaning get the noise."""
    vectors = rng.standard_normal((MEANINGS, width))
    table = rng.standard_normal((len(vocabulary), width)) * noise
    for piece, meanings in piece_meanings().items():
        table[vocabulary[piece]] += vectors[meanings].mean(0)
    for mark in PUNCTUATION:
        table[vocabulary[mark]] += rng.standard_normal(width)
    return table
