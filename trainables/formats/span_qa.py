"""Span question answering: the answer is a span of the context, found through overlapping windows."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor

from trainables.examples import Examples
from trainables.formats.base import Batch, FineTuning, HeadShape, Row, Scores, cross_entropy, mean, points_of
from trainables.formats.mlqa import normaliser_of
from trainables.formats.squad import exact_match, normalised, token_f1

# Phang et al. 2020's and the BERT scripts' settings.
QUESTION_TOKENS = 64
BEST_SPANS = 20
ANSWER_TOKENS = 30
NULL_THRESHOLD = 0.0  # by how much "no answer" must beat the best span (Hugging Face's SQuAD 2.0 script's default)
_NOT_CONTEXT = -1


class SpanQA(FineTuning):
    """Start and end logits per token; windows overlap by `settings.stride` tokens."""

    def encode(self, examples: Examples) -> pa.Table:
        contexts = examples.table["context"].to_pylist()
        answers = examples.table["answers"].to_pylist()
        # Stripped, since some of SQuAD's questions start with blanks that would cost tokens.
        questions = [question.strip() for question in examples.table["question"].to_pylist()]
        short = self._shortened(questions)
        tokens = self.tokenizer(
            short,
            contexts,
            truncation="only_second",
            max_length=self.settings.max_length,
            stride=self._stride(),
            return_overflowing_tokens=True,
            return_offsets_mapping=True,
            return_attention_mask=False,
        )
        rows: dict[str, list[Any]] = {name: [] for name in ("example", "cut", "left", "right", "start", "end")}
        for window, number in enumerate(tokens["overflow_to_sample_mapping"]):
            inside = [segment == 1 for segment in tokens.encodings[window].sequence_ids]
            offsets = tokens["offset_mapping"][window]
            left = [_trim(contexts[number], a, b)[0] if ok else _NOT_CONTEXT for (a, b), ok in zip(offsets, inside)]
            right = [b if ok else _NOT_CONTEXT for (_, b), ok in zip(offsets, inside)]
            start, end = _answer_tokens(answers[number], left, right)
            cut = short[number] != questions[number]
            for name, value in zip(rows, (number, cut, left, right, start, end), strict=True):
                rows[name].append(value)
        columns = {
            name: pa.array(tokens[name], pa.list_(pa.int32()))
            for name in self.tokenizer.model_input_names
            if name in tokens
        }
        integer, offset = pa.int32(), pa.list_(pa.int32())
        types = dict(zip(rows, (integer, pa.bool_(), offset, offset, integer, integer), strict=True))
        return pa.table(columns | {name: pa.array(values, types[name]) for name, values in rows.items()})

    def _shortened(self, questions: Sequence[str]) -> list[str]:
        spans = self.tokenizer(list(questions), add_special_tokens=False, return_offsets_mapping=True)["offset_mapping"]
        longest = self._question_tokens
        return [
            question[: offsets[longest - 1][1]] if len(offsets) > longest else question
            for question, offsets in zip(questions, spans, strict=True)
        ]

    @property
    def _tokens(self) -> int:
        """Tokens of a window for question and context."""
        return self.settings.max_length - self.tokenizer.num_special_tokens_to_add(pair=True)

    @property
    def _question_tokens(self) -> int:
        """The longest question: in short windows it leaves a third to the context."""
        return min(QUESTION_TOKENS, self._tokens * 2 // 3)

    def _stride(self) -> int:
        # The tokenizer counts the overlap; it must leave room for new tokens beside the longest question.
        return min(self.settings.stride, (self._tokens - self._question_tokens) // 2)

    @property
    def outputs(self) -> int:
        return 2

    @property
    def head(self) -> HeadShape:
        # The encoder's states as they are, as the BERT scripts' and Hugging Face's heads for span QA read them.
        return HeadShape(self.outputs, self.pools, drops=False)

    def targets(self, rows: Sequence[Row], width: int) -> Batch:
        return {name: torch.tensor([row[name] for row in rows]) for name in ("start", "end")}

    def loss(self, logits: Tensor, batch: Batch) -> Tensor:
        """Mean of start's and end's cross-entropy; a window without the answer points at its first token."""
        blocked = logits.masked_fill(~batch["attention_mask"].bool().unsqueeze(-1), torch.finfo(logits.dtype).min)
        return (cross_entropy(blocked[..., 0], batch["start"]) + cross_entropy(blocked[..., 1], batch["end"])) / 2

    def decode(self, logits: Tensor, rows: Sequence[Row]) -> list[Any]:
        # A window's first token stands for "no answer here" (Devlin et al. 2019), as it does in the loss.
        values = logits.float().cpu().numpy()
        return [(_best_span(values[index], row), float(values[index, 0].sum())) for index, row in enumerate(rows)]

    def merge(self, examples: Examples, parts: Sequence[list[Any]]) -> list[Any]:
        contexts = examples.table["context"].to_pylist()
        return [self._answer(context, windows) for context, windows in zip(contexts, parts, strict=True)]

    def _answer(self, context: str, windows: list[Any]) -> str:
        (total, left, right), null = max(span for span, _ in windows), min(null for _, null in windows)
        if self.task.unanswerable and null - total > NULL_THRESHOLD:
            return ""
        return context[left:right]

    def score(self, examples: Examples, predictions: Sequence[Any]) -> Scores:
        """Mean of exact match and F1, as XTREME reports QA.

        Chance is a random span of one to five words, or no answer at all where that earns more.
        """
        exact, f1 = self._compared(examples, predictions)
        both = [(a + b) / 2 for a, b in zip(exact, f1, strict=True)]
        guesses = [_random_spans(examples.table["context"].to_pylist())]
        guesses += [[""] * len(examples)] if self.task.unanswerable else []
        chance = max(sum(mean(scores) for scores in self._compared(examples, one)) / 2 for one in guesses)
        metrics = {"exact_match": mean(exact), "f1": mean(f1)}
        return Scores(mean(both), chance, len(examples), metrics, points_of(both))

    def answers(self, examples: Examples, parts: Sequence[list[Any]], scores: Scores) -> dict[str, Any]:
        return dict(zip(examples.table["id"].to_pylist(), scores.points[:, 0].tolist(), strict=True))

    def _compared(self, examples: Examples, predictions: Sequence[str]) -> tuple[list[float], list[float]]:
        """Exact match and F1 of every prediction, 0 to 1."""
        accepted = [answers["text"] for answers in examples.table["answers"].to_pylist()]
        # English dev is SQuAD and compared as SQuAD is, so that XQuAD and MLQA share what they train on it.
        by_mlqa = self.task.normaliser == "mlqa" and examples.split == "test"
        normalise = normaliser_of(examples.language) if by_mlqa else normalised
        pairs = list(zip(predictions, accepted, strict=True))
        if self.task.unanswerable:  # as SQuAD 2.0's script: a question without answer is right when left unanswered
            pairs = [(answer, texts or [""]) for answer, texts in pairs]
        exact = [exact_match(answer, texts, normalise) for answer, texts in pairs]
        f1 = [
            hit if texts == [""] else token_f1(answer, texts, normalise) for hit, (answer, texts) in zip(exact, pairs)
        ]
        return exact, f1


def _trim(context: str, left: int, right: int) -> tuple[int, int]:
    # Sentence-piece tokens start with the blank before the word; answers do not.
    while left < right and context[left].isspace():
        left += 1
    return left, right


def _answer_tokens(answers: dict[str, Any], left: list[int], right: list[int]) -> tuple[int, int]:
    """First and last token of the first answer, (0, 0) where this window does not hold all of it."""
    if not answers["text"]:
        return 0, 0
    begin = answers["answer_start"][0]
    finish = begin + len(answers["text"][0])
    touching = [i for i, (a, b) in enumerate(zip(left, right)) if a != _NOT_CONTEXT and a < finish and b > begin]
    if not touching or left[touching[0]] > begin or right[touching[-1]] < finish:
        return 0, 0
    return touching[0], touching[-1]


def _best_span(logits: np.ndarray, row: Row) -> tuple[float, int, int]:
    """The likeliest span among the best starts and ends: (score, first letter, after the last letter)."""
    left, right = np.asarray(row["left"]), np.asarray(row["right"])
    usable = np.flatnonzero(left != _NOT_CONTEXT)
    if not len(usable):
        return (-np.inf, 0, 0)
    starts = usable[np.argsort(-logits[usable, 0], kind="stable")[:BEST_SPANS]]
    ends = usable[np.argsort(-logits[usable, 1], kind="stable")[:BEST_SPANS]]
    length = ends[None, :] - starts[:, None]
    total = logits[starts, 0][:, None] + logits[ends, 1][None, :]
    total = np.where((length >= 0) & (length < ANSWER_TOKENS), total, -np.inf)
    start, end = np.unravel_index(int(total.argmax()), total.shape)
    return float(total[start, end]), int(left[starts[start]]), int(right[ends[end]])


def _random_spans(contexts: Sequence[str]) -> list[str]:
    rng = np.random.default_rng(0)
    spans = []
    for context in contexts:
        words = context.split() or [""]
        first = int(rng.integers(len(words)))
        spans.append(" ".join(words[first : first + int(rng.integers(1, 6))]))
    return spans
