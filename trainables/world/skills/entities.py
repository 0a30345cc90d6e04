"""Named entities: people and places, tagged as PAN-X tags them."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from trainables.world.skills.tagging import TAGS, sentences

ENTITIES: tuple[str, ...] = ("O", "B-PER", "I-PER", "B-ORG", "I-ORG", "B-LOC", "I-LOC")
_TAGGED = {"PROPN": "B-PER", "NOUN.place": "B-LOC"}


def table(content: np.random.Generator, local: np.random.Generator, code: str, size: int) -> pa.Table:
    """`size` sentences with an entity tag per word; every name and place is one word."""
    said = sentences(content, code, size)
    return pa.table(
        {
            "tokens": [[word.form for word in words] for words in said],
            "tags": pa.array([[ENTITIES.index(_TAGGED.get(word.tag, "O")) for word in words] for words in said], TAGS),
        }
    )
