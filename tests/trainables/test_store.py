import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY
from trainables.store import Entry, Store

KEY = "ab" + "0" * 62


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def entry_folder(store: Store) -> Path:
    return store.root / "stages" / "ab" / KEY


def test_what_is_published_is_found(store: Store, tmp_path: Path) -> None:
    (tmp_path / "big").write_bytes(b"from a file")
    store.publish(KEY, {"dev": 0.5, "text": "ü"}, {"a.bin": b"\0\1\2", "b.bin": tmp_path / "big"})
    entry = Store(store.root).find(KEY)
    assert entry is not None
    assert entry.record == {"dev": 0.5, "text": "ü"}
    assert entry.path("a.bin").read_bytes() == b"\0\1\2"
    assert entry.path("b.bin").read_bytes() == b"from a file"
    assert store.record(KEY) == entry.record


def test_an_unknown_key_is_not_found(store: Store) -> None:
    assert store.find(KEY) is None
    assert store.record(KEY) is None
    assert store.snapshot(KEY) is None
    assert store.snapshot_record(KEY) is None


def test_a_flipped_byte_is_noticed_and_the_entry_removed(store: Store) -> None:
    path = store.publish(KEY, {}, {"weights": bytes(100)}).path("weights")
    content = bytearray(path.read_bytes())
    content[50] ^= 1
    path.write_bytes(bytes(content))
    assert store.find(KEY) is None
    assert not entry_folder(store).exists()
    assert store.publish(KEY, {"again": 1}, {"weights": b"new"}).record == {"again": 1}
    assert isinstance(store.find(KEY), Entry)


@pytest.mark.parametrize("damage", ["torn", "edited", "empty", "gone"])
def test_a_bad_manifest_is_never_trusted(store: Store, damage: str) -> None:
    store.publish(KEY, {"dev": 0.25}, {"weights": b"w"})
    manifest = entry_folder(store) / "manifest.json"
    whole = manifest.read_bytes()
    if damage == "gone":
        manifest.unlink()
    else:
        manifest.write_bytes({"torn": whole[:-10], "edited": whole.replace(b"0.25", b"0.95"), "empty": b""}[damage])
    assert store.record(KEY) is None
    assert store.find(KEY) is None
    assert not entry_folder(store).exists()


def test_a_missing_file_is_noticed(store: Store) -> None:
    store.publish(KEY, {}, {"weights": b"w"}).path("weights").unlink()
    assert store.find(KEY) is None


def test_the_first_to_publish_wins(store: Store) -> None:
    store.publish(KEY, {"by": "first"}, {"weights": b"1"})
    store.publish(KEY, {"by": "second"}, {"weights": b"2"})
    entry = store.find(KEY)
    assert entry is not None
    assert (entry.record, entry.path("weights").read_bytes()) == ({"by": "first"}, b"1")


def test_publishing_over_a_wreck_replaces_it(store: Store) -> None:
    entry_folder(store).mkdir(parents=True)
    (entry_folder(store) / "weights").write_bytes(b"half")
    store.publish(KEY, {"dev": 1}, {"weights": b"whole"})
    entry = store.find(KEY)
    assert entry is not None
    assert entry.path("weights").read_bytes() == b"whole"


def test_nothing_is_left_lying_about(store: Store) -> None:
    store.publish(KEY, {}, {"weights": b"1"})
    store.publish(KEY, {}, {"weights": b"2"})
    for step in (1, 2):
        store.save_snapshot(KEY, {"step": step}, {"state": b"s"})
    assert [path.name for path in (store.root / "stages" / "ab").iterdir()] == [KEY]
    assert [path.name for path in (store.root / "snapshots").iterdir()] == [KEY]


def test_a_draft_that_fails_leaves_nothing(store: Store, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        store.publish(KEY, {}, {"weights": tmp_path / "nowhere"})
    assert store.find(KEY) is None
    assert list((store.root / "stages" / "ab").iterdir()) == []


def test_a_snapshot_is_replaced_and_dropped_when_the_stage_is_published(store: Store) -> None:
    store.save_snapshot(KEY, {"step": 1}, {"state": b"one"})
    store.save_snapshot(KEY, {"step": 2}, {"state": b"two"})
    snapshot = store.snapshot(KEY)
    assert snapshot is not None
    assert (snapshot.record, snapshot.path("state").read_bytes()) == ({"step": 2}, b"two")
    assert store.snapshot_record(KEY) == {"step": 2}
    assert store.find(KEY) is None
    store.publish(KEY, {"dev": 1}, {})
    assert store.snapshot(KEY) is None
    assert store.record(KEY) == {"dev": 1}


def test_a_damaged_snapshot_counts_as_none(store: Store) -> None:
    store.save_snapshot(KEY, {"step": 1}, {"state": b"one"})
    (store.root / "snapshots" / KEY / "state").write_bytes(b"two")
    assert store.snapshot(KEY) is None
    assert store.snapshot_record(KEY) is None


def test_the_manifest_is_json_for_people_too(store: Store) -> None:
    store.publish(KEY, {"dev": 0.5}, {"weights": b"abc"})
    body = json.loads((entry_folder(store) / "manifest.json").read_text())["body"]
    # sha256 of "abc" as FIPS 180-2 gives it
    digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert body == {"record": {"dev": 0.5}, "files": {"weights": digest}}


HOLD = """
import sys
from pathlib import Path
from trainables.store import Store
with Store(Path(sys.argv[1])).lease(sys.argv[2]) as ours:
    print(ours, flush=True)
    sys.stdin.read()
"""


@contextmanager
def held_elsewhere(root: Path, key: str) -> Iterator[subprocess.Popen[str]]:
    """Another process that has asked for a lease; its first line says whether it got it."""
    command = [sys.executable, "-c", HOLD, str(root), key]
    process = subprocess.Popen(command, cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate(timeout=30)


def first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_a_lease_excludes_another_process_until_that_is_killed(store: Store) -> None:
    with held_elsewhere(store.root, KEY) as other:
        assert first_line(other) == "True"
        with store.lease(KEY) as ours:
            assert not ours
        with store.lease("cd" + KEY[2:]) as ours:
            assert ours  # other stages are free
        os.kill(other.pid, signal.SIGKILL)
        assert other.wait(timeout=30) == -signal.SIGKILL
        with store.lease(KEY) as ours:
            assert ours


def test_our_lease_excludes_another_process_and_ends_with_the_block(store: Store) -> None:
    with store.lease(KEY) as ours:
        assert ours
        with held_elsewhere(store.root, KEY) as other:
            assert first_line(other) == "False"
    with held_elsewhere(store.root, KEY) as other:
        assert first_line(other) == "True"


def test_a_lease_excludes_a_second_workbench_in_the_same_process(store: Store) -> None:
    with store.lease(KEY) as ours, Store(store.root).lease(KEY) as twice:
        assert (ours, twice) == (True, False)
