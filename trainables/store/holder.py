"""Who holds a lease, told so that others on the same machine can see whether that process has died."""

import os
import socket
from functools import cache
from pathlib import Path


def this_process() -> dict[str, str]:
    """This process: its host and number, and what tells both apart from others of the same name."""
    return {"host": socket.gethostname(), "pid": str(os.getpid()), "started": _started(os.getpid()), **_machine()}


def has_died(holder: dict[str, str]) -> bool:
    """Whether a process is known to be gone; False where that cannot be seen from here."""
    machine = _machine()
    if not machine or any(holder.get(name) != value for name, value in machine.items()):
        return False
    return _started(int(holder["pid"])) != holder["started"]


def describe(holder: dict[str, str]) -> str:
    """A holder in words."""
    return f"process {holder['pid']} on {holder['host']}" if holder else "a process"


@cache
def _machine() -> dict[str, str]:
    """What all processes that see each other share; empty where the system (other than Linux) does not tell."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return {"boot": boot, "processes": str(Path("/proc/self/ns/pid").readlink())}
    except OSError:
        return {}


def _started(pid: int) -> str:
    """When a process began, in the kernel's ticks; empty for one that is gone (or only waits to be reaped)."""
    try:
        # The name, in parentheses, may hold anything, spaces too; the state follows it.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] in "ZX" else fields[19]
