"""Makes the world's pretrained encoder: a dictionary's start, then masked LM on every language, in under a minute."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from torch.nn.functional import cross_entropy
from transformers import ModernBertForMaskedLM, PreTrainedTokenizerFast
from transformers.utils import logging

from trainables.world.data import monolingual, parallel
from trainables.world.encoder import new_encoder
from trainables.world.languages import ENGLISH, LANGUAGES
from trainables.world.streams import stream
from trainables.world.tokenizer import SPECIALS, build_tokenizer

Progress = Callable[[int, int], None]
"""Called with the steps done and the steps in all."""

SENTENCES = 6000
"""Sentences of each language, and pairs of each language with English."""
TEMPERATURE = 0.05
MASK_STEPS, MASK_SENTENCES, MASK_RATE, MASKED = 900, 64, 1e-3, 0.2
RANK_PAIRS = 64


def pretrain(folder: str | Path, seed: int = 0, progress: Progress | None = None) -> Path:
    """Train tokenizer and encoder, and put them in `folder` as `AutoModel.from_pretrained` wants them."""
    folder = Path(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    tokenizer = build_tokenizer()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = new_encoder(tokenizer, stream(seed, "encoder"))
        read(model, tokenizer, seed, progress)
    return publish(model, tokenizer, folder)


def publish(model: ModernBertForMaskedLM, tokenizer: PreTrainedTokenizerFast, folder: Path) -> Path:
    """Write beside the folder, then rename, so that nobody ever sees half a model."""
    draft = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    logging.disable_progress_bar()  # one file in a blink
    model.model.save_pretrained(draft)
    tokenizer.save_pretrained(draft)
    draft.chmod(0o755)
    try:
        draft.rename(folder)
    except OSError:  # somebody else was first: theirs has the same content
        shutil.rmtree(draft)
        if not (folder / "config.json").exists():
            raise
    return folder


def read(
    model: ModernBertForMaskedLM, tokenizer: PreTrainedTokenizerFast, seed: int, progress: Progress | None
) -> None:
    """Masked LM on every language's text, with translation ranking to keep the words in their places."""
    texts = [text for code in LANGUAGES for text in monolingual(code, SENTENCES, seed)]
    ids, mask = encoded(tokenizer, texts)
    pairs = translations(tokenizer, seed)
    rng = stream(seed, "mask")
    start = model.model.embeddings.tok_embeddings.weight.detach().clone()
    optimizer = torch.optim.AdamW(model.parameters(), lr=MASK_RATE, weight_decay=0.01)
    picks = batches(rng, len(ids), MASK_SENTENCES, MASK_STEPS)
    ranked = batches(rng, len(pairs[0][0]), RANK_PAIRS, MASK_STEPS)
    for step, (pick, pair) in enumerate(zip(picks, ranked)):
        set_rate(optimizer, MASK_RATE, step, MASK_STEPS)
        loss = masked_loss(model, tokenizer, *trimmed(ids[pick], mask[pick]), rng)
        take_step(optimizer, loss + ranking_loss(model.model.embeddings, pairs, pair))
        if progress is not None:
            progress(step + 1, MASK_STEPS)
    forget_unread(model, start, ids)


@torch.no_grad()
def forget_unread(model: ModernBertForMaskedLM, start: torch.Tensor, ids: torch.Tensor) -> None:
    """Give words that no text had their first row back.

    The output layer shares the table and pushes every absent word the same way, so that a word never read would end up
    far out, and fine-tuning would take long to bring it to its meaning.
    """
    unread = torch.ones(len(start), dtype=torch.bool)
    unread[ids.unique()] = False
    unread[: len(SPECIALS)] = False
    model.model.embeddings.tok_embeddings.weight[unread] = start[unread]


Encoded = tuple[torch.Tensor, torch.Tensor]
"""Token ids and attention mask."""


def translations(tokenizer: PreTrainedTokenizerFast, seed: int) -> tuple[Encoded, Encoded]:
    """The parallel text of every language: English side, other side."""
    pairs = [pair for code in LANGUAGES if code != ENGLISH for pair in parallel(code, SENTENCES, seed)]
    english, foreign = zip(*pairs)
    return encoded(tokenizer, list(english)), encoded(tokenizer, list(foreign))


def encoded(tokenizer: PreTrainedTokenizerFast, texts: list[str]) -> Encoded:
    """All texts as padded tensors."""
    batch = tokenizer(texts, padding=True, return_tensors="pt")
    return batch["input_ids"], batch["attention_mask"]


def trimmed(ids: torch.Tensor, mask: torch.Tensor) -> Encoded:
    """The batch without columns that are padding in every row."""
    width = int(mask.sum(1).max())
    return ids[:, :width], mask[:, :width]


def batches(rng: np.random.Generator, size: int, count: int, steps: int) -> Iterator[torch.Tensor]:
    """`steps` random batches of `count` row numbers."""
    for _ in range(steps):
        yield torch.from_numpy(rng.integers(0, size, count))


def ranking_loss(embeddings: torch.nn.Module, pairs: tuple[Encoded, Encoded], pick: torch.Tensor) -> torch.Tensor:
    """How badly each sentence's mean finds its translation among the batch, both ways."""
    sides = [mean_vector(embeddings, *trimmed(ids[pick], mask[pick])) for ids, mask in pairs]
    scores = sides[0] @ sides[1].T / TEMPERATURE
    truth = torch.arange(len(scores))
    return (cross_entropy(scores, truth) + cross_entropy(scores.T, truth)) / 2


def mean_vector(embeddings: torch.nn.Module, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Unit-length mean of the embeddings of each row."""
    weights = mask.unsqueeze(-1).float()
    mean = (embeddings(ids) * weights).sum(1) / weights.sum(1)
    return torch.nn.functional.normalize(mean, dim=-1)


def masked_loss(
    model: ModernBertForMaskedLM,
    tokenizer: PreTrainedTokenizerFast,
    ids: torch.Tensor,
    mask: torch.Tensor,
    rng: np.random.Generator,
) -> torch.Tensor:
    """Cross entropy of the hidden words, each of which was replaced by the mask token."""
    hidden = torch.from_numpy(rng.random(tuple(ids.shape)) < MASKED) & (ids >= len(SPECIALS))
    states = model.model(input_ids=ids.masked_fill(hidden, tokenizer.mask_token_id), attention_mask=mask)
    # only the hidden places go through the wide output layer: it would cost more than the encoder
    return cross_entropy(model.decoder(model.head(states.last_hidden_state[hidden])), ids[hidden])


def set_rate(optimizer: torch.optim.Optimizer, peak: float, step: int, steps: int) -> None:
    """Linear warm-up over a tenth of the steps, then linear decay."""
    rate = peak * min(1.0, (step + 1) / (0.1 * steps)) * (1 - step / steps)
    for group in optimizer.param_groups:
        group["lr"] = rate


def take_step(optimizer: torch.optim.Optimizer, loss: torch.Tensor) -> None:
    """One update."""
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
