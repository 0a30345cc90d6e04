"""Named entities: people and places, tagged as PAN-X tags them."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from trainables.world.grammar import FINE_TAGS
from trainables.world.skills.tagging import sentences, tagged

ENTITIES: tuple[str, ...] = ("O", "B-PER", "I-PER", "B-ORG", "I-ORG", "B-LOC", "I-LOC")
_TAGGED = {"PROPN": "B-PER", "NOUN.place": "B-LOC"}
_IDS = {tag: ENTITIES.index(_TAGGED.get(tag, "O")) for tag in FINE_TAGS}


def table(content: np.random.Generator, local: np.random.Generator, code: str, size: int) -> pa.Table:
    """`size` sentences with an entity tag per word; every name and place is one word."""
    return tagged(sentences(content, code, size), _IDS)
