"""Where a sweep ran: versions, the state of the code, the machine. What a reader needs to run it again."""

import json
import os
import platform
import subprocess
from pathlib import Path
from typing import Any

from trainables.installed import version_of

ENVIRONMENT_FILE = "environment.json"
PACKAGES = ("stopover", "ray", "torch", "transformers", "datasets", "optuna", "mlflow", "numpy", "pyarrow")


def environment() -> dict[str, Any]:
    """Python, packages, git commit of the working directory (None outside of a repository), processor, memory, GPUs."""
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": {name: found for name in PACKAGES if (found := version_of(name)) is not None},
        "git_commit": _git("rev-parse", "HEAD"),
        "git_changed": bool(_git("status", "--porcelain")),
        "cores": os.cpu_count(),
        "memory_gb": round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1e9, 1),
        "gpus": _gpus(),
    }


def written_environment(folder: Path) -> dict[str, Any]:
    """Where a sweep ran, as it wrote it into its folder; empty where it has not come to its end."""
    path = folder / ENVIRONMENT_FILE
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else {}


def _git(*arguments: str) -> str | None:
    try:
        told = subprocess.run(["git", *arguments], capture_output=True, text=True, timeout=10)  # noqa: S603, S607
    except (OSError, subprocess.TimeoutExpired):
        return None
    return told.stdout.strip() if told.returncode == 0 else None


def _gpus() -> list[str]:
    import torch

    return [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())]
