"""Senses: what does each word mean? Bookish and everyday words of one meaning get the same tag."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from trainables.world.grammar import Word, grammar
from trainables.world.meanings import KIND_OF, KINDS, RANGES, Event, events
from trainables.world.skills.paraphrase import everyday_words
from trainables.world.skills.tagging import TAGS

EVERYDAY_SHARE = 0.5
"""How often a word takes its everyday form."""
TOLD_APART = ("person", "animal", "thing", "verb")
"""Kinds whose concepts have a sense of their own; all else is `OTHER`."""
OTHER = "other"

SENSES: tuple[str, ...] = (OTHER, *(f"{kind}{i}" for kind in TOLD_APART for i in range(KINDS[kind])))
_IDS = {sense: i for i, sense in enumerate(SENSES)}


def table(content: np.random.Generator, local: np.random.Generator, code: str, size: int) -> pa.Table:
    """`size` sentences with the sense of each word."""
    said = events(content, size, adjectives=0.2, places=0.3, adverbs=0.1)
    luck = (local.random((size, 6)) < EVERYDAY_SHARE).tolist()
    spoken = [grammar(code).sentence(event, everyday=everyday_words(event, flags)) for event, flags in zip(said, luck)]
    return pa.table(
        {
            "tokens": [[word.form for word in words] for words in spoken],
            "tags": pa.array([senses(event, words) for event, words in zip(said, spoken)], TAGS),
        }
    )


def senses(event: Event, words: list[Word]) -> list[int]:
    """The sense of every word of the event's sentence, found by the part that the word plays in it."""
    meant = {
        "VERB": event.verb,
        "NOUN.subject": event.agent,
        "NOUN.object": event.patient,
    }
    return [sense_of(next((c for tag, c in meant.items() if word.tag.startswith(tag)), None)) for word in words]


def sense_of(concept: int | None) -> int:
    """The number of a concept's sense."""
    if concept is None or KIND_OF[concept] not in TOLD_APART:
        return _IDS[OTHER]
    kind = KIND_OF[concept]
    return _IDS[f"{kind}{concept - RANGES[kind].start}"]
