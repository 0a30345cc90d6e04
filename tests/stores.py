"""Stores of every kind for tests, how to damage what lies in them, and other processes that use them."""

import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fsspec

from tests.conftest import REPOSITORY
from trainables.store import Store

KEY = "ab" + "0" * 62


@dataclass(frozen=True)
class Place:
    """A place of some kind where a store is kept, and a folder for the caches of machines that read it."""

    root: Path | str
    caches: Path

    def store(self, machine: str = "") -> Store:
        """The store as a process on a machine has it; by default on a machine that has read nothing yet."""
        return Store(self.root, self.caches / (machine or uuid.uuid4().hex))

    def names(self) -> list[str]:
        """All that lies there, by name below the place, less what locks and leases leave."""
        files, root = self._files()
        found = (path.removeprefix(f"{root}/") for path in files.find(root))
        return sorted(name for name in found if not name.startswith("leases/") and name != "store")

    def change(self, ending: str, change: Callable[[bytes], bytes | None]) -> None:
        """Changes the one file whose name ends so behind the store's back; None removes it."""
        files, root = self._files()
        (path,) = (path for path in files.find(root) if path.endswith(ending))
        content = change(files.cat_file(path))
        if content is None:
            files.rm_file(path)
        else:
            files.pipe_file(path, content)

    def _files(self) -> tuple[Any, str]:
        return fsspec.url_to_fs(str(self.root), use_listings_cache=False, skip_instance_cache=True)


def flipped(content: bytes) -> bytes:
    """The same with one bit of its middle changed."""
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


@contextmanager
def another_process(code: str, *arguments: object, before: tuple[str, ...] = ()) -> Iterator[subprocess.Popen[str]]:
    """A process that runs some code with `store`, in the place and with the cache of the first two arguments, and
    `key`, the third; `before` is a command that starts it."""
    start = "import sys\nfrom pathlib import Path\nfrom trainables.store import Store\n"
    start += "store, key = Store(sys.argv[1], Path(sys.argv[2])), sys.argv[3]\n"
    command = [*before, sys.executable, "-c", start + code, *map(str, arguments)]
    process = subprocess.Popen(command, cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate(timeout=30)


@contextmanager
def held_elsewhere(root: Path | str, key: str, cache: Path | str = "unused") -> Iterator[subprocess.Popen[str]]:
    """Another process that has asked for a lease; its first line says whether it got it."""
    code = "with store.lease(key) as ours:\n    print(ours, flush=True)\n    sys.stdin.read()\n"
    with another_process(code, root, cache, key) as process:
        yield process


def first_line(process: subprocess.Popen[str]) -> str:
    """Waits for what a process says first."""
    assert process.stdout is not None
    return process.stdout.readline().strip()


def say(process: subprocess.Popen[str], text: str = "") -> None:
    """Sends a process a line."""
    assert process.stdin is not None
    process.stdin.write(f"{text}\n")
    process.stdin.flush()
