"""The meanings that every language of the world shares: concepts, and events made of them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

KINDS: dict[str, int] = {
    "category": 8,
    "person": 24,
    "animal": 24,
    "thing": 48,
    "place": 32,
    "name": 24,
    "verb": 40,
    "adjective": 40,
    "adverb": 16,
    "number": 6,
    "filler": 12,
}
"""How many concepts there are of each kind."""

RANGES: dict[str, range] = {}
for _kind, _count in KINDS.items():
    _start = max((r.stop for r in RANGES.values()), default=0)
    RANGES[_kind] = range(_start, _start + _count)

KIND_OF: tuple[str, ...] = tuple(kind for kind, ids in RANGES.items() for _ in ids)
NOTHING = -1
"""Stands where an event leaves a part out."""

MEMBERS: tuple[str, ...] = ("person", "animal", "thing")
PAST, PRESENT, FUTURE = 0, 1, 2


class Event(NamedTuple):
    """Who did what to whom, where and how: the content of one sentence."""

    agent: int
    agent_adjective: int
    agent_plural: bool
    verb: int
    tense: int
    negated: bool
    patient: int
    patient_adjective: int
    patient_number: int
    """A number concept, or NOTHING for a singular patient."""
    place: int
    adverb: int


def category_of(concept: int) -> int:
    """The category noun that covers a person, animal or thing (dog -> animal)."""
    offset = concept - RANGES["person"].start
    return RANGES["category"].start + offset * KINDS["category"] // sum(KINDS[kind] for kind in MEMBERS)


def draw(rng: np.random.Generator, kind: str, size: int) -> np.ndarray:
    """`size` concepts of one kind."""
    ids = RANGES[kind]
    return rng.integers(ids.start, ids.stop, size)


def maybe(rng: np.random.Generator, share: float, concepts: np.ndarray) -> np.ndarray:
    """The concepts, each kept with probability `share` and otherwise NOTHING."""
    return np.where(rng.random(len(concepts)) < share, concepts, NOTHING)


def events(
    rng: np.random.Generator, size: int, *, adjectives: float = 0.5, places: float = 0.7, adverbs: float = 0.3
) -> list[Event]:
    """`size` random events; the shares say how often the optional parts are there."""
    named = rng.random(size) < 0.25
    person = rng.random(size) < 0.5
    agent = np.where(
        named, draw(rng, "name", size), np.where(person, draw(rng, "person", size), draw(rng, "animal", size))
    )
    agent_adjective = np.where(named, NOTHING, maybe(rng, adjectives, draw(rng, "adjective", size)))
    columns = (
        agent,
        agent_adjective,
        ~named & (rng.random(size) < 0.3),
        draw(rng, "verb", size),
        rng.integers(0, 3, size),
        rng.random(size) < 0.1,
        draw(rng, "thing", size),
        maybe(rng, adjectives, draw(rng, "adjective", size)),
        maybe(rng, 0.2, draw(rng, "number", size)),
        maybe(rng, places, draw(rng, "place", size)),
        maybe(rng, adverbs, draw(rng, "adverb", size)),
    )
    return [Event(*row) for row in zip(*(column.tolist() for column in columns))]


def other(rng: np.random.Generator, kind: str, concepts: list[int]) -> list[int]:
    """For each concept another one of the same kind, never itself."""
    ids = RANGES[kind]
    steps = rng.integers(1, len(ids), len(concepts)).tolist()
    return [ids.start + (concept - ids.start + step) % len(ids) for concept, step in zip(concepts, steps)]
