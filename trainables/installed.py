"""Which versions a process computes with: what has to be the same wherever one sweep's stages are computed."""

import platform
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from trainables.digest import digest_of, digest_of_file

THAT_COUNT = ("ray", "torch", "transformers", "tokenizers", "datasets", "numpy", "pyarrow", "safetensors")
_FLOORS = ("spaces", "trainables")


@cache
def versions() -> dict[str, str]:
    """Python, the packages that decide results, and Stopover by the content of its two lower floors."""
    found = {name: version_of(name) or "none" for name in THAT_COUNT}
    return {"python": platform.python_version(), "stopover": _code(), **found}


def version_of(package: str) -> str | None:
    """A package's version; None where it is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def differing(ours: dict[str, str], theirs: dict[str, str]) -> list[str]:
    """Where two machines' `versions` differ, in words."""
    return [f"{name} {theirs.get(name)} instead of {ours[name]}" for name in ours if theirs.get(name) != ours[name]]


def _code() -> str:
    house = Path(__file__).parent.parent
    files = [path for floor in _FLOORS for path in (house / floor).rglob("*.py")]
    return digest_of({str(path.relative_to(house)): digest_of_file(path) for path in files})[:12]
