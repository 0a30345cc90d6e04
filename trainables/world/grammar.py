"""How each language puts an event into words, with the grammatical tag of every word."""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

from trainables.world.languages import Language, language
from trainables.world.lexicon import Lexicon, lexicon
from trainables.world.meanings import FUTURE, KIND_OF, NOTHING, PAST, Event

UPOS: tuple[str, ...] = tuple("ADJ ADP ADV AUX CCONJ DET INTJ NOUN NUM PART PRON PROPN PUNCT SCONJ SYM VERB X".split())
"""The 17 universal parts of speech; the world uses the ones it needs."""

TENSES = ("past", "present", "future")


class Word(NamedTuple):
    """A written word with its fine tag; the part of speech is what stands before the first dot."""

    form: str
    tag: str


FINE_TAGS: tuple[str, ...] = (
    "ADJ.subject", "ADJ.object", "ADP", "ADV", "AUX.past", "AUX.present", "AUX.future", "DET.definite",
    "DET.indefinite", "INTJ", "NOUN.subject.singular", "NOUN.subject.plural", "NOUN.object.singular",
    "NOUN.object.plural", "NOUN.place",
    "NUM", "PART.not", "PRON.who", "PRON.what", "PRON.where", "PROPN", "PUNCT.stop", "PUNCT.question",
    "VERB.past", "VERB.present", "VERB.future", "VERB.plain",
)  # fmt: skip
"""Every fine tag, as a treebank's own tag set would have them."""


class Grammar:
    """Speaks one language: events in, words out."""

    def __init__(self, tongue: Language, words: Lexicon) -> None:
        self.tongue = tongue
        self.words = words
        self.verbs = [[self._verb(root, tense) for root in words.words] for tense in range(3)]
        self.everyday_verbs = [[self._verb(root, tense) for root in words.everyday] for tense in range(3)]

    def sentence(self, event: Event, *, everyday: frozenset[int] = frozenset(), filler: int = NOTHING) -> list[Word]:
        """The event as a statement; concepts in `everyday` take their everyday word."""
        return [*self._opening(filler), *self._clause(event, everyday), Word(".", "PUNCT.stop")]

    def question(self, event: Event, asked: str) -> list[Word]:
        """The event as a question about its `asked` part: agent, patient or place."""
        name = {"agent": "who", "patient": "what", "place": "where"}[asked]
        word = Word(self.words.functions[name], f"PRON.{name}")
        bare = event._replace(**_WITHOUT[asked])
        slot = None if self.tongue.question_first else asked
        clause = self._clause(bare, frozenset(), {slot: [word]} if slot else {asked: []})
        return [*([] if slot else [word]), *clause, Word("?", "PUNCT.question")]

    def _opening(self, filler: int) -> list[Word]:
        return [] if filler == NOTHING else [Word(self.words.words[filler], "INTJ"), Word(",", "PUNCT.stop")]

    def _clause(
        self, event: Event, everyday: frozenset[int], instead: dict[str, list[Word]] | None = None
    ) -> list[Word]:
        """The parts in the language's order; `instead` puts other words where a part would stand."""
        instead = instead or {}
        parts = {
            "S": instead["agent"] if "agent" in instead else self._agent(event, everyday),
            "V": self._predicate(event, everyday),
            "O": instead["patient"] if "patient" in instead else self._patient(event, everyday),
        }
        words = [word for slot in self.tongue.order for word in parts[slot]]
        words += instead["place"] if "place" in instead else self._place(event, everyday)
        if event.adverb == NOTHING:
            return words
        adverb = Word(self.words.words[event.adverb], "ADV")
        return [adverb, *words] if self.tongue.order == "SOV" else [*words, adverb]

    def _form(self, concept: int, everyday: frozenset[int]) -> str:
        return (self.words.everyday if concept in everyday else self.words.words)[concept]

    def _agent(self, event: Event, everyday: frozenset[int]) -> list[Word]:
        form = self._form(event.agent, everyday)
        if KIND_OF[event.agent] == "name":
            return [Word(form, "PROPN")]
        if event.agent_plural:
            form += self.words.marks["plural"]
        number = "plural" if event.agent_plural else "singular"
        noun = Word(form, f"NOUN.subject.{number}")
        return self._noun_phrase(noun, event.agent_adjective, "ADJ.subject", everyday, "the")

    def _patient(self, event: Event, everyday: frozenset[int]) -> list[Word]:
        plural = event.patient_number != NOTHING
        form = self._form(event.patient, everyday) + (self.words.marks["plural"] if plural else "")
        if self.tongue.case == "ending":
            form += self.words.marks["accusative"]
        noun = Word(form, "NOUN.object.plural" if plural else "NOUN.object.singular")
        phrase = self._noun_phrase(noun, event.patient_adjective, "ADJ.object", everyday, None if plural else "a")
        if plural:
            phrase.insert(0, Word(self.words.words[event.patient_number], "NUM"))
        if self.tongue.case == "particle":
            phrase.append(Word(self.words.functions["object"], "ADP"))
        return phrase

    def _noun_phrase(
        self, noun: Word, adjective: int, tag: str, everyday: frozenset[int], article: str | None
    ) -> list[Word]:
        words = [noun]
        if adjective != NOTHING:
            described = Word(self._form(adjective, everyday), tag)
            words = [described, noun] if self.tongue.adjective_first else [noun, described]
        if self.tongue.article and article:
            words.insert(
                0, Word(self.words.functions[article], "DET.definite" if article == "the" else "DET.indefinite")
            )
        return words

    def _predicate(self, event: Event, everyday: frozenset[int]) -> list[Word]:
        table = self.everyday_verbs if event.verb in everyday else self.verbs
        name = TENSES[event.tense]
        tag = "VERB.plain" if self.tongue.tense == "auxiliary" else f"VERB.{name}"
        words = [Word(table[event.tense][event.verb], tag)]
        if event.negated:
            words.insert(0, Word(self.words.functions["not"], "PART.not"))
        if self.tongue.tense == "auxiliary":
            form = self.words.functions[("was", "is", "will")[event.tense]]
            words.insert(0, Word(form, f"AUX.{name}"))
        return words

    def _place(self, event: Event, everyday: frozenset[int]) -> list[Word]:
        if event.place == NOTHING:
            return []
        form = self._form(event.place, everyday)
        if self.tongue.place == "case":
            return [Word(form + self.words.marks["locative"], "NOUN.place")]
        noun, near = Word(form, "NOUN.place"), Word(self.words.functions["in"], "ADP")
        return [near, noun] if self.tongue.place == "preposition" else [noun, near]

    def _verb(self, root: str, tense: int) -> str:
        mark = self.words.marks[TENSES[tense]]
        if self.tongue.tense == "auxiliary" or tense not in (PAST, FUTURE):
            return root
        return mark + root if self.tongue.tense == "prefix" else root + mark


_WITHOUT: dict[str, dict[str, Any]] = {
    "agent": {"agent": NOTHING, "agent_adjective": NOTHING},
    "patient": {"patient": NOTHING, "patient_adjective": NOTHING, "patient_number": NOTHING},
    "place": {"place": NOTHING},
}
"""What goes with a part when a question leaves it out."""


@cache
def grammar(code: str) -> Grammar:
    """The speaker of one language."""
    return Grammar(language(code), lexicon(code))


def text(words: list[Word]) -> str:
    """The words as written: spaces between them, none before punctuation."""
    return " ".join([word[0] for word in words]).replace(" .", ".").replace(" ?", "?").replace(" ,", ",")
