"""The little that the store wants of a file system: objects under a URL, created once, listed, stamped with times.

fsspec gives it for S3, Google Cloud Storage and others alike, and for a folder that several machines mount.
"""

import logging
import uuid
from collections.abc import Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import fsspec

from spaces import UserError

_EXTRAS = {"s3": "s3", "s3a": "s3", "gs": "gcs", "gcs": "gcs"}
_PROBE = "store"  # an object of the store's own, there as long as the store
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Found:
    """An object of a listing: bytes, and the server's time when it was written (seconds since 1970)."""

    size: int
    modified: float


class Objects:
    """Objects under a URL, by their names below it. Each is whole when it can be seen."""

    def __init__(self, url: str) -> None:
        """Raises `UserError` for a URL that cannot be read, or that carries credentials."""
        self.url = url.rstrip("/")
        _refuse_credentials(url)
        self._files, self._root = _file_system(self.url)
        # s3fs would ask for each object's size first, to read large ones in parts; those read whole here are small.
        self._small = {"max_concurrency": 1} if urlsplit(url).scheme in {"s3", "s3a"} else {}
        self._conditional = True

    def check(self) -> None:
        """Writes an object, and finds out whether the server creates conditionally; raises `UserError` on failure."""
        try:
            self._conditional = not (self._create(_PROBE, b"stopover") and self._create(_PROBE, b"stopover"))
        except NotImplementedError:
            self._conditional = False
        except Exception as error:  # every kind of server has errors of its own
            reason = str(error).strip().partition("\n")[0]
            raise UserError(f"{self.url}: no store can be kept there ({type(error).__name__}: {reason})") from None
        if not self._conditional:
            logger.warning("%s: its server cannot create conditionally; a stage may now and then be computed twice",
                           self.url)  # fmt: skip

    def read(self, name: str) -> bytes | None:
        """An object's bytes, or None where there is none."""
        with suppress(FileNotFoundError):
            return self._files.cat_file(self._path(name), **self._small)
        return None

    def read_many(self, names: Collection[str]) -> dict[str, bytes]:
        """Those of some objects that are there, side by side."""
        if not names:
            return {}
        paths = {self._path(name): name for name in names}
        found = self._files.cat(list(paths), on_error="return", **self._small)
        for answer in found.values():
            if isinstance(answer, Exception) and not isinstance(answer, FileNotFoundError):
                raise answer
        return {paths[path]: answer for path, answer in found.items() if isinstance(answer, bytes)}

    def write(self, name: str, content: bytes) -> None:
        """Puts an object in place, over one that is there."""
        self._files.pipe_file(self._path(name), content)

    def create(self, name: str, content: bytes) -> bool:
        """Puts an object in place unless one is there; whether it did. Of several processes one does.

        Where `check` found that the server cannot do that, the object is looked for first, which leaves a moment in
        which another may create it too. It must not be empty: s3fs creates those without conditions.
        """
        if not self._conditional and self._files.exists(self._path(name)):
            return False
        return self._create(name, content)

    def upload(self, content: bytes | Path, name: str) -> None:
        """Puts bytes or a file in place."""
        if isinstance(content, Path):
            self._files.put_file(str(content), self._path(name))
        else:
            self.write(name, content)

    def download(self, name: str, path: Path) -> None:
        """Copies an object to a file; raises `FileNotFoundError` where there is none."""
        self._files.get_file(self._path(name), str(path))

    def delete(self, names: Iterable[str]) -> None:
        """Takes objects away; those that are gone already do not matter."""
        for name in names:
            with suppress(FileNotFoundError):
                self._files.rm_file(self._path(name))

    def under(self, prefix: str = "") -> dict[str, Found]:
        """All objects below a prefix, by name."""
        path = self._path(prefix) if prefix else self._root
        found = self._files.find(path, detail=True)
        return {
            place[len(self._root) + 1 :]: Found(int(one["size"]), _modified(one))
            for place, one in found.items()
            if place.startswith(f"{path}/")  # a listing may also name an object that is called like the prefix
        }

    def modified(self, name: str) -> float | None:
        """The server's time when an object was last written (seconds since 1970); None where there is none."""
        with suppress(FileNotFoundError):
            return self._files.modified(self._path(name)).timestamp()
        return None

    def now(self) -> float:
        """The server's time: what it stamps an object with that is written now."""
        name = f"clocks/{uuid.uuid4().hex}"
        self.write(name, b"")
        try:
            return self.modified(name) or 0.0
        finally:
            self.delete([name])

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}"

    def _create(self, name: str, content: bytes) -> bool:
        for _ in range(3):
            try:
                with self._files.open(self._path(name), "xb") as file:
                    file.write(content)
                return True
            except FileExistsError:
                return False
            except OSError as error:
                # S3 may answer so while another is at the same object, and asks to try again.
                if "ConditionalRequestConflict" not in str(error):
                    raise
        return False


def _file_system(url: str) -> tuple[Any, str]:
    scheme = urlsplit(url).scheme
    # Listings must be new, and an instance of one's own: fsspec would share it, caches and all.
    options: dict[str, Any] = {"use_listings_cache": False, "skip_instance_cache": True}
    if scheme == "file":
        options["auto_mkdir"] = True
    try:
        return fsspec.url_to_fs(url, **options)
    except ImportError:
        extra = _EXTRAS.get(scheme)
        how = f"pip install 'stopover[{extra}]'" if extra else f"install what fsspec wants for {scheme}://"
        raise UserError(f"{url}: a package for {scheme}:// is not installed: {how}") from None
    except ValueError:
        raise UserError(f"{url}: {scheme}:// is not known; a store is a folder or like s3://bucket/folder") from None


def _refuse_credentials(url: str) -> None:
    parts = urlsplit(url)
    if "@" in parts.netloc or parts.query:
        raise UserError(
            f"the store's URL ({parts.scheme}://...) must hold no credentials nor options, it is written down in many "
            "places; give them as the cloud's own tools take them (AWS_PROFILE, AWS_ENDPOINT_URL ...)"
        )


def _modified(info: dict[str, Any]) -> float:
    """The time of a listing's row, which every file system calls something else."""
    for name in ("LastModified", "mtime", "last_modified", "modified"):
        value = info.get(name)
        if value is not None:
            return value.timestamp() if isinstance(value, datetime) else float(value)
    return 0.0
