"""The store: finished stages under their keys, shared by every trial, sweep and later run.

It lies in a folder (`folder`) or under a URL such as s3://bucket/stopover (`bucket`). Either way an entry appears whole
or not at all, the first to publish wins, and whatever is read is checked against checksums: an entry that fails is
removed and computed again.
"""

import logging
from collections.abc import Collection, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from spaces import UserError
from trainables.store.base import Backend, Entry, Files, Item, Kind
from trainables.store.manifest import Manifest

__all__ = ["Entry", "Item", "Kind", "Need", "Store"]

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Need:
    """A sweep and the keys of all its stages; `home` tells homes apart, `where` is the home in words."""

    sweep: str
    home: str
    where: str
    keys: frozenset[str]


class Store:
    """Stage results. Any number of processes, on as many machines as reach it, may use one store at once."""

    def __init__(self, root: Path | str, cache: Path | None = None) -> None:
        """`root` is a folder or a URL; `cache` the folder for files that a URL is read from on this machine.

        Raises `UserError` for a URL where no store can be kept.
        """
        self.root = root
        self._backend = _backend(root, cache)
        self._cached: dict[tuple[Kind, str], bytes | None] = {}

    def record(self, key: str) -> dict[str, Any] | None:
        """What a finished stage reported, or None; its files are not read."""
        return _record(self._manifest(Kind.STAGE, key))

    def records(self, keys: Collection[str]) -> dict[str, dict[str, Any]]:
        """What those of some stages reported that are finished: `record` of many, in few requests."""
        found = self._backend.manifests(Kind.STAGE, keys)
        records = {key: _record(content) for key, content in found.items()}
        return {key: record for key, record in records.items() if record is not None}

    @contextmanager
    def records_cached(self, keys: Collection[str]) -> Iterator[None]:
        """A block in which `record` and `snapshot_record` of some stages tell what was there when it began.

        For those who ask for thousands one by one: under a URL each would be a request.
        """
        for kind in (Kind.STAGE, Kind.SNAPSHOT):
            found = self._backend.manifests(kind, keys)
            self._cached |= {(kind, key): found.get(key) for key in keys}
        try:
            yield
        finally:
            self._cached = {}

    def find(self, key: str) -> Entry | None:
        """A finished stage, every file checked; None where it is absent or damaged (it is then removed)."""
        return self._open(Kind.STAGE, key)

    def publish(self, key: str, record: dict[str, Any], files: Files) -> None:
        """Puts a stage's result in place at once and drops its snapshot. The first to publish wins.

        Raises `DiskFull`, a `UserError`; nothing of the entry is there then.
        """
        self._backend.publish(Kind.STAGE, key, record, files)
        self._backend.remove(Kind.SNAPSHOT, key)

    def snapshot(self, key: str) -> Entry | None:
        """The last snapshot of a stage under way, checked; None where there is none."""
        return self._open(Kind.SNAPSHOT, key)

    def snapshot_record(self, key: str) -> dict[str, Any] | None:
        """What a stage under way had reported by its last snapshot, or None."""
        return _record(self._manifest(Kind.SNAPSHOT, key))

    def save_snapshot(self, key: str, record: dict[str, Any], files: Files) -> None:
        """Replaces the snapshot of a stage under way. Raises `DiskFull`."""
        self._backend.replace(Kind.SNAPSHOT, key, record, files)

    def drop_snapshot(self, key: str) -> None:
        """Takes a snapshot away, if it is there."""
        self._backend.remove(Kind.SNAPSHOT, key)

    @property
    def of_one_machine(self) -> bool:
        """Whether its leases hold among the processes of one machine only."""
        return self._backend.of_one_machine

    def lease(self, key: str) -> AbstractContextManager[bool]:
        """Single flight: a block that is told whether this process may compute the stage now.

        In a folder of one machine it is a lock of the operating system; elsewhere it is renewed and expires
        (`leases.RenewedLeases`). One that is lost costs work done twice, never a wrong result.
        """
        return self._backend.lease(key)

    def revoke_lease(self, key: str, host: str, pid: int) -> None:
        """Ends a stage's lease where a process has it that is known to be gone."""
        self._backend.revoke_lease(key, host, pid)

    # What is needed, and what takes room ------------------------------------------------------------------------

    def need(self, sweep: str, home: str, where: str, keys: Iterable[str]) -> None:
        """Writes down which stages a sweep needs, so that nobody who shares the store clears them away."""
        record = {"sweep": sweep, "home": home, "where": where, "keys": sorted(keys)}
        self._backend.replace(Kind.SWEEP, f"{sweep}@{home}", record, {})

    def needs(self) -> dict[str, Need]:
        """What each sweep needs, by the name of its list; raises `UserError` for one that cannot be read."""
        return {name: _need(name, content) for name, content in self._backend.manifests(Kind.SWEEP).items()}

    def items(self) -> list[Item]:
        """All that takes room in the store."""
        return self._backend.items()

    def drop(self, item: Item) -> bool:
        """Takes one of `items` away, unless a process computes its stage; whether it did."""
        with self.lease(item.key) as ours:
            if ours:
                self._backend.drop(item)
        return ours

    def _manifest(self, kind: Kind, key: str) -> bytes | None:
        return self._cached[kind, key] if (kind, key) in self._cached else self._backend.manifest(kind, key)

    def _open(self, kind: Kind, key: str) -> Entry | None:
        for _ in range(2):  # it may have been published, or replaced, while it was read
            entry = self._backend.open(kind, key)
            if entry is not None or not self._backend.holds(kind, key):
                return entry
        logger.warning("%s/%s in %s is damaged; it is removed and computed again", kind, key, self.root)
        self._backend.remove(kind, key)
        return None


def _is_url(root: Path | str) -> bool:
    """Whether a store's place is a URL, and not a folder."""
    return isinstance(root, str) and "://" in root


def _backend(root: Path | str, cache: Path | None) -> Backend:
    # What a store in a folder needs not is imported where it is needed.
    from trainables.store.folder import Folder
    from trainables.store.leases import LockLeases, RenewedLeases
    from trainables.store.mounts import is_shared
    from trainables.store.objects import Objects

    if not _is_url(root) or urlsplit(str(root)).scheme == "file":
        folder = Path(unquote(urlsplit(str(root)).path)) if _is_url(root) else Path(root).absolute()
        shared = _is_url(root) or is_shared(folder)
        return Folder(folder, RenewedLeases(Objects(folder.as_uri())) if shared else LockLeases(folder / "leases"))

    from trainables.store.bucket import Bucket
    from trainables.store.node_cache import NodeCache, cache_limit

    if cache is None:
        raise UserError(f"{root}: a store under a URL needs a folder on this machine for its cache")
    objects = Objects(str(root))
    objects.check()
    return Bucket(objects, NodeCache(cache, cache_limit()), RenewedLeases(objects))


def _record(manifest: bytes | None) -> dict[str, Any] | None:
    parsed = Manifest.parse(manifest)
    return None if parsed is None else parsed.record


def _need(name: str, content: bytes) -> Need:
    record = _record(content)
    if record is None:
        raise UserError(f"the store's list of what the sweep {name} needs is damaged; run that sweep again first")
    return Need(record["sweep"], record["home"], record["where"], frozenset(record["keys"]))
