"""Examples of every format that any encoder learns within seconds: a cue word gives each answer away.

They are as long as the catalogue says that the task's own examples are, so that a device works on them as on real
data, and need neither download nor mirror. Nothing measured in scores means anything beyond "it learns".
"""

import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

from spaces import Format, Task
from spaces.tasks import Split
from trainables.columns import dataset_columns
from trainables.sources import Piece, Place, Presence, Source

WHERE = "generated with cue words"
WORDS = [f"word{number}" for number in range(1000)]
CUES = [f"cue{number}" for number in range(5)]
SPECIALS = ("<s>", "<pad>", "</s>", "<unk>", "<mask>")
_QUESTION_WORDS = 12

Rows = dict[str, list[Any]]


class CuedSource(Source):
    """Every task of the catalogue but those with an open label set: `train` rows to learn from, `held_out` in dev and
    in each language's test set."""

    def __init__(self, train: int, held_out: int) -> None:
        self.train = train
        self.held_out = held_out

    def read(self, task: Task, split: Split, language: str) -> list[Piece]:
        rng = np.random.default_rng(zlib.crc32(f"{task.name} {split} {language}".encode()))
        size = self.train if split == "train" else self.held_out
        made = _to_mine(rng, task, size) if task.format is Format.MINING else [_ROWS[task.format](rng, task, size)]
        return [
            Piece(table, dataset_columns(pa.table(rows), table.columns), WHERE)
            for table, rows in zip(task.parts(split), made, strict=True)
        ]

    def languages(self, task: Task) -> tuple[str, ...]:
        return task.languages

    def places(self, task: Task, split: Split, language: str) -> list[Place]:
        return [Place(WHERE, Presence.HERE, rows=self.train if split == "train" else self.held_out)]


def save_tokenizer(folder: Path) -> None:
    """A tokenizer that knows the words, one token each, and marks sentences as XLM-R does."""
    numbers = {piece: number for number, piece in enumerate((*SPECIALS, *WORDS, *CUES))}
    backend = Tokenizer(models.WordLevel(numbers, unk_token="<unk>"))
    backend.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    backend.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    PreTrainedTokenizerFast(
        tokenizer_object=backend,
        model_max_length=512,
        bos_token="<s>",
        cls_token="<s>",
        pad_token="<pad>",
        eos_token="</s>",
        sep_token="</s>",
        unk_token="<unk>",
        mask_token="<mask>",
    ).save_pretrained(folder)


def _pairs(rng: np.random.Generator, task: Task, size: int) -> Rows:
    labels = rng.integers(len(task.labels), size=size)
    return {
        "text_a": [" ".join(_words(rng, task.tokens * 2 / 3)) for _ in labels],
        "text_b": [_cued(_words(rng, task.tokens / 3), CUES[label]) for label in labels],
        "label": labels.tolist(),
    }


def _choices(rng: np.random.Generator, task: Task, size: int) -> Rows:
    labels = rng.integers(len(task.labels), size=size)
    each = task.tokens / len(task.labels)  # the catalogue counts all choices of an example

    def texts(right: int) -> list[str]:
        return [_cued(_words(rng, each / 3), CUES[1 if place == right else 0]) for place in range(len(task.labels))]

    return {
        "context": [" ".join(_words(rng, each * 2 / 3)) for _ in labels],
        "question": [""] * size,
        "choices": [texts(right) for right in labels],
        "label": labels.tolist(),
    }


def _questions(rng: np.random.Generator, task: Task, size: int) -> Rows:
    contexts = [_words(rng, task.tokens - _QUESTION_WORDS) for _ in range(size)]
    answers = []
    for words in contexts:
        place, cue = int(rng.integers(len(words))), CUES[rng.integers(len(CUES))]
        words[place] = cue
        answers.append({"text": [cue], "answer_start": [sum(len(word) + 1 for word in words[:place])]})
    return {
        "id": [str(number) for number in range(size)],
        "context": [" ".join(words) for words in contexts],
        "question": [" ".join(_words(rng, _QUESTION_WORDS)) for _ in range(size)],
        "answers": answers,
    }


def _tagged(rng: np.random.Generator, task: Task, size: int) -> Rows:
    sentences = [_words(rng, task.tokens) for _ in range(size)]
    tag_of = {word: number % len(task.labels) for number, word in enumerate(WORDS)}
    return {"tokens": sentences, "tags": [[tag_of[word] for word in sentence] for sentence in sentences]}


def _translations(rng: np.random.Generator, task: Task, size: int) -> Rows:
    source = [_words(rng, task.tokens) for _ in range(size)]
    return {
        "source_sentence": [" ".join(words) for words in source],
        "target_sentence": [_cued(words, CUES[0], every=4) for words in source],
    }


def _to_mine(rng: np.random.Generator, task: Task, size: int) -> list[Rows]:
    """The pairs and the sentences of either side; half of the sentences have a translation on the other side."""
    ids = [str(number) for number in range(size)]
    paired = _translations(rng, task, size // 2)
    lone = [[" ".join(_words(rng, task.tokens)) for _ in ids[size // 2 :]] for _ in range(2)]
    sides = [paired["source_sentence"] + lone[0], paired["target_sentence"] + lone[1]]
    gold = {"source_id": ids[: size // 2], "target_id": ids[: size // 2]}
    return [gold, *({"id": ids, "sentence": sentences} for sentences in sides)]


_ROWS: dict[Format, Callable[[np.random.Generator, Task, int], Rows]] = {
    Format.SENTENCE_PAIR: _pairs,
    Format.MULTIPLE_CHOICE: _choices,
    Format.SPAN_QA: _questions,
    Format.TAGGING: _tagged,
    Format.RETRIEVAL: _translations,
}


def _words(rng: np.random.Generator, mean: float) -> list[str]:
    """Between half and one and a half times as many words as the mean."""
    count = max(3, round(mean * rng.uniform(0.5, 1.5)))
    return [WORDS[number] for number in rng.integers(len(WORDS), size=count)]


def _cued(words: list[str], cue: str, every: int = 3) -> str:
    """The text with the cue in place of its first and every third word after."""
    return " ".join(cue if index % every == 0 else word for index, word in enumerate(words))
