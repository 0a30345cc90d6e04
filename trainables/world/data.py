"""The world's rows: every skill, split, language, size and seed gives one fixed table."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import pyarrow as pa

from trainables.world.grammar import FINE_TAGS, UPOS, grammar, text
from trainables.world.languages import ENGLISH, language
from trainables.world.meanings import draw, events, maybe
from trainables.world.skills import choice, codebook, ending, entities, nli, paraphrase, qa, retrieval, senses, tagging
from trainables.world.streams import stream

Maker = Callable[[np.random.Generator, np.random.Generator, str, int], pa.Table]

SKILLS: dict[str, Maker] = {
    "nli": nli.table,
    "paraphrase": paraphrase.table,
    "qa": qa.table,
    "qa_or_none": qa.table_or_none,
    "pos": tagging.pos,
    "fine_tags": tagging.fine_tags,
    "entities": entities.table,
    "choice": choice.table,
    "choice_of_3": partial(choice.table, choices=3),
    "choice_of_5": partial(choice.table, choices=5),
    "retrieval": retrieval.table,
    "ending": ending.table,
    "senses": senses.table,
    "codebook": codebook.table,
}
TAG_NAMES: dict[str, tuple[str, ...]] = {
    "pos": UPOS,
    "fine_tags": FINE_TAGS,
    "entities": entities.ENTITIES,
    "senses": senses.SENSES,
    "codebook": codebook.CODE_NAMES,
}
SPLITS = ("train", "validation", "test")


def rows(skill: str, split: str, code: str, size: int, seed: int = 0) -> pa.Table:
    """`size` rows of a skill; the meanings depend on skill, split and seed alone, so that languages are parallel."""
    if skill not in SKILLS:
        raise ValueError(f"the world has no skill {skill!r}; it has {', '.join(SKILLS)}")
    if split not in SPLITS:
        raise ValueError(f"no split {split!r}; there are {', '.join(SPLITS)}")
    language(code)
    return SKILLS[skill](stream(seed, skill, split), stream(seed, skill, split, code), code, size)


def monolingual(code: str, size: int, seed: int = 0) -> list[str]:
    """`size` sentences of one language, for masked LM."""
    rng = stream(seed, "monolingual", code)
    fillers = maybe(rng, 0.15, draw(rng, "filler", size)).tolist()
    speak = grammar(code).sentence
    return [text(speak(event, filler=filler)) for event, filler in zip(events(rng, size), fillers)]


def parallel(code: str, size: int, seed: int = 0) -> list[tuple[str, str]]:
    """`size` (English, language) pairs in bookish words; the meanings are the same for every language."""
    said = events(stream(seed, "parallel"), size)
    english, foreign = grammar(ENGLISH).sentence, grammar(code).sentence
    return [(text(english(event)), text(foreign(event))) for event in said]
