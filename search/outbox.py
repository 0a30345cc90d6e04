"""Writes to a server that may be slow or away: in a thread of their own, in order, each until it succeeds.

Nothing is only in here: what a sweep has found lies in its store, and running it again writes what is missing.
"""

import logging
import re
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any

_LONGEST_PAUSE = 10.0  # seconds between two attempts
logger = logging.getLogger(__name__)


class Outbox:
    """Takes writes at once and carries them out later; `server` is its name in warnings.

    A write that raises is tried again, with growing pauses, unless `hopeless` says that it will never succeed: then it
    is passed over with a warning, and counted in `refused`. So a write must do no harm when it is carried out twice.
    """

    def __init__(self, server: str, hopeless: Callable[[Exception], bool] = lambda error: False) -> None:
        self._server = server
        self._hopeless = hopeless
        self.refused = 0
        self._writes: deque[Callable[[], Any]] = deque()
        self._changed = threading.Condition()
        self._succeeded = time.monotonic()  # when a write last did
        self._closed = False
        self._warned = False
        self._thread = threading.Thread(target=self._work, name="outbox", daemon=True)
        self._thread.start()

    def put(self, write: Callable[[], Any]) -> None:
        """Has a write carried out after those before it; returns at once."""
        with self._changed:
            self._writes.append(write)
            self._changed.notify_all()

    def flush(self, patience: float) -> int:
        """Waits until all is written, or for so many seconds in which nothing was; how many writes are left."""
        with self._changed:
            began = time.monotonic()
            while self._writes:
                waited = time.monotonic() - max(began, self._succeeded)
                if waited >= patience:
                    break
                self._changed.wait(patience - waited)
            return len(self._writes)

    def close(self) -> None:
        """Gives up what is left."""
        with self._changed:
            self._closed = True
            self._writes.clear()
            self._changed.notify_all()

    def _work(self) -> None:
        pause = 0.0
        while (write := self._next(pause)) is not None:
            try:
                write()
                pause = 0.0
            except Exception as error:
                if not self._hopeless(error):
                    pause = min(_LONGEST_PAUSE, 2 * pause or 0.5)
                    self._warn(f"{self._server} does not answer ({_first_line(error)}); what is to be written waits")
                    continue
                self.refused += 1
                self._warn(f"{self._server} refuses a write ({_first_line(error)}); it is passed over")
            with self._changed:
                if self._writes:  # else it was closed meanwhile
                    self._writes.popleft()
                self._succeeded = time.monotonic()
                self._changed.notify_all()

    def _next(self, pause: float) -> Callable[[], Any] | None:
        """The first write, once the pause is over and there is one; None when closed."""
        with self._changed:
            if pause:
                self._changed.wait_for(lambda: self._closed, timeout=pause)
            self._changed.wait_for(lambda: self._closed or bool(self._writes))
            return None if self._closed else self._writes[0]

    def _warn(self, text: str) -> None:
        logger.log(logging.DEBUG if self._warned else logging.WARNING, text)
        self._warned = True


def _first_line(error: Exception) -> str:
    return without_password((str(error).splitlines() or [type(error).__name__])[0])


def without_password(text: str) -> str:
    """An address, or a text with addresses in it, without the names and passwords before their hosts."""
    return re.sub(r"//[^/\s]*@", "//", text)
