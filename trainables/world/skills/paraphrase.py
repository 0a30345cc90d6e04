"""Paraphrase: do two sentences say the same, whatever their wording?"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from trainables.world.grammar import grammar, text
from trainables.world.meanings import Event, draw, events, maybe, other

EVERYDAY_SHARE = 0.3
"""How often a word takes its everyday form."""
FILLER_SHARE = 0.3
"""How often a sentence opens with a word that says nothing."""


def table(content: np.random.Generator, local: np.random.Generator, code: str, size: int) -> pa.Table:
    """`size` pairs in one language; fillers and word choice are noise that a reader must see through."""
    first = events(content, size, adjectives=0.1, places=0.3, adverbs=0.1)
    labels = content.integers(0, 2, size).tolist()
    second = [event if label else wrong for event, label, wrong in zip(first, labels, distorted(content, first))]
    return pa.table(
        {
            "sentence1": wordings(local, code, first),
            "sentence2": wordings(local, code, second, everyday=EVERYDAY_SHARE),
            "label": pa.array(labels, pa.int64()),
        }
    )


def distorted(rng: np.random.Generator, originals: list[Event]) -> list[Event]:
    """Each event with two of its main parts replaced."""
    verbs = other(rng, "verb", [event.verb for event in originals])
    things = other(rng, "thing", [event.patient for event in originals])
    people = other(rng, "person", [event.agent for event in originals])
    kept = rng.integers(0, 3, len(originals)).tolist()
    return [
        event._replace(
            verb=event.verb if keep == 1 else v,
            patient=event.patient if keep == 2 else t,
            agent=event.agent if keep == 0 else p,
        )
        for event, v, t, p, keep in zip(originals, verbs, things, people, kept)
    ]


def wordings(rng: np.random.Generator, code: str, said: list[Event], everyday: float = 0.0) -> list[str]:
    """The events in words: some everyday words, sometimes a filler."""
    speak = grammar(code).sentence
    luck = (rng.random((len(said), 6)) < everyday).tolist()
    openings = maybe(rng, FILLER_SHARE, draw(rng, "filler", len(said))).tolist()
    return [
        text(speak(event, everyday=everyday_words(event, flags), filler=filler))
        for event, flags, filler in zip(said, luck, openings)
    ]


def everyday_words(event: Event, flags: list[bool]) -> frozenset[int]:
    """The concepts of the event that take their everyday word."""
    concepts = (event.agent, event.verb, event.patient, event.place, event.agent_adjective, event.patient_adjective)
    return frozenset([concept for concept, flag in zip(concepts, flags) if flag])
