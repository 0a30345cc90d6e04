"""A full disk, told in one line instead of a traceback, so that a trial ends with a reason that can be mended."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from spaces import UserError


class DiskFull(UserError):
    """Nothing more can be written; what was begun is taken back, and running again goes on from there."""


@contextmanager
def told_when_full(folder: Path) -> Iterator[None]:
    """Writing under a folder: raises `DiskFull`, naming it, where disk or quota are used up."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DiskFull(f"no space left under {folder}; make room and run the same command again") from error
        raise
