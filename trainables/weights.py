"""Weights as safetensors bytes: what passes from stage to stage. Nothing is ever unpickled."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from safetensors.torch import load_file, save
from torch import Tensor, nn

ENCODER_FILE = "encoder.safetensors"
HEAD_FILE = "head.safetensors"


def to_bytes(tensors: Mapping[str, Tensor]) -> bytes:
    """Tensors as the bytes of a safetensors file."""
    return save({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()})


def read_tensors(path: Path) -> dict[str, Tensor]:
    """The tensors of a safetensors file, on the CPU."""
    return load_file(path)


def copy_of(module: nn.Module) -> dict[str, Tensor]:
    """A module's weights now, on the CPU, safe from further training."""
    return {name: tensor.detach().to("cpu", copy=True) for name, tensor in module.state_dict().items()}


def part(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """The tensors under a prefix, without it."""
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def under(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors with a prefix before their names."""
    return {prefix + name: tensor for name, tensor in tensors.items()}


def random_state(device: torch.device) -> dict[str, Tensor]:
    """The state of the generators that dropout draws from: the CPU's, and every GPU's where a batch is split."""
    state = {"cpu": torch.get_rng_state()}
    return state | numbered("cuda.", torch.cuda.get_rng_state_all()) if device.type == "cuda" else state


def restore_random_state(state: Mapping[str, Tensor]) -> None:
    """Puts the generators back to a state saved by `random_state`: those of the GPUs that this process has too."""
    torch.set_rng_state(state["cpu"])
    for number, of_gpu in enumerate(in_order("cuda.", state)[: torch.cuda.device_count()]):
        torch.cuda.set_rng_state(of_gpu, number)


def numbered(prefix: str, tensors: Sequence[Tensor]) -> dict[str, Tensor]:
    """Tensors in a row under a prefix and their numbers."""
    return {f"{prefix}{number}": tensor for number, tensor in enumerate(tensors)}


def in_order(prefix: str, tensors: Mapping[str, Tensor]) -> list[Tensor]:
    """The tensors that `numbered` put under a prefix, in their row."""
    found = part(tensors, prefix)
    return [found[str(number)] for number in range(len(found))]
