"""Tagging: the part of speech of every word, coarse (`pos`) or as a treebank's fine tags (`fine_tags`)."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from trainables.world.grammar import FINE_TAGS, UPOS, Word, grammar
from trainables.world.meanings import events

TAGS = pa.list_(pa.int64())
FINE_IDS = {tag: i for i, tag in enumerate(FINE_TAGS)}
COARSE_IDS = {tag: UPOS.index(tag.split(".")[0]) for tag in FINE_TAGS}


def pos(content: np.random.Generator, local: np.random.Generator, code: str, size: int) -> pa.Table:
    """`size` sentences with universal parts of speech."""
    return tagged(sentences(content, code, size), COARSE_IDS)


def fine_tags(content: np.random.Generator, local: np.random.Generator, code: str, size: int) -> pa.Table:
    """`size` sentences with fine tags."""
    return tagged(sentences(content, code, size), FINE_IDS)


def sentences(rng: np.random.Generator, code: str, size: int) -> list[list[Word]]:
    """`size` sentences of words with their tags."""
    speak = grammar(code).sentence
    return [speak(event) for event in events(rng, size)]


def tagged(said: list[list[Word]], ids: dict[str, int]) -> pa.Table:
    """The sentences as rows of words and tag numbers."""
    return pa.table(
        {
            "tokens": [[word.form for word in words] for words in said],
            "tags": pa.array([[ids[word.tag] for word in words] for words in said], TAGS),
        }
    )
