"""Leases: which process computes a stage now, so that no other spends a device on it.

A stage's key is a hash of all that decides its result, so two computations of one stage are equal. A lease that is
lost or held twice costs work done twice, never a wrong result: the first to publish wins.
"""

import json
import logging
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from threading import Event, Thread

from filelock import FileLock, Timeout

from trainables.store.holder import describe, has_died, this_process
from trainables.store.objects import Objects

# Renewals may come late by what a client of a network file system caches of a file's times (NFS: a minute).
EXPIRY_SECONDS = 180.0
RENEWAL_SECONDS = 30.0
logger = logging.getLogger(__name__)


class Leases(ABC):
    """Hands out leases on stages by key."""

    @abstractmethod
    def hold(self, key: str) -> AbstractContextManager[bool]:
        """Whether this process has the lease while the block lasts. Never waits."""

    @abstractmethod
    def revoke(self, key: str, host: str, pid: int) -> None:
        """Ends the lease of a process that is known to be gone, if it has it, so that nobody need wait for its end."""


class LockLeases(Leases):
    """Locks of the operating system: for one machine. They end with the process that holds them, however it dies."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder

    @contextmanager
    def hold(self, key: str) -> Iterator[bool]:
        lock = FileLock(self._folder / f"{key}.lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            yield False
            return
        try:
            yield True
        finally:
            lock.release()

    def revoke(self, key: str, host: str, pid: int) -> None:
        pass  # the lock has ended with the process


class RenewedLeases(Leases):
    """Objects that their holders renew: for several machines, where no lock of one system reaches the others.

        leases/<key>/<number>       who holds it; written anew every `renewal` seconds

    Only the highest number counts. Taking a lease is creating the next number, which the store's server lets one
    process do. A lease may be taken over once its holder has not renewed it for `expiry` seconds, or, on the
    holder's own machine, has died. Both times, of the last renewal and of now, are stamped by the store's server, so
    clocks of the machines that differ or jump decide nothing. Where the server cannot create conditionally
    (`Objects.create`) two processes that ask within the same moment may both be let in.
    """

    def __init__(self, objects: Objects, expiry: float = EXPIRY_SECONDS, renewal: float = RENEWAL_SECONDS) -> None:
        self._objects = objects
        self._expiry = expiry
        self._renewal = renewal

    @contextmanager
    def hold(self, key: str) -> Iterator[bool]:
        number = self._take(key)
        if number is None:
            yield False
            return
        ended = Event()
        renewing = Thread(target=self._renew, args=(key, number, ended), name=f"lease {key[:8]}", daemon=True)
        renewing.start()
        try:
            yield True
        finally:
            ended.set()
            renewing.join()
            self._objects.delete([_name(key, number)])

    def revoke(self, key: str, host: str, pid: int) -> None:
        for number in self._numbers(key)[-1:]:
            holder = _holder(self._objects.read(_name(key, number)))
            if (holder.get("host"), holder.get("pid")) == (host, str(pid)):
                self._objects.delete([_name(key, number)])

    def _take(self, key: str) -> int | None:
        numbers = self._numbers(key)
        if numbers and not self._over(key, numbers[-1]):
            return None
        number = numbers[-1] + 1 if numbers else 1
        if not self._objects.create(_name(key, number), _content()):
            return None
        self._objects.delete([_name(key, old) for old in numbers])
        return number

    def _numbers(self, key: str) -> list[int]:
        return sorted(int(name.rpartition("/")[2]) for name in self._objects.under(f"leases/{key}"))

    def _over(self, key: str, number: int) -> bool:
        """Whether a lease may be taken over."""
        name = _name(key, number)
        holder = _holder(self._objects.read(name))
        renewed = self._objects.modified(name)
        if renewed is None or has_died(holder):
            return True
        expired = self._objects.now() - renewed > self._expiry
        if expired:
            logger.warning("%s has not renewed its lease on stage %s; it is taken over", describe(holder), key)
        return expired

    def _renew(self, key: str, number: int, ended: Event) -> None:
        while not ended.wait(self._renewal):
            try:
                if self._numbers(key)[-1:] != [number]:
                    logger.warning("the lease on stage %s was taken away; another may compute it too", key)
                    return
                self._objects.write(_name(key, number), _content())
            except Exception as error:  # a server that is away now may be back at the next renewal
                logger.warning("the lease on stage %s could not be renewed: %s", key, error)


def _name(key: str, number: int) -> str:
    return f"leases/{key}/{number}"


def _content() -> bytes:
    return json.dumps(this_process()).encode()


def _holder(content: bytes | None) -> dict[str, str]:
    """Who wrote a lease; empty where that cannot be read, perhaps because it is being written."""
    try:
        return dict(json.loads(content or b"{}"))
    except ValueError:
        return {}
