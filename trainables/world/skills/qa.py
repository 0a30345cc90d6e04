"""Question answering: find the words of a short text that answer a question about one of its events."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from trainables.world.grammar import Grammar, Word, grammar, text
from trainables.world.meanings import KINDS, RANGES, Event, events

EVENTS = 2
"""Events in a text; no two share an agent, a verb, a patient or a place, so every question has one answer."""

ASKED = ("agent", "patient", "place")
ANSWER_TAGS = {"agent": ("NOUN.subject", "PROPN"), "patient": ("NOUN.object",), "place": ("NOUN.place",)}
ANSWERS = pa.struct([("text", pa.list_(pa.string())), ("answer_start", pa.list_(pa.int32()))])


def table(content: np.random.Generator, local: np.random.Generator, code: str, size: int) -> pa.Table:
    """`size` questions in one language, SQuAD style."""
    stories = story_events(content, size)
    about = content.integers(0, EVENTS, size).tolist()
    asked = content.integers(0, len(ASKED), size).tolist()
    rows = [row(grammar(code), story, i, ASKED[a]) for story, i, a in zip(stories, about, asked)]
    return pa.table(
        {
            "id": [str(i) for i in range(size)],
            "title": [""] * size,
            "context": [r["context"] for r in rows],
            "question": [r["question"] for r in rows],
            "answers": pa.array([r["answers"] for r in rows], ANSWERS),
        }
    )


def table_or_none(content: np.random.Generator, local: np.random.Generator, code: str, size: int) -> pa.Table:
    """The same, but every third question stands beside the next row's text, which holds no answer to it."""
    whole = table(content, local, code, size).to_pydict()
    texts = whole["context"]
    for i in range(0, size, 3):
        texts[i] = texts[(i + 1) % size]
        whole["answers"][i] = {"text": [], "answer_start": []}
    return pa.table(
        {name: whole[name] for name in ("id", "title", "context", "question")}
        | {"answers": pa.array(whole["answers"], ANSWERS)}
    )


def story_events(rng: np.random.Generator, size: int) -> list[list[Event]]:
    """`size` lists of events whose main parts all differ."""
    flat = events(rng, size * EVENTS, adjectives=0.25, places=1.0, adverbs=0.15)
    agents = distinct(rng, size, RANGES["person"].start, KINDS["person"] + KINDS["animal"])
    verbs = distinct(rng, size, RANGES["verb"].start, KINDS["verb"])
    things = distinct(rng, size, RANGES["thing"].start, KINDS["thing"])
    places = distinct(rng, size, RANGES["place"].start, KINDS["place"])
    told = [
        event._replace(agent=a, verb=v, patient=t, place=p)
        for event, a, v, t, p in zip(flat, agents, verbs, things, places)
    ]
    return [told[i : i + EVENTS] for i in range(0, len(told), EVENTS)]


def distinct(rng: np.random.Generator, size: int, start: int, count: int) -> list[int]:
    """For each of `size` texts, EVENTS different concepts, all in one flat list."""
    ranks = rng.random((size, count)).argpartition(EVENTS, axis=1)[:, :EVENTS]
    return (start + rng.permuted(ranks, axis=1)).ravel().tolist()


def row(speaker: Grammar, story: list[Event], about: int, asked: str) -> dict[str, Any]:
    """One text with its question and answer."""
    sentences = [speaker.sentence(event) for event in story]
    texts = [text(sentence) for sentence in sentences]
    start = sum(len(t) + 1 for t in texts[:about])
    word, offset = answer(sentences[about], asked)
    return {
        "context": " ".join(texts),
        "question": text(speaker.question(story[about], asked)),
        "answers": {"text": [word], "answer_start": [start + offset]},
    }


def answer(sentence: list[Word], asked: str) -> tuple[str, int]:
    """The word that answers, and where it starts in the written sentence."""
    at = next(i for i, word in enumerate(sentence) if word.tag.startswith(ANSWER_TAGS[asked]))
    return sentence[at].form, len(text(sentence[:at])) + (at > 0)
