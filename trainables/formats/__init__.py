"""One file per format; `FINE_TUNING` says which class trains which."""

from spaces import Format
from trainables.formats.base import FineTuning, Scores
from trainables.formats.multiple_choice import MultipleChoice
from trainables.formats.sentence_pair import SentencePair
from trainables.formats.span_qa import SpanQA
from trainables.formats.tagging import Tagging

__all__ = ["FINE_TUNING", "FineTuning", "Scores"]

FINE_TUNING: dict[Format, type[FineTuning]] = {
    Format.SENTENCE_PAIR: SentencePair,
    Format.MULTIPLE_CHOICE: MultipleChoice,
    Format.SPAN_QA: SpanQA,
    Format.TAGGING: Tagging,
}
