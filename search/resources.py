"""What one trial takes of a machine, and how many run side by side."""

from dataclasses import dataclass

from spaces import UserError


@dataclass(frozen=True)
class Resources:
    """Of one trial; at most `workers` trials run side by side (None: as many as fit)."""

    cpus: float = 1.0
    gpus: float = 0.0
    workers: int | None = None

    @property
    def bundle(self) -> dict[str, float]:
        """The same in Ray's words."""
        return {"CPU": self.cpus, "GPU": self.gpus} if self.gpus else {"CPU": self.cpus}


def resources_of(devices: float, gpus: int, cores: int, workers: int | None) -> Resources:
    """So many devices to a trial, or a part of one: GPUs on a machine that has any, else cores.

    Raises `UserError` where the (largest) machine has fewer.
    """
    there, name = (gpus, "GPUs") if gpus else (cores, "cores")
    if devices > there:
        raise UserError(f"devices_per_trial: {devices:g} {name} are more than the {there} of one machine; give fewer")
    return Resources(gpus=devices, workers=workers) if gpus else Resources(cpus=devices, workers=workers)
