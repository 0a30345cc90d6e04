"""The pretrained encoder: found, loaded and run; the head that a task puts on it."""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import torch
from torch import Tensor, nn
from transformers import AutoModel, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase
from transformers.utils import logging

from trainables.device import autocast
from trainables.formats.base import Batch, HeadShape

_LAYERS_OF_XTREME = (14, 24)  # the hidden state that XTREME pools for Tatoeba, of XLM-R Large's layers


class Head(nn.Module):
    """A task's classifier. Over pooled vectors it is RoBERTa's (dense, tanh, linear), over tokens one linear layer."""

    def __init__(self, hidden: int, shape: HeadShape, dropout: float) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout if shape.drops else 0.0)
        self.dense = nn.Linear(hidden, hidden) if shape.pools else None
        self.out = nn.Linear(hidden, shape.outputs)

    def forward(self, states: Tensor) -> Tensor:
        """Logits (..., outputs) of states (..., hidden)."""
        states = self.dropout(states)
        if self.dense is not None:
            states = self.dropout(torch.tanh(self.dense(states)))
        return self.out(states)


class FineTuned(nn.Module):
    """An encoder with a head, or several, on its tokens or on one vector per text."""

    def __init__(self, encoder: PreTrainedModel, shapes: Sequence[HeadShape], dropout: float) -> None:
        super().__init__()
        self.encoder = encoder
        self.means = getattr(encoder.config, "classifier_pooling", "cls") == "mean"
        self.heads = nn.ModuleList(Head(encoder.config.hidden_size, shape, dropout) for shape in shapes)

    def forward(self, batch: Batch, head: int = 0) -> Tensor:
        """Logits: (batch, outputs) where the head pools, else (batch, width, outputs)."""
        # In here, as threads that run copies of the model on other GPUs know nothing of the caller's.
        with autocast(batch["input_ids"].device, self.encoder.config.hidden_size):
            states = self.encoder(**inputs(batch)).last_hidden_state
            chosen = self.heads[head]
            if chosen.dense is None:
                return chosen(states)
            # As the encoder's own family does: the first token's state, or the mean where its configuration says so.
            return chosen(mean_pooled(states, batch["attention_mask"]) if self.means else states[:, 0])


def inputs(batch: Batch) -> Batch:
    """What of a batch goes into the encoder."""
    return {name: batch[name] for name in ("input_ids", "attention_mask", "token_type_ids") if name in batch}


def mean_pooled(states: Tensor, mask: Tensor) -> Tensor:
    """Mean over the tokens that are not padding: (batch, width, hidden) to (batch, hidden)."""
    weights = mask.unsqueeze(-1).to(states.dtype)
    return (states * weights).sum(1) / weights.sum(1)


def load_encoder(folder: Path) -> PreTrainedModel:
    """The encoder of a folder, float32, without pooler (no task uses it)."""
    logging.disable_progress_bar()
    logging.set_verbosity_error()  # it would report the pretraining head's weights, which nothing here needs
    try:
        return AutoModel.from_pretrained(folder, dtype=torch.float32, add_pooling_layer=False)
    except TypeError:  # architectures without a pooler do not know the argument
        return AutoModel.from_pretrained(folder, dtype=torch.float32)


@lru_cache(maxsize=4)
def load_tokenizer(folder: Path) -> PreTrainedTokenizerBase:
    """The folder's tokenizer, loaded once per process."""
    return AutoTokenizer.from_pretrained(folder)


def retrieval_layer(encoder: PreTrainedModel, chosen: int | None) -> int:
    """The hidden state to pool (0 is the embeddings): as chosen, else XTREME's 14 of 24 scaled to the depth."""
    depth: int = encoder.config.num_hidden_layers
    layer, of = _LAYERS_OF_XTREME
    return min(chosen, depth) if chosen is not None else round(depth * layer / of)
