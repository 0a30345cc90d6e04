"""Content hashes: one canonical way to name data, files and settings by what they hold."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pyarrow as pa

CHUNK = 1 << 20


def digest_of(value: Any) -> str:
    """SHA-256 (hex) of a JSON-like value, whatever the order of its keys."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def digest_of_bytes(content: bytes) -> str:
    """SHA-256 (hex) of bytes."""
    return hashlib.sha256(content).hexdigest()


def digest_of_file(path: Path) -> str:
    """SHA-256 (hex) of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digest_of_table(table: pa.Table) -> str:
    """SHA-256 (hex) of a table's columns and rows, whatever file or chunks they came in."""
    sink = _HashSink()
    # Taken anew, since a slice of a longer table would bring bytes of the rows after it along.
    plain = table.replace_schema_metadata(None).take(pa.array(range(table.num_rows), pa.int64())).combine_chunks()
    with pa.ipc.new_stream(pa.PythonFile(sink, mode="w"), plain.schema) as writer:
        writer.write_table(plain)
    return sink.hash.hexdigest()


def digest_of_folder(folder: Path, patterns: tuple[str, ...]) -> str:
    """SHA-256 (hex) of a folder's matching files: names and contents."""
    files = sorted({path for pattern in patterns for path in folder.glob(pattern)})
    return digest_of({path.name: digest_of_file(path) for path in files})


class _HashSink:
    """A file to write into that keeps only the hash, so that no copy of the data is made."""

    def __init__(self) -> None:
        self.hash = hashlib.sha256()
        self.closed = False

    def write(self, data: bytes) -> int:
        self.hash.update(data)
        return len(data)

    def flush(self) -> None:
        pass

    def close(self) -> None:
        self.closed = True
