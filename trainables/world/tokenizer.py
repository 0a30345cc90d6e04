"""The world's sub-word tokenizer: one Unigram vocabulary over all languages, as a Hugging Face fast tokenizer.

The pieces come from the lexicon, not from a trainer: the trainer of `tokenizers` gives other scores in every process,
and the world promises the same bytes for the same seed.
"""

from __future__ import annotations

from collections.abc import Iterator

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

from trainables.world.languages import LANGUAGES, Language
from trainables.world.lexicon import Lexicon, lexicon

SPECIALS = ("<s>", "<pad>", "</s>", "<unk>", "<mask>")
PUNCTUATION = (".", ",", "?")
SPACE = "▁"
WHOLE = 6
"""Roots with more letters than this come in two pieces."""
COST = {"piece": -8.0, "letter": -16.0}
"""Equal costs make the segmentation with the fewest pieces win; letters are the last resort."""


def build_tokenizer() -> PreTrainedTokenizerFast:
    """The tokenizer: words have one to three pieces, endings being pieces of their own."""
    tokenizer = Tokenizer(models.Unigram(vocabulary(), unk_id=SPECIALS.index("<unk>")))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Metaspace(), pre_tokenizers.Split(Regex("[.,?]"), "isolated")]
    )
    tokenizer.decoder = decoders.Metaspace()
    tokenizer.post_processor = pair_template()
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token="<s>",
        cls_token="<s>",
        pad_token="<pad>",
        eos_token="</s>",
        sep_token="</s>",
        unk_token="<unk>",
        mask_token="<mask>",
        model_max_length=256,
        model_input_names=["input_ids", "attention_mask"],
    )


def pair_template() -> processors.TemplateProcessing:
    """Put sentences between marks as XLM-R does: <s> A </s> </s> B </s>."""
    return processors.TemplateProcessing(
        single="<s> $A </s>",
        pair="<s> $A </s> </s> $B </s>",
        special_tokens=[("<s>", SPECIALS.index("<s>")), ("</s>", SPECIALS.index("</s>"))],
    )


def vocabulary() -> list[tuple[str, float]]:
    """Every piece with its score: the special ones, then words, endings and letters."""
    words = [piece for tongue in LANGUAGES.values() for piece in word_pieces(lexicon(tongue.code), tongue)]
    words += PUNCTUATION
    # a word may stand without a space before it (inside a tagging row's punctuation, say), so letters come bare
    letters = [*sorted({letter for piece in words for letter in piece} - {SPACE}), SPACE]
    scores = dict.fromkeys(SPECIALS, 0.0)
    scores |= dict.fromkeys(words, COST["piece"])
    scores |= {letter: COST["letter"] for letter in letters if letter not in scores}
    return list(scores.items())


def word_pieces(words: Lexicon, tongue: Language) -> Iterator[str]:
    """The pieces of one language's roots, endings and function words."""
    for mark in words.marks.values():
        yield mark
        yield SPACE + mark
    for word in words.functions.values():
        yield SPACE + word
    for root in (*words.words, *words.everyday):
        yield from root_pieces(root, prefixed=tongue.tense == "prefix")


def root_pieces(root: str, *, prefixed: bool) -> Iterator[str]:
    """A root whole, or in two halves when it is long; without a space too where it can stand after a prefix."""
    half = len(root) // 2 + 1 if len(root) > WHOLE else len(root)
    yield SPACE + root[:half]
    if prefixed:
        yield root[:half]
    if half < len(root):
        yield root[half:]
