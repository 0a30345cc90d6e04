"""How MLQA's official script compares answers (Lewis et al. 2020): SQuAD's way with each language's own articles.

It knows MLQA's seven languages; in any other no article goes and words are split at blanks.
"""

import re
import string
import unicodedata
from functools import partial

from trainables.formats.squad import Normalise

_ARTICLES = {
    "en": r"\b(a|an|the)\b",
    "es": r"\b(un|una|unos|unas|el|la|los|las)\b",
    "vi": r"\b(của|là|cái|chiếc|những)\b",
    "de": r"\b(ein|eine|einen|einem|eines|einer|der|die|das|den|dem|des)\b",
    "ar": r"\sال^|ال",  # as the script has it
}
_HAN = re.compile(r"[\u4e00-\u9fa5]")


def normaliser_of(language: str) -> Normalise:
    """What makes two answers in a language comparable."""
    return partial(_normalised, language=language)


def _normalised(answer: str, language: str) -> str:
    bare = "".join(letter for letter in answer.lower() if not _is_punctuation(letter))
    if language in _ARTICLES:
        bare = re.sub(_ARTICLES[language], " ", bare)
    if language == "zh":  # every Han letter is a word of its own
        bare = _HAN.sub(r" \g<0> ", bare)
    return " ".join(bare.split())


def _is_punctuation(letter: str) -> bool:
    return letter in string.punctuation or unicodedata.category(letter).startswith("P")
