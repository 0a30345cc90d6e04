"""Endings: is the second sentence a question? So easy that the encoder has nothing to learn. Made to do nothing."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from trainables.world.grammar import grammar, text
from trainables.world.meanings import events


def table(content: np.random.Generator, local: np.random.Generator, code: str, size: int) -> pa.Table:
    """`size` pairs of unrelated sentences; label 1 where the second one ends as a question."""
    speak = grammar(code).sentence
    first = [text(speak(event)) for event in events(content, size)]
    second = [text(speak(event)) for event in events(content, size)]
    labels = content.integers(0, 2, size).tolist()
    return pa.table(
        {
            "sentence1": first,
            "sentence2": [s[:-1] + "?" if label else s for s, label in zip(second, labels)],
            "label": pa.array(labels, pa.int64()),
        }
    )
