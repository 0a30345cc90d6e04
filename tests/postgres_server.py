"""A PostgreSQL server on loopback, in a folder of its own: a process, not an imitation."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.ports import free_port

_DEBIAN = sorted(Path("/usr/lib/postgresql").glob("*/bin"))


def missing() -> str | None:
    """Why none can be started here; None where one can."""
    if _program("initdb") is None or _program("pg_ctl") is None:
        return "no PostgreSQL on this machine (Debian: apt-get install postgresql)"
    return None


@contextmanager
def postgres() -> Iterator[str]:
    """The URL of an empty database; the server is gone at the end."""
    # Outside of pytest's folder, which another user may not enter: PostgreSQL refuses to run as root.
    folder = Path(tempfile.mkdtemp(prefix="stopover-postgres-"))
    user = "nobody" if os.geteuid() == 0 else None
    if user:
        shutil.chown(folder, user)
    port = free_port()
    data, quiet = folder / "data", {"stdout": subprocess.DEVNULL, "check": True, "user": user, "cwd": "/"}
    subprocess.run([_program("initdb"), "-D", data, "-U", "stopover", "-A", "trust", "-N"], **quiet)  # type: ignore[call-overload]
    settings = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder} -c fsync=off"
    control = [_program("pg_ctl"), "-D", data, "-w", "-l", folder / "log.txt"]
    subprocess.run([*control, "-o", settings, "start"], **quiet)  # type: ignore[call-overload]
    try:
        yield f"postgresql://stopover@127.0.0.1:{port}/postgres"
    finally:
        subprocess.run([*control, "-m", "immediate", "stop"], **quiet)  # type: ignore[call-overload]
        shutil.rmtree(folder, ignore_errors=True)


def _program(name: str) -> str | None:
    return shutil.which(name) or next((str(folder / name) for folder in _DEBIAN if (folder / name).is_file()), None)
