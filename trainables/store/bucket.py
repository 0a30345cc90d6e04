"""A store under a URL: objects on a server, their files cached on every machine that reads them.

    stages/<key>.json               a stage's manifest; an entry is there once this is
    files/stages/<key>/<sha256>.<name>
    snapshots/, sweeps/             the same
    leases/<key>/<number>           who computes a stage now

Files go up first, under names that tell their content, and the manifest last, so that a reader who has a manifest never
meets files of another. A manifest is created only where none is, so the first to publish wins.
"""

from collections.abc import Collection
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from trainables.digest import digest_of_bytes, digest_of_file
from trainables.store.base import Backend, Entry, Files, Item, Kind
from trainables.store.folder import write_entry
from trainables.store.leases import Leases
from trainables.store.manifest import Manifest
from trainables.store.node_cache import NodeCache
from trainables.store.objects import Found, Objects


class Bucket(Backend):
    """Entries as objects."""

    def __init__(self, objects: Objects, cache: NodeCache, leases: Leases) -> None:
        self._objects = objects
        self._cache = cache
        self._leases = leases

    def manifest(self, kind: Kind, key: str) -> bytes | None:
        return self._objects.read(_manifest(kind, key))

    def manifests(self, kind: Kind, keys: Collection[str] | None = None) -> dict[str, bytes]:
        there = {name.rpartition("/")[2].removesuffix(".json") for name in self._objects.under(kind)}
        wanted = there if keys is None else there.intersection(keys)
        names = {_manifest(kind, key): key for key in wanted}
        return {names[name]: content for name, content in self._objects.read_many(names).items()}

    def open(self, kind: Kind, key: str) -> Entry | None:
        manifest = Manifest.parse(self.manifest(kind, key))
        if manifest is None:
            return None
        sizes = self._objects.under(_files(kind, key))
        names = {name: _file(kind, key, name, digest) for name, digest in manifest.files.items()}
        if not sizes.keys() >= set(names.values()):
            return None

        def fetch(folder: Path) -> None:
            for name, place in names.items():
                self._objects.download(place, folder / name)

        try:
            size = sum(sizes[place].size for place in names.values())
            found = self._cache.open(_cached(key, manifest), manifest, size, fetch)
        except FileNotFoundError:  # replaced or removed while it was read
            return None
        return None if found is None else Entry(found[0], manifest.record, found[1])

    def holds(self, kind: Kind, key: str) -> bool:
        return self.manifest(kind, key) is not None

    def publish(self, kind: Kind, key: str, record: dict[str, Any], files: Files) -> None:
        # By way of the cache, where the next stage will look for them.
        with self._cache.draft(sum(map(_size, files.values()))) as draft:
            manifest = write_entry(draft, record, files)
            for name, digest in manifest.files.items():
                self._objects.upload(draft / name, _file(kind, key, name, digest))
            if self._win(kind, key, manifest):
                self._cache.keep(draft, _cached(key, manifest))

    def replace(self, kind: Kind, key: str, record: dict[str, Any], files: Files) -> None:
        before = Manifest.parse(self.manifest(kind, key))
        manifest = Manifest(record, {name: _digest(content) for name, content in files.items()})
        for name, digest in manifest.files.items():
            self._objects.upload(files[name], _file(kind, key, name, digest))
        self._objects.write(_manifest(kind, key), manifest.to_bytes())
        self._delete_files(kind, key, before, but=manifest)

    def remove(self, kind: Kind, key: str) -> None:
        content = self.manifest(kind, key)
        if content is not None:
            self._objects.delete([_manifest(kind, key)])
            self._delete_files(kind, key, Manifest.parse(content))

    def lease(self, key: str) -> AbstractContextManager[bool]:
        return self._leases.hold(key)

    def revoke_lease(self, key: str, host: str, pid: int) -> None:
        self._leases.revoke(key, host, pid)

    def items(self) -> list[Item]:
        now = self._objects.now()
        found = self._objects.under()
        items: list[Item] = []
        for kind in Kind:
            manifests = {key: Manifest.parse(content) for key, content in self.manifests(kind).items()}
            named = {
                _file(kind, key, name, digest): key
                for key, manifest in manifests.items()
                if manifest is not None
                for name, digest in manifest.files.items()
            }
            sizes = dict.fromkeys(manifests, 0)
            for name, one in found.items():
                if name in named:
                    sizes[named[name]] += one.size
                elif name.startswith(f"{_files(kind)}/"):
                    items.append(Item(None, name.split("/")[2], name, one.size, now - one.modified))
            items += [
                Item(kind, key, name, found[name].size + size, now - found[name].modified)
                for key, size in sizes.items()
                if (name := _manifest(kind, key)) in found
            ]
        return items

    def drop(self, item: Item) -> None:
        if item.kind is not None:
            self.remove(item.kind, item.key)
        elif not self._is_named(item.name):  # else an entry of the same content has been published since
            self._objects.delete([item.name])

    def _is_named(self, file: str) -> bool:
        """Whether a file belongs to an entry."""
        _, kind, key, _ = file.split("/", 3)
        manifest = Manifest.parse(self.manifest(Kind(kind), key))
        named = manifest.files.items() if manifest is not None else ()
        return file in {_file(Kind(kind), key, name, digest) for name, digest in named}

    def _win(self, kind: Kind, key: str, manifest: Manifest) -> bool:
        """Puts a manifest in place unless a whole entry is there; whether it did."""
        if self._objects.create(_manifest(kind, key), manifest.to_bytes()):
            return True
        winner = Manifest.parse(self.manifest(kind, key))
        if winner is not None and self._has_files(kind, key, winner, self._objects.under(_files(kind, key))):
            self._delete_files(kind, key, manifest, but=winner)
            return False
        self._objects.write(_manifest(kind, key), manifest.to_bytes())  # not a winner but a wreck in the way
        return True

    def _has_files(self, kind: Kind, key: str, manifest: Manifest, found: dict[str, Found]) -> bool:
        return all(_file(kind, key, name, digest) in found for name, digest in manifest.files.items())

    def _delete_files(self, kind: Kind, key: str, manifest: Manifest | None, but: Manifest | None = None) -> None:
        kept = but.files.items() if but is not None else ()
        gone = manifest.files.items() if manifest is not None else ()
        self._objects.delete(_file(kind, key, name, digest) for name, digest in gone if (name, digest) not in kept)


def _manifest(kind: Kind, key: str) -> str:
    return f"{kind}/{key}.json"


def _files(kind: Kind, key: str | None = None) -> str:
    return f"files/{kind}" if key is None else f"files/{kind}/{key}"


def _file(kind: Kind, key: str, name: str, digest: str) -> str:
    return f"{_files(kind, key)}/{digest}.{name}"


def _cached(key: str, manifest: Manifest) -> str:
    """An entry's name in the cache: another for each of a stage's snapshots, so that none is taken for the next."""
    return f"{key}-{digest_of_bytes(manifest.to_bytes())[:8]}"


def _size(content: bytes | Path) -> int:
    return content.stat().st_size if isinstance(content, Path) else len(content)


def _digest(content: bytes | Path) -> str:
    return digest_of_file(content) if isinstance(content, Path) else digest_of_bytes(content)
