"""Exact match and token F1 of answers as SQuAD's official script computes them (Rajpurkar et al. 2016)."""

import re
import string
from collections import Counter
from collections.abc import Callable, Sequence

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_PUNCTUATION = set(string.punctuation)
Normalise = Callable[[str], str]


def normalised(answer: str) -> str:
    """Lower case, without ASCII punctuation, English articles and double blanks."""
    bare = "".join(letter for letter in answer.lower() if letter not in _PUNCTUATION)
    return " ".join(_ARTICLES.sub(" ", bare).split())


def exact_match(answer: str, accepted: Sequence[str], normalise: Normalise = normalised) -> float:
    """1 where the answer equals an accepted one after normalising, else 0."""
    return float(any(normalise(answer) == normalise(one) for one in accepted))


def token_f1(answer: str, accepted: Sequence[str], normalise: Normalise = normalised) -> float:
    """The best F1 over tokens between the answer and an accepted one, 0 to 1."""
    return max((_f1(normalise(answer).split(), normalise(one).split()) for one in accepted), default=0.0)


def _f1(found: list[str], wanted: list[str]) -> float:
    shared = sum((Counter(found) & Counter(wanted)).values())
    return 2 * shared / (len(found) + len(wanted)) if shared else 0.0
