"""The world's encoder before any training: a tiny ModernBERT whose first weights already lean towards matching words.

A model this small sits on a plateau for minutes before its heads learn to compare words. Where a head's keys start out
as a copy of its queries, a word attends to its likes from the first step, and the plateau is gone.
"""

from __future__ import annotations

import numpy as np
import torch
from transformers import ModernBertConfig, ModernBertForMaskedLM, PreTrainedTokenizerFast

from trainables.world.dictionary import start_rows

HIDDEN = 64
LAYERS = 3
HEADS = 2
FAST = 4
"""Rotary pairs that turn so fast that they tell neighbours apart."""
SLOW = 10
"""Rotary pairs that hardly turn over a whole text."""
MATCH = 1.5
"""How strongly the first head of each far-sighted layer starts out matching."""
GAIN = 3.0
"""Size of the embeddings beside what the layers add; a large one keeps words recognisable in the middle layers."""
SCALE, NOISE = 0.15, 0.15
"""Size of the embedding rows, and the noise on them as a share of it."""


def new_encoder(tokenizer: PreTrainedTokenizerFast, rng: np.random.Generator) -> ModernBertForMaskedLM:
    """A fresh model with its masked LM head; uses torch's own random state as well."""
    model = ModernBertForMaskedLM(shape(tokenizer))
    rows = start_rows(tokenizer.get_vocab(), HIDDEN, rng, NOISE) * SCALE
    with torch.no_grad():
        model.model.embeddings.tok_embeddings.weight.copy_(torch.from_numpy(rows))
        model.model.embeddings.norm.weight.fill_(GAIN)
    for layer in model.model.layers:
        if layer.attention_type == "full_attention":
            match_likes(layer.attn.Wqkv.weight)
    with torch.no_grad():  # the first attention has no norm before it, so it sees the embeddings at their full size
        model.model.layers[0].attn.Wqkv.weight.div_(GAIN)
    return model


def shape(tokenizer: PreTrainedTokenizerFast) -> ModernBertConfig:
    """Far, near, far: find the same word elsewhere, gather it within the sentence, compare again."""
    return ModernBertConfig(
        vocab_size=len(tokenizer),
        hidden_size=HIDDEN,
        intermediate_size=HIDDEN,
        num_hidden_layers=LAYERS,
        num_attention_heads=HEADS,
        layer_types=["full_attention", "sliding_attention", "full_attention"],
        rope_parameters={
            kind: {"rope_type": "default", "rope_theta": 10000.0} for kind in ("full_attention", "sliding_attention")
        },
        local_attention=16,
        max_position_embeddings=512,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        cls_token_id=tokenizer.cls_token_id,
        sep_token_id=tokenizer.sep_token_id,
        initializer_range=0.08,
    )


@torch.no_grad()
def match_likes(weight: torch.Tensor) -> None:
    """Start the first head so that a word attends to the same word elsewhere, and not to itself.

    Keys are a copy of the queries in the slowly turning rotary pairs, and their negative in the fast ones: at distance
    zero the two cancel, and a few words away the fast ones have turned to nothing.
    """
    width = HIDDEN // HEADS
    pairs = width // 2
    queries = torch.nn.init.orthogonal_(torch.empty(width, HIDDEN)) * MATCH
    turn = torch.zeros(pairs)
    turn[:FAST] = -SLOW / FAST
    turn[pairs - SLOW :] = 1.0
    weight[:width] = queries
    weight[HIDDEN : HIDDEN + width] = queries * turn.repeat(2).unsqueeze(1)
