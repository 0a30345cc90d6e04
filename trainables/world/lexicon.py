"""The words of each language: roots grown from its sounds, inherited ones changed by sound laws, then its script."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from trainables.world.languages import ENGLISH, Language, language
from trainables.world.meanings import KIND_OF
from trainables.world.streams import stream

LATIN = "abdefghijklmnoprstuvz"
SCRIPTS: dict[str, dict[int, int]] = {
    "Latin": {},
    "Cyrillic": str.maketrans(LATIN, "абдефгхийклмнопрстувз"),
    "Devanagari": str.maketrans(LATIN, "अबदएफगहइजकलमनओपरसतउवझ"),
    "Georgian": str.maketrans(LATIN, "აბდეფგჰიჯკლმნოპრსტუვზ"),
}
SOUNDS: dict[str, tuple[str, str, str]] = {
    "en": ("bdfghklmnprstv", "aeiou", "lnrst"),
    "qaa": ("bdfghklmnprstv", "aeiou", "lnrsk"),
    "qab": ("bdfgjklmnprstz", "aeiou", "mnrsz"),
    "qac": ("bdgklmnprstvz", "aeio", "kmnrt"),
    "qad": ("bdghjklmnprt", "aiu", "nrt"),
    "qae": ("fhklmnpt", "aeiou", ""),
}
"""First consonants, vowels and last consonants of a syllable."""
SOUND_LAWS: dict[str, dict[int, int]] = {
    "qaa": str.maketrans("pvo", "fbu"),
    "qab": str.maketrans("thfa", "djbo"),
}
"""How a related language has changed the sounds of the common roots."""

EVERYDAY_KINDS = frozenset({"person", "animal", "thing", "verb"})
"""Kinds whose English concepts have an everyday word beside the bookish one."""

MARKS = ("plural", "accusative", "locative", "past", "present", "future")
WORDS = ("the", "a", "not", "in", "was", "is", "will", "who", "what", "where", "object")
"""Function words, named by what they do."""


@dataclass(frozen=True)
class Lexicon:
    """All the forms of one language."""

    words: tuple[str, ...]
    """Root of each concept."""
    everyday: tuple[str, ...]
    """The everyday word of each concept; the same as `words` where there is no other."""
    marks: dict[str, str]
    """Endings (or prefixes)."""
    functions: dict[str, str]


def syllable(rng: np.random.Generator, sounds: tuple[str, str, str], *, closed: bool) -> str:
    """One syllable: consonant, vowel, and a last consonant when closed and the language has any."""
    first, vowels, last = sounds
    text = first[rng.integers(len(first))] + vowels[rng.integers(len(vowels))]
    return text + last[rng.integers(len(last))] if closed and last else text


def root(rng: np.random.Generator, sounds: tuple[str, str, str], taken: set[str], syllables: int) -> str:
    """A root that no other word of the language has."""
    while True:
        text = "".join(syllable(rng, sounds, closed=rng.random() < 0.4) for _ in range(syllables))
        if text not in taken:
            taken.add(text)
            return text
        syllables = max(syllables, 2)


def roots(seed: int, code: str, count: int, taken: set[str], name: str) -> list[str]:
    """`count` roots of two or three syllables."""
    rng = stream(seed, "lexicon", code, name)
    return [root(rng, SOUNDS[code], taken, 2 if rng.random() < 0.7 else 3) for _ in range(count)]


def inherit(seed: int, tongue: Language, own: list[str], parent: tuple[str, ...], taken: set[str]) -> list[str]:
    """The roots with a share replaced by their English cognates; names are always borrowed."""
    rng = stream(seed, "cognates", tongue.code)
    law = SOUND_LAWS.get(tongue.code, {})
    words = []
    for concept, word in enumerate(own):
        kept = rng.random() < (1.0 if KIND_OF[concept] == "name" else tongue.cognates)
        cognate = parent[concept].translate(law)
        words.append(cognate if kept and cognate not in taken else word)
        taken.add(words[-1])
    return words


@cache
def lexicon(code: str, seed: int = 0) -> Lexicon:
    """The words of one language in its own script."""
    tongue = language(code)
    taken: set[str] = set()
    rng = stream(seed, "function words", code)
    functions = {name: root(rng, SOUNDS[code], taken, 1) for name in WORDS}
    marks = dict(zip(MARKS, endings(rng, code)))
    words = roots(seed, code, len(KIND_OF), taken, "words")
    if code != ENGLISH:
        words = inherit(seed, tongue, words, lexicon(ENGLISH, seed).words, taken)
    everyday = list(words)
    if code == ENGLISH:
        fresh = roots(seed, code, len(KIND_OF), taken, "everyday")
        everyday = [new if KIND_OF[i] in EVERYDAY_KINDS else old for i, (old, new) in enumerate(zip(words, fresh))]
    return written(tongue, words, everyday, marks, functions)


def endings(rng: np.random.Generator, code: str) -> list[str]:
    """A different short ending for each mark."""
    taken: set[str] = set()
    return [root(rng, SOUNDS[code], taken, 1) for _ in MARKS]


def written(
    tongue: Language, words: list[str], everyday: list[str], marks: dict[str, str], functions: dict[str, str]
) -> Lexicon:
    """The lexicon in the language's script."""
    script = SCRIPTS[tongue.script]
    return Lexicon(
        tuple(word.translate(script) for word in words),
        tuple(word.translate(script) for word in everyday),
        {name: text.translate(script) for name, text in marks.items()},
        {name: text.translate(script) for name, text in functions.items()},
    )
