"""What every kind of store does: keeps entries, each whole or not at all, and hands out leases."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

Files = Mapping[str, bytes | Path]  # by name: the content, or a file to copy


class Kind(StrEnum):
    """What an entry is; the folder it lies under. Stages and snapshots go by stage key, sweeps by their name."""

    STAGE = "stages"
    SNAPSHOT = "snapshots"
    SWEEP = "sweeps"


@dataclass(frozen=True)
class Entry:
    """A finished stage: `record` is what it reports (JSON), `path` gives its files.

    The files stay readable as long as the entry is referred to: `hold` keeps a cache from dropping them.
    """

    folder: Path
    record: dict[str, Any]
    hold: object = field(default=None, repr=False, compare=False)

    def path(self, name: str) -> Path:
        """One of the entry's files."""
        return self.folder / name


@dataclass(frozen=True)
class Item:
    """Something that takes room in a store: an entry, or (`kind` None) what a killed process left of one.

    `name` is its place in the store, `size` in bytes, `age` in seconds by the clock that stamped it.
    """

    kind: Kind | None
    key: str
    name: str
    size: int
    age: float


class Backend(ABC):
    """Where entries lie. `Store` says what they mean; any number of processes use one place at once.

    `of_one_machine` tells whether its leases reach no further than one machine.
    """

    of_one_machine = False

    @abstractmethod
    def manifest(self, kind: Kind, key: str) -> bytes | None:
        """An entry's manifest as it lies there, unchecked; None where there is none."""

    @abstractmethod
    def manifests(self, kind: Kind, keys: Collection[str] | None = None) -> dict[str, bytes]:
        """The manifests of those of the keys (None: of all) that are there, in few requests."""

    @abstractmethod
    def open(self, kind: Kind, key: str) -> Entry | None:
        """An entry with its files on this machine, all checked; None where it is absent or damaged."""

    @abstractmethod
    def holds(self, kind: Kind, key: str) -> bool:
        """Whether anything lies in an entry's place, whole or not."""

    @abstractmethod
    def publish(self, kind: Kind, key: str, record: dict[str, Any], files: Files) -> None:
        """Puts an entry in place at once, unless one is there. Raises `DiskFull`."""

    @abstractmethod
    def replace(self, kind: Kind, key: str, record: dict[str, Any], files: Files) -> None:
        """Puts an entry in place at once, in place of one that is there. Raises `DiskFull`."""

    @abstractmethod
    def remove(self, kind: Kind, key: str) -> None:
        """Takes an entry away; a reader sees all of it or nothing."""

    @abstractmethod
    def lease(self, key: str) -> AbstractContextManager[bool]:
        """Single flight: whether this process may compute a stage while the block lasts."""

    @abstractmethod
    def revoke_lease(self, key: str, host: str, pid: int) -> None:
        """Ends a stage's lease where a process has it that is known to be gone."""

    @abstractmethod
    def items(self) -> list[Item]:
        """All that takes room."""

    @abstractmethod
    def drop(self, item: Item) -> None:
        """Takes one of `items` away."""
