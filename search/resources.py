"""What one trial takes of a machine, and how many run side by side."""

import os
from dataclasses import dataclass

from spaces import UserError


@dataclass(frozen=True)
class Resources:
    """Of one trial; `workers` trials run side by side on this machine (None: as many as fit)."""

    cpus: float = 1.0
    gpus: float = 0.0
    workers: int | None = None


def resources_of(devices: float, gpus: int, workers: int | None) -> Resources:
    """So many devices to a trial, or a part of one: GPUs on a machine that has any, else cores.

    Raises `UserError` where the machine has fewer.
    """
    there, name = (gpus, "GPUs") if gpus else (os.cpu_count() or 1, "cores")
    if devices > there:
        raise UserError(f"devices_per_trial: {devices:g} {name} are more than the {there} of this machine; give fewer")
    return Resources(gpus=devices, workers=workers) if gpus else Resources(cpus=devices, workers=workers)
