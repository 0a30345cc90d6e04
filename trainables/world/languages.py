"""The six languages of the world: who is related to whom, how each is written and how it builds a sentence."""

from __future__ import annotations

from dataclasses import dataclass

ENGLISH = "en"
"""The code of the language that plays English's part; it shares nothing with English but its role."""


@dataclass(frozen=True)
class Language:
    """One invented language: its family and script, and the settings of its grammar."""

    code: str
    name: str
    family: str
    script: str
    order: str
    """Order of subject, verb and object: SVO, SOV or VSO."""
    adjective_first: bool
    """Whether an adjective stands before its noun."""
    article: bool
    """Whether nouns carry an article."""
    case: str
    """What tells the object from the subject: an ending, a particle or nothing."""
    place: str
    """How a place is marked: preposition, postposition or case."""
    tense: str
    """How tense is marked: suffix, prefix or auxiliary."""
    question_first: bool
    """Whether the question word moves to the front of its sentence."""
    cognates: float = 0.0
    """Share of words inherited from the same root as English's."""


LANGUAGES: dict[str, Language] = {
    language.code: language
    for language in (
        Language("en", "Astern", "Asternic", "Latin", "SVO", True, True, "", "preposition", "auxiliary", True),
        Language("qaa", "Halden", "Asternic", "Latin", "SVO", True, True, "", "preposition", "auxiliary", True, 0.6),
        Language(
            "qab", "Velmic", "Asternic", "Latin", "SOV", True, True, "particle", "preposition", "suffix", True, 0.4
        ),
        Language("qac", "Orovan", "Orovic", "Cyrillic", "SVO", False, False, "ending", "case", "suffix", False),
        Language(
            "qad", "Tharani", "Tharic", "Devanagari", "SOV", True, False, "particle", "postposition", "suffix", False
        ),
        Language("qae", "Kelu", "Keluic", "Georgian", "VSO", False, False, "", "preposition", "prefix", False),
    )
}


def language(code: str) -> Language:
    """The language with this code, or an error that names the ones there are."""
    try:
        return LANGUAGES[code]
    except KeyError:
        raise ValueError(f"the world has no language {code!r}; it has {', '.join(LANGUAGES)}") from None
