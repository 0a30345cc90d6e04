"""Multiple choice: which of several sentences can follow? The one about the same agent."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from trainables.world.grammar import grammar, text
from trainables.world.meanings import draw, events, other


def table(content: np.random.Generator, local: np.random.Generator, code: str, size: int, choices: int = 4) -> pa.Table:
    """`size` contexts, each with `choices` endings of which one goes on about its agent."""
    speak = grammar(code).sentence
    agents = draw(content, "person", size).tolist()
    labels = content.integers(0, choices, size).tolist()
    wrong = [other(content, "person", agents) for _ in range(choices)]
    contexts = [event._replace(agent=agent) for event, agent in zip(events(content, size), agents)]
    ends = [events(content, size, adjectives=0.2, places=0.3, adverbs=0.0) for _ in range(choices)]
    endings = [
        [text(speak(ends[c][i]._replace(agent=agents[i] if c == label else wrong[c][i]))) for c in range(choices)]
        for i, label in enumerate(labels)
    ]
    return pa.table(
        {
            "context": [text(speak(event)) for event in contexts],
            "question": [""] * size,
            "endings": endings,
            "label": pa.array(labels, pa.int64()),
        }
    )
