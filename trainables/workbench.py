"""What a process needs to run stages: store, data, encoder and tokenizer, each loaded once."""

from functools import cached_property
from pathlib import Path

import torch
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from trainables.device import choose_device
from trainables.encoder import load_encoder, load_tokenizer
from trainables.examples import Data
from trainables.model_files import model_digest, tokenizer_digest
from trainables.store import Store
from trainables.weights import ENCODER_FILE, copy_of, read_tensors


class MissingParent(Exception):
    """The stage before is not in the store (any more): it has to be computed again."""


class Workbench:
    """One per process: trials that follow one another on it share the loaded encoder.

    `devices` is how many devices a trial has, or what part of one; `held` is what keeps the model's folder there.
    """

    def __init__(
        self, store: Store, data: Data, model: Path, cache: Path, devices: float = 1.0, held: object = None
    ) -> None:
        self.store = store
        self.data = data
        self.model = model
        self._held = held
        self.cache = cache
        self.device: torch.device = choose_device(devices)
        self.news_seconds = 3.0  # how often a stage under way says how far it has come

    @cached_property
    def model_digest(self) -> str:
        """The key of the pretrained encoder."""
        return model_digest(self.model)

    @cached_property
    def tokenizer_digest(self) -> str:
        """The tokenizer's name in caches."""
        return tokenizer_digest(self.model)

    @property
    def tokenizer(self) -> PreTrainedTokenizerBase:
        """The encoder's tokenizer."""
        return load_tokenizer(self.model)

    def encoder_after(self, parent: str) -> PreTrainedModel:
        """The encoder as the parent stage (or pretraining) left it.

        There is one encoder per process: this call changes the weights of what it returned before. Raises
        `MissingParent` when the parent is not in the store.
        """
        self._loaded[0].load_state_dict(self._weights_after(parent))
        return self._loaded[0]

    def _weights_after(self, parent: str) -> dict[str, Tensor]:
        if parent == self.model_digest:
            return self._loaded[1]
        entry = self.store.find(parent)
        if entry is None:
            raise MissingParent(parent)
        return read_tensors(entry.path(ENCODER_FILE))

    @cached_property
    def _loaded(self) -> tuple[PreTrainedModel, dict[str, Tensor]]:
        """The process's encoder and a copy of its pretrained weights, taken before any stage changes them."""
        encoder = load_encoder(self.model)
        encoder.to(self.device)  # type: ignore[arg-type]  # its annotation lost `self`
        return encoder, copy_of(encoder)
