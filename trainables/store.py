"""The store: finished stages under their keys, shared by every trial, sweep and later run.

    stages/<k2>/<key>/      manifest.json and the stage's files; appears whole or not at all
    snapshots/<key>/        where a stage that is under way can go on from; same shape
    leases/<key>.lock       held, by the operating system, while a process computes the stage

Whatever is read is checked against the manifest's checksums; an entry that fails is removed and computed again.
"""

import json
import logging
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from trainables.digest import digest_of, digest_of_file

_MANIFEST = "manifest.json"
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Entry:
    """A finished stage: `record` is what it reports (JSON), `path` gives its files."""

    folder: Path
    record: dict[str, Any]

    def path(self, name: str) -> Path:
        """One of the entry's files."""
        return self.folder / name


class Store:
    """A folder of stage results. Any number of processes on one machine may use it at once."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for folder in (self._stages, self._snapshots, self._leases):
            folder.mkdir(parents=True, exist_ok=True)

    @property
    def _stages(self) -> Path:
        return self.root / "stages"

    @property
    def _snapshots(self) -> Path:
        return self.root / "snapshots"

    @property
    def _leases(self) -> Path:
        return self.root / "leases"

    def record(self, key: str) -> dict[str, Any] | None:
        """What a finished stage reported, or None; its files are not read."""
        return _read_manifest(self._folder(key), check_files=False)

    def find(self, key: str) -> Entry | None:
        """A finished stage, every file checked; None where it is absent or damaged (it is then removed)."""
        return self._open(self._folder(key))

    def publish(self, key: str, record: dict[str, Any], files: dict[str, bytes | Path]) -> Entry:
        """Puts a stage's result in place at once and drops its snapshot. The first to publish wins."""
        folder = self._folder(key)
        self._put(folder, record, files, replace=False)
        shutil.rmtree(self._snapshots / key, ignore_errors=True)
        return Entry(folder, record)

    def snapshot(self, key: str) -> Entry | None:
        """The last snapshot of a stage under way, checked; None where there is none."""
        return self._open(self._snapshots / key)

    def snapshot_record(self, key: str) -> dict[str, Any] | None:
        """What a stage under way had reported by its last snapshot, or None."""
        return _read_manifest(self._snapshots / key, check_files=False)

    def save_snapshot(self, key: str, record: dict[str, Any], files: dict[str, bytes | Path]) -> None:
        """Replaces the snapshot of a stage under way."""
        self._put(self._snapshots / key, record, files, replace=True)

    @contextmanager
    def lease(self, key: str) -> Iterator[bool]:
        """Single flight: yields whether this process may compute the stage now.

        The lock is the operating system's, so it ends with the process that holds it, however that dies.
        """
        lock = FileLock(self._leases / f"{key}.lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            yield False
            return
        try:
            yield True
        finally:
            lock.release()

    def _folder(self, key: str) -> Path:
        return self._stages / key[:2] / key

    def _open(self, folder: Path) -> Entry | None:
        record = _read_manifest(folder, check_files=True)
        if record is None and folder.exists():
            record = _read_manifest(folder, check_files=True)  # it may have been published just now
        if record is None and folder.exists():
            logger.warning("%s is damaged; it is removed and computed again", folder)
            _remove(folder)
        return None if record is None else Entry(folder, record)

    def _put(self, folder: Path, record: dict[str, Any], files: dict[str, bytes | Path], replace: bool) -> None:
        folder.parent.mkdir(parents=True, exist_ok=True)
        draft = folder.parent / f".{folder.name}.{uuid.uuid4().hex}"
        draft.mkdir()
        try:
            for name, content in files.items():
                _write(draft / name, content)
            body = {"record": record, "files": {name: digest_of_file(draft / name) for name in files}}
            _write(draft / _MANIFEST, json.dumps({"body": body, "sha256": digest_of(body)}).encode())
            if replace:
                _remove(folder)
            try:
                draft.rename(folder)
            except OSError:
                if _read_manifest(folder, check_files=True) is None:  # not a winner but a wreck in the way
                    _remove(folder)
                    draft.rename(folder)
            _flush_folder(folder.parent)
        finally:
            shutil.rmtree(draft, ignore_errors=True)


def _read_manifest(folder: Path, check_files: bool) -> dict[str, Any] | None:
    try:
        manifest = json.loads((folder / _MANIFEST).read_bytes())
        body = manifest["body"]
        whole = manifest["sha256"] == digest_of(body)
        if whole and check_files:
            whole = all(digest_of_file(folder / name) == digest for name, digest in body["files"].items())
        return body["record"] if whole else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _remove(folder: Path) -> None:
    # Renamed first: a reader then sees all of it or nothing.
    grave = folder.parent / f".{folder.name}.{uuid.uuid4().hex}"
    try:
        folder.rename(grave)
    except FileNotFoundError:
        return
    shutil.rmtree(grave, ignore_errors=True)


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
