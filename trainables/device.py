"""The device that a trial computes on, and the arithmetic that it does well."""

import gc
from collections.abc import Mapping

import torch
from torch import Tensor, nn

_BF16_PAYS_FROM = 128  # hidden size; below it the casts cost more than they save (measured on CPU)


def choose_device(share: float = 1.0) -> torch.device:
    """The GPU that Ray gave this process, else the CPU; `share` is how many devices a trial has, or what part of one.

    On the CPU a device is a core with one thread: trials run side by side, and more threads than cores spin and starve
    one another. Of a GPU that trials share none takes more memory than its part, so that it runs out of memory itself
    (and goes on with smaller batches) instead of its neighbour.
    """
    if torch.cuda.is_available():
        if share < 1:
            torch.cuda.set_per_process_memory_fraction(share)
        return torch.device("cuda")
    torch.set_num_threads(max(1, int(share)))
    return torch.device("cpu")


def over_all_gpus(model: nn.Module, device: torch.device) -> nn.Module:
    """The model, its batches split over the GPUs that this process was given where they are several."""
    several = device.type == "cuda" and torch.cuda.device_count() > 1
    return nn.DataParallel(model) if several else model


def release_memory(device: torch.device) -> None:
    """Gives back what this process holds of a GPU's memory and no longer uses, to the trials beside it."""
    if device.type == "cuda":
        gc.collect()
        torch.cuda.empty_cache()


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
