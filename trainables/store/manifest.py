"""An entry's manifest: what its stage reported and which files belong to it, under checksums."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trainables.digest import digest_of, digest_of_file

MANIFEST_FILE = "manifest.json"


@dataclass(frozen=True)
class Manifest:
    """`record` is JSON-like; `files` maps names to SHA-256 (hex)."""

    record: dict[str, Any]
    files: dict[str, str]

    def to_bytes(self) -> bytes:
        """The manifest as it is kept, with a checksum of its own."""
        body = {"record": self.record, "files": self.files}
        return json.dumps({"body": body, "sha256": digest_of(body)}).encode()

    @classmethod
    def parse(cls, content: bytes | None) -> "Manifest | None":
        """What `to_bytes` made; None where it is absent, torn or was changed."""
        try:
            saved = json.loads(content or b"")
            body = saved["body"]
            return cls(body["record"], body["files"]) if saved["sha256"] == digest_of(body) else None
        except (ValueError, KeyError, TypeError):
            return None

    def matches(self, folder: Path) -> bool:
        """Whether a folder holds all files, each as it was published."""
        try:
            return all(digest_of_file(folder / name) == digest for name, digest in self.files.items())
        except FileNotFoundError:
            return False


def read_or_none(path: Path) -> bytes | None:
    """A file's bytes, or None where there is none. Other errors are raised: they do not show that it is damaged."""
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
