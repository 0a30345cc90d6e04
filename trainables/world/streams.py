"""Named random streams: the same words always give the same generator, in every process."""

from __future__ import annotations

from zlib import crc32

import numpy as np


def stream(seed: int, *names: str) -> np.random.Generator:
    """A generator of its own for this seed and these names (crc32, because `hash` changes between processes)."""
    return np.random.default_rng([seed, *(crc32(name.encode()) for name in names)])
