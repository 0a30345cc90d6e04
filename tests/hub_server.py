"""A Hugging Face hub of one folder on loopback, so that what talks to the hub is tested against real requests.

FOLDER/datasets/<owner>/<name>/...  FOLDER/models/<owner>/<name>/...
"""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import unquote, urlsplit

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@contextmanager
def hub_of(folder: Path) -> Iterator[str]:
    """Serves a folder; the address to give as HF_ENDPOINT."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"folder": folder}))
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    folder: Path
    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self._answer(body)

    def log_message(self, *arguments: Any) -> None:
        pass

    def _answer(self, body: bytes = b"") -> None:
        parts = [unquote(part) for part in urlsplit(self.path).path.strip("/").split("/")]
        if parts == [""]:
            return self._send(200, b"hub")
        if parts[0] == "api":
            return self._api(parts[1:], body)
        kind, rest = ("datasets", parts[1:]) if parts[0] == "datasets" else ("models", parts)
        return self._file(self.folder / kind / rest[0] / rest[1], rest[4:])  # after "resolve" and the revision

    def _api(self, parts: list[str], body: bytes) -> None:
        repository = self.folder.joinpath(*parts[:3])
        if len(parts) < 3 or not repository.is_dir():
            return self._missing("RepoNotFound")
        match parts[3] if len(parts) > 3 else "":
            case "tree":
                start = repository.joinpath(*parts[5:])
                if not start.exists():
                    return self._missing("EntryNotFound")
                return self._json([_entry(path, repository) for path in sorted(start.rglob("*"))])
            case "paths-info":
                wanted = [repository / name for name in _names(body)]
                return self._json([_entry(path, repository) for path in wanted if path.exists()])
            case "" | "revision":
                files = [path for path in sorted(repository.rglob("*")) if path.is_file()]
                siblings = [{"rfilename": str(path.relative_to(repository))} for path in files]
                name = "/".join(parts[1:3])
                return self._json({"id": name, "sha": COMMIT, "siblings": siblings, "private": False, "tags": []})
            case _:
                return self._missing("EntryNotFound")

    def _file(self, repository: Path, parts: list[str]) -> None:
        path = repository.joinpath(*parts)
        if not repository.is_dir() or not path.is_file():
            return self._missing("EntryNotFound" if repository.is_dir() else "RepoNotFound")
        content = path.read_bytes()
        status, first, last = 200, 0, len(content)
        asked = self.headers.get("Range", "")
        if asked.startswith("bytes="):
            start, _, end = asked.removeprefix("bytes=").partition("-")
            status, first, last = 206, int(start), min(len(content), int(end) + 1 if end else len(content))
        headers = {"ETag": f'"{hashlib.sha256(content).hexdigest()}"', "Accept-Ranges": "bytes"}
        if status == 206:
            headers["Content-Range"] = f"bytes {first}-{last - 1}/{len(content)}"
        self._send(status, content[first:last], headers)

    def _json(self, value: Any) -> None:
        self._send(200, json.dumps(value).encode(), {"Content-Type": "application/json"})

    def _missing(self, code: str) -> None:
        self._send(404, b"", {"X-Error-Code": code})

    def _send(self, status: int, content: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in ({"X-Repo-Commit": COMMIT} | (headers or {})).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)


def _entry(path: Path, repository: Path) -> dict[str, Any]:
    name = str(path.relative_to(repository))
    if path.is_dir():
        return {"type": "directory", "path": name, "oid": "0" * 40}
    return {
        "type": "file",
        "path": name,
        "oid": hashlib.sha1(path.read_bytes()).hexdigest(),
        "size": path.stat().st_size,
    }


def _names(body: bytes) -> list[str]:
    """The paths of a paths-info request, whether it came as JSON or as a form."""
    try:
        return list(json.loads(body)["paths"])
    except ValueError:
        return [unquote(pair.partition("=")[2]) for pair in body.decode().split("&") if pair.startswith("paths=")]
