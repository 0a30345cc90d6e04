"""Multiple choice (HellaSwag, CommonsenseQA ...): which of several texts goes with the context and question?"""

from collections.abc import Sequence
from itertools import accumulate, chain, pairwise
from typing import Any

import pyarrow as pa
import torch
from torch import Tensor

from trainables.examples import Examples
from trainables.formats.base import Batch, Row, cross_entropy, was_cut
from trainables.formats.classification import Classification, ranked


class MultipleChoice(Classification):
    """Context against question and choice, one sequence per choice, one number per sequence; the highest wins.

    A row holds the sequences of all the choices of an example, one after the other; `lengths` says where they part.
    """

    def encode(self, examples: Examples) -> pa.Table:
        table = examples.table
        columns = [table[name].to_pylist() for name in ("context", "question", "choices")]
        contexts, questions, choices = columns
        firsts = [context for context, texts in zip(contexts, choices, strict=True) for _ in texts]
        seconds = [f"{question} {text}".strip() for question, texts in zip(questions, choices) for text in texts]
        tokens = self.tokenizer(
            firsts,
            seconds,
            truncation="longest_first",
            max_length=self.settings.max_length,
            return_attention_mask=False,
        )
        ends = list(accumulate((len(texts) for texts in choices), initial=0))
        rows = {
            name: pa.array([list(chain.from_iterable(ids[a:b])) for a, b in pairwise(ends)], pa.list_(pa.int32()))
            for name, ids in tokens.items()
        }
        lengths = [[len(one) for one in tokens["input_ids"][a:b]] for a, b in pairwise(ends)]
        cut = was_cut(tokens)
        return pa.table(
            rows
            | {
                "example": pa.array(range(len(examples)), pa.int32()),
                "cut": pa.array([any(cut[a:b]) for a, b in pairwise(ends)], pa.bool_()),
                "lengths": pa.array(lengths, pa.list_(pa.int32())),
                "label": table["label"].combine_chunks(),
            }
        )

    def sequences(self, rows: Sequence[Row]) -> Sequence[Row]:
        names = [name for name in ("input_ids", "token_type_ids") if name in rows[0]]
        return [
            {name: row[name][a:b] for name in names}
            for row in rows
            for a, b in pairwise(accumulate(row["lengths"], initial=0))
        ]

    @property
    def outputs(self) -> int:
        return 1

    def targets(self, rows: Sequence[Row], width: int) -> Batch:
        return {"places": _places(rows), "classes": torch.tensor([row["label"] for row in rows])}

    def loss(self, logits: Tensor, batch: Batch) -> Tensor:
        return cross_entropy(_by_example(logits, batch["places"]), batch["classes"])

    def decode(self, logits: Tensor, rows: Sequence[Row]) -> list[Any]:
        return ranked(_by_example(logits, _places(rows).to(logits.device)))


def _places(rows: Sequence[Row]) -> Tensor:
    """Which sequence of the batch is which choice: (examples, most choices), -1 where an example has fewer."""
    ends = list(accumulate((len(row["lengths"]) for row in rows), initial=0))
    places = [torch.arange(a, b) for a, b in pairwise(ends)]
    return torch.nn.utils.rnn.pad_sequence(places, batch_first=True, padding_value=-1)


def _by_example(logits: Tensor, places: Tensor) -> Tensor:
    """(sequences, 1) to (examples, most choices); places that an example does not have can never win."""
    chosen = logits.squeeze(-1).float()[places.clamp(min=0)]
    return chosen.masked_fill(places < 0, torch.finfo(torch.float32).min)
