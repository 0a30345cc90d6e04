"""Arrow files that several processes share: written whole or not at all, memory-mapped when read."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa


@contextmanager
def drafted(path: Path) -> Iterator[BinaryIO]:
    """A file to write to, which takes its place once the block ends well; a reader never sees half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, suffix=".part")
    draft = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
        draft.rename(path)
    finally:
        draft.unlink(missing_ok=True)


def read_arrow(path: Path) -> pa.Table:
    """The table of a file, which counts as used from now on (`stopover gc`)."""
    with suppress(PermissionError):  # another user's cache
        os.utime(path)
    return pa.ipc.open_file(pa.memory_map(str(path))).read_all()
