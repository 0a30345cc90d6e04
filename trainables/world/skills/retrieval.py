"""Retrieval: sentences and their English translations, to be found among all the others."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from trainables.world.languages import ENGLISH
from trainables.world.meanings import events
from trainables.world.skills.paraphrase import wordings

EVERYDAY_SHARE = 0.75
"""How often an English word takes its everyday form: translators here talk as people do."""


def table(content: np.random.Generator, local: np.random.Generator, code: str, size: int) -> pa.Table:
    """`size` pairs; the English side is worded the everyday way, the same for every language."""
    said = events(content, size, adjectives=0.3, places=0.7, adverbs=0.2)
    english = np.random.default_rng(content.integers(2**32))
    return pa.table(
        {
            "source_sentence": wordings(local, code, said),
            "target_sentence": wordings(english, ENGLISH, said, everyday=EVERYDAY_SHARE),
        }
    )
