"""What a machine keeps to spare itself work: it can all be made or fetched again."""

import os
from dataclasses import dataclass
from pathlib import Path

CACHE_FOLDER = "STOPOVER_CACHE"  # on a cluster every machine names its own, on a local disk


@dataclass(frozen=True)
class Caches:
    """Paths under one folder of this machine."""

    root: Path

    @classmethod
    def of_this_machine(cls, default: Path) -> "Caches":
        """Under the folder that the environment names, else under another."""
        return cls(Path(os.environ.get(CACHE_FOLDER) or default).absolute())

    @property
    def encoded(self) -> Path:
        """Tokenised data, and generated data before it is tokenised."""
        return self.root / "encoded"

    @property
    def store(self) -> Path:
        """Files of a store under a URL, as far as this machine has read them."""
        return self.root / "store"

    @property
    def world_model(self) -> Path:
        """The embedded world's pretrained encoder."""
        return self.root / "world-encoder"
