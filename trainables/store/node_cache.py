"""Files of a remote store on this machine: fetched once, then shared by all its processes.

    <folder>/<name>/        an entry's files; a name stands for one content
    <folder>/<name>.use     held shared by those who read them, alone by the one who drops them
    <folder>/<name>.fetch   held by the one who fetches them

Bounded: what was not used for longest is dropped first, never what a process is reading.
"""

import fcntl
import os
import shutil
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from spaces import UserError
from trainables.full_disk import told_when_full
from trainables.store.folder import size_of, take_away
from trainables.store.manifest import Manifest

_DEFAULT_GIGABYTES = 50.0
_ABANDONED_SECONDS = 86_400.0  # no fetch lasts a day

Fetch = Callable[[Path], None]
Hold = IO[bytes]  # a locked file; the lock ends when it is closed, or when nobody refers to it any more


class NodeCache:
    """A folder that all processes of a machine share."""

    def __init__(self, folder: Path, limit: int) -> None:
        """`limit` in bytes; passed for a while where all that is there is in use."""
        self._folder = folder
        self._limit = limit
        folder.mkdir(parents=True, exist_ok=True)

    def open(self, name: str, manifest: Manifest, size: int, fetch: Fetch) -> tuple[Path, Hold] | None:
        """The folder of an entry's files, checked, and what keeps them there as long as it is referred to.

        `fetch` puts the files, `size` bytes in all, into a folder. None where what it brings is not what the
        manifest names.
        """
        folder = self._folder / name
        for _ in range(3):  # here already; fetched; fetched but dropped again before it could be held
            hold = self._lock(f"{name}.use", fcntl.LOCK_SH)
            seen = _version(folder)
            if seen is not None and manifest.matches(folder):
                os.utime(self._folder / f"{name}.use")  # when it was last used
                return folder, hold
            hold.close()
            with self._lock(f"{name}.fetch", fcntl.LOCK_EX):
                if _version(folder) == seen:  # else another process has fetched it meanwhile
                    self._fill(folder, size, fetch)
                (self._folder / f"{name}.fetch").unlink()
        return None

    @contextmanager
    def draft(self, size: int) -> Iterator[Path]:
        """A new folder, to be filled and kept (`keep`), gone after the block otherwise."""
        self._make_room(size)
        draft = self._folder / f".{uuid.uuid4().hex}"
        with told_when_full(self._folder):
            try:
                yield draft
            finally:
                shutil.rmtree(draft, ignore_errors=True)

    def keep(self, draft: Path, name: str) -> None:
        """Puts a draft in an entry's place, unless it is there already."""
        (self._folder / f"{name}.use").touch()
        with suppress(OSError):
            draft.rename(self._folder / name)

    def _fill(self, folder: Path, size: int, fetch: Fetch) -> None:
        take_away(folder)  # damaged, or gone
        with self.draft(size) as draft:
            draft.mkdir()
            fetch(draft)
            draft.rename(folder)

    def _make_room(self, wanted: int) -> None:
        """Drops what was not used for longest until so many bytes fit."""
        self._drop_abandoned()
        folders = [path for path in self._folder.iterdir() if path.is_dir() and not path.name.startswith(".")]
        sizes = {folder: size_of(folder) for folder in folders}
        total = sum(sizes.values())
        for folder in sorted(folders, key=lambda folder: self._last_used(folder.name)):
            if total + wanted <= self._limit:
                return
            total -= sizes[folder] if self._drop(folder.name) else 0

    def _drop(self, name: str) -> bool:
        try:
            with self._lock(f"{name}.use", fcntl.LOCK_EX | fcntl.LOCK_NB):
                take_away(self._folder / name)
                (self._folder / f"{name}.use").unlink()
                return True
        except BlockingIOError:
            return False

    def _drop_abandoned(self) -> None:
        """Removes what processes left that were killed while they wrote or removed."""
        for path in self._folder.glob(".*"):
            with suppress(FileNotFoundError):  # another's draft that is in its place now
                if time.time() - path.stat().st_mtime > _ABANDONED_SECONDS:
                    shutil.rmtree(path, ignore_errors=True)

    def _last_used(self, name: str) -> float:
        try:
            return (self._folder / f"{name}.use").stat().st_mtime
        except FileNotFoundError:
            return 0.0

    def _lock(self, name: str, mode: int) -> Hold:
        """Locks a file of the cache; raises `BlockingIOError` in a mode that does not wait."""
        while True:
            file = (self._folder / name).open("ab")
            try:
                fcntl.flock(file, mode)
            except BaseException:
                file.close()
                raise
            if os.fstat(file.fileno()).st_nlink:
                return file
            file.close()  # removed by the one who held it before: it guards nothing any more


def _version(folder: Path) -> tuple[int, int] | None:
    """What tells a folder from one that took its place; None where there is none."""
    try:
        there = folder.stat()
    except FileNotFoundError:
        return None
    return there.st_ino, there.st_mtime_ns


def cache_limit() -> int:
    """Bytes that a machine's cache may hold, from STOPOVER_CACHE_GB; raises `UserError` for what is no number."""
    given = os.environ.get("STOPOVER_CACHE_GB")
    try:
        gigabytes = float(given) if given else _DEFAULT_GIGABYTES
        if not 0 <= gigabytes < float("inf"):
            raise ValueError
    except ValueError:
        raise UserError(f"STOPOVER_CACHE_GB is '{given}'; it is a number of gigabytes, say 50") from None
    return int(gigabytes * 1e9)
