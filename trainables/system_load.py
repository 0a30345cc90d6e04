"""What a trial's process takes of its machine."""

import time

import psutil
import torch


class Load:
    """Asked now and then; each answer covers the time since the last."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._process = psutil.Process()
        self._since = time.monotonic()
        self._spent = self._cpu_seconds()

    def told(self) -> dict[str, float]:
        """`cpu_percent` (of one core), `memory_gb` (resident), and of a GPU `gpu_memory_gb` (allocated, at most)."""
        now, spent = time.monotonic(), self._cpu_seconds()
        busy = 100 * (spent - self._spent) / max(1e-3, now - self._since)
        self._since, self._spent = now, spent
        load = {"cpu_percent": round(busy, 1), "memory_gb": round(self._process.memory_info().rss / 1e9, 3)}
        if self._device.type == "cuda":
            load["gpu_memory_gb"] = round(torch.cuda.max_memory_allocated(self._device) / 1e9, 3)
        return load

    def _cpu_seconds(self) -> float:
        times = self._process.cpu_times()
        return times.user + times.system
