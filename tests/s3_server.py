"""An S3 server of its own process on loopback, so that a store in a bucket is tested against real requests."""

import importlib.util
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPConnection
from pathlib import Path
from threading import Thread
from urllib.parse import urlsplit

from tests.ports import free_port

SECRET = "a-secret-that-nobody-may-read"
BUCKET = "stopover-tests"
MISSING = [name for name in ("moto", "s3fs") if importlib.util.find_spec(name) is None]


@contextmanager
def s3_server(log: Path) -> Iterator[str]:
    """Serves an empty bucket `BUCKET`; the address to give as AWS_ENDPOINT_URL. `log` gets a line per request."""
    port = free_port()
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with log.open("w") as lines:
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=lines)
    try:
        _wait_for(port, process)
        connection = HTTPConnection("127.0.0.1", port)
        connection.request("PUT", f"/{BUCKET}")
        assert connection.getresponse().status == 200
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


def environment(address: str) -> dict[str, str]:
    """What a user would have set to reach a server."""
    return {
        "AWS_ENDPOINT_URL": address,
        "AWS_ACCESS_KEY_ID": "a-key-id",
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "NO_PROXY": "127.0.0.1",
    }


@contextmanager
def without_conditions(address: str) -> Iterator[str]:
    """The same server as older ones are: If-None-Match is passed over, and the last to write wins."""
    behind = urlsplit(address)
    with socket.create_server(("127.0.0.1", 0)) as server:
        Thread(target=_serve, args=(server, (behind.hostname, behind.port)), daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def _serve(server: socket.socket, behind: tuple[str, int]) -> None:
    with suppress(OSError):  # the server was closed
        while True:
            near, _ = server.accept()
            far = socket.create_connection(behind)
            for source, sink in ((near, far), (far, near)):
                Thread(target=_pass_on, args=(source, sink), daemon=True).start()


def _pass_on(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while content := source.recv(1 << 16):
            sink.sendall(content.replace(b"If-None-Match:", b"X-Passed-Over:"))
        sink.shutdown(socket.SHUT_WR)


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError(f"the S3 server did not start: {os.fspath(process.args[0])}")  # type: ignore[index]
