"""The device that a trial computes on, and the arithmetic that it does well."""

from collections.abc import Mapping

import torch
from torch import Tensor

_BF16_PAYS_FROM = 128  # hidden size; below it the casts cost more than they save (measured on CPU)


def choose_device() -> torch.device:
    """The GPU that Ray gave this process, else the CPU with one thread.

    One thread, since trials run side by side and spinning threads of one starve the others.
    """
    if torch.cuda.is_available():
        return torch.device("cuda")
    torch.set_num_threads(1)
    return torch.device("cpu")


def autocast(device: torch.device, hidden: int) -> torch.autocast:
    """bf16 autocast where the device reports it and the encoder is wide enough to gain by it."""
    if device.type == "cuda":
        return torch.autocast("cuda", torch.bfloat16, enabled=torch.cuda.is_bf16_supported())
    return torch.autocast("cpu", torch.bfloat16, enabled=hidden >= _BF16_PAYS_FROM and _cpu_has_bf16())


def moved(tensors: Mapping[str, Tensor], device: torch.device) -> dict[str, Tensor]:
    """Tensors of the host on a device, which takes them in its own time: the host goes on at once."""
    if device.type == "cuda":
        tensors = {name: tensor.pin_memory() for name, tensor in tensors.items()}  # or the host would wait
    return {name: tensor.to(device, non_blocking=True) for name, tensor in tensors.items()}


def _cpu_has_bf16() -> bool:
    ask = getattr(torch.cpu, "get_capabilities", None)  # not in every supported torch
    reported = ask() if ask else {}
    return bool(reported.get("avx512_bf16") or reported.get("amx_bf16"))
