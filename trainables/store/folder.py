"""A store in a folder of this machine, or of a file system that several machines mount.

    stages/<k2>/<key>/      manifest.json and the stage's files
    snapshots/<key>/        the same of a stage that is under way
    sweeps/<name>/          the same of a sweep's list of stages
    leases/                 who computes what now

Entries are written beside their place, under a name that begins with a dot, and renamed.
"""

import os
import shutil
import time
import uuid
from collections.abc import Collection, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Any

from trainables.digest import digest_of_file
from trainables.full_disk import told_when_full
from trainables.store.base import Backend, Entry, Files, Item, Kind
from trainables.store.leases import Leases, LockLeases
from trainables.store.manifest import MANIFEST_FILE, Manifest, read_or_none


class Folder(Backend):
    """Entries as folders."""

    def __init__(self, root: Path, leases: Leases) -> None:
        self.root = root
        self._leases = leases
        self.of_one_machine = isinstance(leases, LockLeases)
        for kind in Kind:
            (root / kind).mkdir(parents=True, exist_ok=True)

    def manifest(self, kind: Kind, key: str) -> bytes | None:
        return read_or_none(self._folder(kind, key) / MANIFEST_FILE)

    def manifests(self, kind: Kind, keys: Collection[str] | None = None) -> dict[str, bytes]:
        wanted = [folder.name for folder in self._folders(kind)] if keys is None else keys
        found = ((key, self.manifest(kind, key)) for key in wanted)
        return {key: content for key, content in found if content is not None}

    def open(self, kind: Kind, key: str) -> Entry | None:
        folder = self._folder(kind, key)
        manifest = Manifest.parse(self.manifest(kind, key))
        return Entry(folder, manifest.record) if manifest is not None and manifest.matches(folder) else None

    def holds(self, kind: Kind, key: str) -> bool:
        return self._folder(kind, key).exists()

    def publish(self, kind: Kind, key: str, record: dict[str, Any], files: Files) -> None:
        with self._draft(kind, key, record, files) as draft:
            folder = self._folder(kind, key)
            try:
                draft.rename(folder)
            except OSError:
                if self.open(kind, key) is None:  # not a winner but a wreck in the way
                    take_away(folder)
                    draft.rename(folder)
            _flush_folder(folder.parent)

    def replace(self, kind: Kind, key: str, record: dict[str, Any], files: Files) -> None:
        with self._draft(kind, key, record, files) as draft:
            folder = self._folder(kind, key)
            take_away(folder)
            draft.rename(folder)
            _flush_folder(folder.parent)

    def remove(self, kind: Kind, key: str) -> None:
        take_away(self._folder(kind, key))

    def lease(self, key: str) -> AbstractContextManager[bool]:
        return self._leases.hold(key)

    def revoke_lease(self, key: str, host: str, pid: int) -> None:
        self._leases.revoke(key, host, pid)

    def items(self) -> list[Item]:
        return [
            self._item(folder, None if folder.name.startswith(".") else kind)
            for kind in Kind
            for folder in self._folders(kind, "*")
        ]

    def drop(self, item: Item) -> None:
        take_away(self.root / item.name)

    def _folder(self, kind: Kind, key: str) -> Path:
        return self.root / kind / key[:2] / key if kind is Kind.STAGE else self.root / kind / key

    def _folders(self, kind: Kind, pattern: str = "[!.]*") -> list[Path]:
        pattern = f"*/{pattern}" if kind is Kind.STAGE else pattern
        return sorted(path for path in (self.root / kind).glob(pattern) if path.is_dir())

    def _item(self, folder: Path, kind: Kind | None) -> Item:
        key = folder.name if kind is not None else folder.name.removeprefix(".").rpartition(".")[0]
        age = time.time() - _changed(folder)
        return Item(kind, key, str(folder.relative_to(self.root)), size_of(folder), age)

    @contextmanager
    def _draft(self, kind: Kind, key: str, record: dict[str, Any], files: Files) -> Iterator[Path]:
        folder = self._folder(kind, key)
        with told_when_full(self.root):
            folder.parent.mkdir(parents=True, exist_ok=True)
            draft = folder.parent / f".{folder.name}.{uuid.uuid4().hex}"
            try:
                write_entry(draft, record, files)
                yield draft
            finally:
                shutil.rmtree(draft, ignore_errors=True)


def write_entry(folder: Path, record: dict[str, Any], files: Files) -> Manifest:
    """Makes a folder with an entry's files and, last, its manifest; all of it is on the disk then."""
    folder.mkdir(parents=True)
    for name, content in files.items():
        _write(folder / name, content)
    manifest = Manifest(record, {name: digest_of_file(folder / name) for name in files})
    _write(folder / MANIFEST_FILE, manifest.to_bytes())
    return manifest


def take_away(folder: Path) -> None:
    """Removes a folder; renamed first, so that a reader sees all of it or nothing."""
    grave = folder.parent / f".{folder.name.strip('.').partition('.')[0]}.{uuid.uuid4().hex}"
    try:
        folder.rename(grave)
    except FileNotFoundError:
        return
    shutil.rmtree(grave, ignore_errors=True)


def size_of(folder: Path) -> int:
    """The bytes of a folder's files; what vanishes meanwhile counts nothing."""
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            with suppress(FileNotFoundError):
                total += Path(place, name).stat().st_size
    return total


def _changed(folder: Path) -> float:
    """When an entry was put in place, or what was left of one was written; now for what vanishes meanwhile."""
    for path in (folder / MANIFEST_FILE, folder):
        with suppress(FileNotFoundError):
            return path.stat().st_mtime
    return time.time()


def _write(path: Path, content: bytes | Path) -> None:
    with path.open("wb") as file:
        if isinstance(content, Path):
            with content.open("rb") as source:
                shutil.copyfileobj(source, file, 1 << 20)
        else:
            file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _flush_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
