"""Multiple choice: which of four sentences can follow? The one about the same agent."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from trainables.world.grammar import grammar, text
from trainables.world.meanings import draw, events, other

CHOICES = 4


def table(content: np.random.Generator, local: np.random.Generator, code: str, size: int) -> pa.Table:
    """`size` contexts, each with four endings of which one goes on about its agent."""
    speak = grammar(code).sentence
    agents = draw(content, "person", size).tolist()
    labels = content.integers(0, CHOICES, size).tolist()
    wrong = [other(content, "person", agents) for _ in range(CHOICES)]
    contexts = [event._replace(agent=agent) for event, agent in zip(events(content, size), agents)]
    ends = [events(content, size, adjectives=0.2, places=0.3, adverbs=0.0) for _ in range(CHOICES)]
    endings = [
        [text(speak(ends[c][i]._replace(agent=agents[i] if c == label else wrong[c][i]))) for c in range(CHOICES)]
        for i, label in enumerate(labels)
    ]
    return pa.table(
        {
            "context": [text(speak(event)) for event in contexts],
            "endings": endings,
            "label": pa.array(labels, pa.int64()),
        }
    )
