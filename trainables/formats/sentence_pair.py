"""Sentence pairs (NLI, paraphrase): one class per pair of texts."""

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import torch
from torch import Tensor

from trainables.examples import Examples
from trainables.formats.base import Batch, Row, cross_entropy, was_cut
from trainables.formats.classification import Classification, ranked


class SentencePair(Classification):
    """Both texts in one sequence, the longest cut first; a classifier over the pooled vector."""

    def encode(self, examples: Examples) -> pa.Table:
        tokens = self.tokenizer(
            examples.table["text_a"].to_pylist(),
            examples.table["text_b"].to_pylist(),
            truncation="longest_first",
            max_length=self.settings.max_length,
            return_attention_mask=False,
        )
        columns = {name: pa.array(ids, pa.list_(pa.int32())) for name, ids in tokens.items()}
        numbers = pa.array(range(len(examples)), pa.int32())
        cut = pa.array(was_cut(tokens), pa.bool_())
        return pa.table(columns | {"example": numbers, "cut": cut, "label": examples.table["label"].combine_chunks()})

    @property
    def outputs(self) -> int:
        return len(self.labels)

    def targets(self, rows: Sequence[Row], width: int) -> Batch:
        return {"classes": torch.tensor([row["label"] for row in rows])}

    def loss(self, logits: Tensor, batch: Batch) -> Tensor:
        return cross_entropy(logits, batch["classes"])

    def decode(self, logits: Tensor, rows: Sequence[Row]) -> list[Any]:
        return ranked(logits)
