"""Natural language inference: does the second sentence follow from the first, contradict it, or neither?"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from trainables.world.grammar import grammar, text
from trainables.world.meanings import NOTHING, Event, category_of, draw, events, maybe, other

ENTAILMENT, NEUTRAL, CONTRADICTION = 0, 1, 2


def table(content: np.random.Generator, local: np.random.Generator, code: str, size: int) -> pa.Table:
    """`size` pairs in one language."""
    premises = events(content, size, adjectives=0.6, places=0.8, adverbs=0.3)
    labels = content.integers(0, 3, size).tolist()
    hypotheses = [hypothesis(*row) for row in zip(premises, labels, *_choices(content, premises))]
    speak = grammar(code).sentence
    return pa.table(
        {
            "premise": [text(speak(event)) for event in premises],
            "hypothesis": [text(speak(event)) for event in hypotheses],
            "label": pa.array(labels, pa.int64()),
        }
    )


def _choices(rng: np.random.Generator, premises: list[Event]) -> list[list[Any]]:
    """The random choices that make the hypotheses, drawn at once because that is fast."""
    size = len(premises)
    return [
        rng.random((size, 4)).tolist(),
        other(rng, "verb", [event.verb for event in premises]),
        other(rng, "thing", [event.patient for event in premises]),
        other(rng, "place", [max(event.place, 0) for event in premises]),
        draw(rng, "adjective", size).tolist(),
        maybe(rng, 0.5, draw(rng, "person", size)).tolist(),
    ]


def hypothesis(
    premise: Event, label: int, luck: list[float], verb: int, thing: int, place: int, adjective: int, person: int
) -> Event:
    """An event that stands in the relation `label` to the premise."""
    event = shortened(premise, luck)
    if label == ENTAILMENT:
        return generalised(event) if luck[3] < 0.25 else event
    if label == CONTRADICTION:
        return event._replace(negated=not event.negated) if luck[3] < 0.3 else event._replace(verb=verb)
    return event._replace(patient=thing) if luck[3] < 0.5 else event._replace(place=place)


def shortened(event: Event, luck: list[float]) -> Event:
    """The event with some details left out; what remains still follows."""
    return event._replace(
        agent_adjective=event.agent_adjective if luck[0] < 0.4 else NOTHING,
        patient_adjective=event.patient_adjective if luck[1] < 0.4 else NOTHING,
        place=event.place if luck[2] < 0.6 else NOTHING,
        adverb=NOTHING,
    )


def generalised(event: Event) -> Event:
    """The event told of a whole category (a dog -> an animal)."""
    return event._replace(patient=category_of(event.patient), patient_adjective=NOTHING)
