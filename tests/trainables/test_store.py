"""What every kind of store does: the same tests for a folder, a folder that machines share, and a bucket."""

import json
import time
from pathlib import Path

import pytest

from spaces import UserError
from tests.stores import KEY, Place, another_process, first_line, flipped, say
from trainables.store import Entry, Kind

OTHER = "cd" + "1" * 62


def test_what_is_published_is_found(place: Place, tmp_path: Path) -> None:
    (tmp_path / "big").write_bytes(b"from a file")
    place.store().publish(KEY, {"dev": 0.5, "text": "ü"}, {"a.bin": b"\0\1\2", "b.bin": tmp_path / "big"})
    store = place.store()
    entry = store.find(KEY)
    assert entry is not None
    assert entry.record == {"dev": 0.5, "text": "ü"}
    assert entry.path("a.bin").read_bytes() == b"\0\1\2"
    assert entry.path("b.bin").read_bytes() == b"from a file"
    assert store.record(KEY) == entry.record


def test_an_unknown_key_is_not_found(place: Place) -> None:
    store = place.store()
    assert store.find(KEY) is None
    assert store.record(KEY) is None
    assert store.snapshot(KEY) is None
    assert store.snapshot_record(KEY) is None


def test_records_of_many_are_those_of_each(place: Place) -> None:
    store = place.store()
    store.publish(KEY, {"dev": 1}, {"weights": b"w"})
    store.publish(OTHER, {"dev": 2}, {})
    fresh = place.store()
    assert fresh.records([KEY, OTHER, "ef" + KEY[2:]]) == {KEY: {"dev": 1}, OTHER: {"dev": 2}}
    assert fresh.records([]) == {}
    place.change(OTHER + (".json" if "s3" in str(place.root) else "/manifest.json"), flipped)
    assert fresh.records([KEY, OTHER]) == {KEY: {"dev": 1}}


def test_cached_records_are_those_of_when_the_block_began(place: Place) -> None:
    store = place.store()
    store.publish(KEY, {"dev": 1}, {})
    store.save_snapshot(OTHER, {"step": 1}, {})
    later = "ef" + KEY[2:]
    asking = place.store()
    with asking.records_cached([KEY, OTHER]):
        store.publish(OTHER, {"dev": 2}, {})
        store.publish(later, {"dev": 3}, {})
        assert (asking.record(KEY), asking.record(OTHER)) == ({"dev": 1}, None)
        assert (asking.snapshot_record(KEY), asking.snapshot_record(OTHER)) == (None, {"step": 1})
        assert asking.record(later) == {"dev": 3}  # it was not among them
    assert (asking.record(OTHER), asking.snapshot_record(OTHER)) == ({"dev": 2}, None)


def test_a_stage_published_later_is_seen_by_those_who_looked_before(place: Place) -> None:
    early = place.store()
    assert early.record(KEY) is None
    place.store().publish(KEY, {"dev": 1}, {})
    assert early.record(KEY) == {"dev": 1}


def test_a_flipped_byte_is_noticed_and_the_entry_removed(place: Place) -> None:
    place.store().publish(KEY, {}, {"weights": bytes(100)})
    place.change("weights", flipped)
    store = place.store()
    assert store.find(KEY) is None
    assert place.names() == []
    assert store.record(KEY) is None
    store.publish(KEY, {"again": 1}, {"weights": b"new"})
    assert isinstance(place.store().find(KEY), Entry)


@pytest.mark.parametrize("damage", ["torn", "edited", "empty", "gone"])
def test_a_bad_manifest_is_never_trusted(place: Place, damage: str) -> None:
    place.store().publish(KEY, {"dev": 0.25}, {"weights": b"w"})
    changed = {
        "torn": lambda whole: whole[:-10],
        "edited": lambda whole: whole.replace(b"0.25", b"0.95"),
        "empty": lambda whole: b"",
        "gone": lambda whole: None,
    }
    place.change(".json", changed[damage])
    store = place.store()
    assert store.record(KEY) is None
    assert store.find(KEY) is None
    assert not any(name.endswith(".json") for name in place.names())
    store.publish(KEY, {"dev": 0.5}, {"weights": b"v"})
    found = place.store().find(KEY)
    assert found is not None
    assert found.path("weights").read_bytes() == b"v"


def test_a_missing_file_is_noticed(place: Place) -> None:
    place.store().publish(KEY, {}, {"weights": b"w", "more": b"m"})
    place.change("weights", lambda content: None)
    assert place.store().find(KEY) is None
    assert place.names() == []


def test_the_first_to_publish_wins(place: Place) -> None:
    place.store().publish(KEY, {"by": "first"}, {"weights": b"1"})
    before = place.names()
    late = place.store()
    late.publish(KEY, {"by": "second"}, {"weights": b"2"})
    for store in (late, place.store()):
        entry = store.find(KEY)
        assert entry is not None
        assert (entry.record, entry.path("weights").read_bytes()) == ({"by": "first"}, b"1")
    assert place.names() == before


@pytest.mark.parametrize("damage", [flipped, lambda content: None])
def test_publishing_over_a_wreck_replaces_it(place: Place, damage: object) -> None:
    place.store().publish(KEY, {"by": "wrecked"}, {"weights": b"half"})
    place.change(".json", flipped)
    place.change("weights", damage)  # type: ignore[arg-type]
    place.store().publish(KEY, {"dev": 1}, {"weights": b"whole"})
    entry = place.store().find(KEY)
    assert entry is not None
    assert (entry.record, entry.path("weights").read_bytes()) == ({"dev": 1}, b"whole")


def test_nothing_is_left_lying_about(place: Place) -> None:
    store = place.store()
    store.publish(KEY, {}, {"weights": b"1"})
    store.publish(KEY, {}, {"weights": b"2"})
    for step in (1, 2):
        store.save_snapshot(OTHER, {"step": step}, {"state": bytes([step])})
    with store.lease(KEY) as ours:
        assert ours
    names = place.names()
    assert len(names) == 4  # two manifests, two files
    assert not any("/." in name for name in names)


def test_a_draft_that_fails_leaves_nothing(place: Place, tmp_path: Path) -> None:
    store = place.store()
    with pytest.raises(FileNotFoundError):
        store.publish(KEY, {}, {"weights": tmp_path / "nowhere"})
    assert store.find(KEY) is None
    assert place.names() == []


def test_a_snapshot_is_replaced_and_dropped_when_the_stage_is_published(place: Place) -> None:
    store = place.store()
    store.save_snapshot(KEY, {"step": 1}, {"state": b"one"})
    store.save_snapshot(KEY, {"step": 2}, {"state": b"two"})
    other = place.store()
    snapshot = other.snapshot(KEY)
    assert snapshot is not None
    assert (snapshot.record, snapshot.path("state").read_bytes()) == ({"step": 2}, b"two")
    assert other.snapshot_record(KEY) == {"step": 2}
    assert store.find(KEY) is None
    store.publish(KEY, {"dev": 1}, {})
    assert other.snapshot(KEY) is None
    assert other.record(KEY) == {"dev": 1}
    assert not any(name.startswith(("snapshots", "files/snapshots")) for name in place.names())


def test_a_snapshot_that_is_replaced_while_it_is_read_is_read_whole(place: Place) -> None:
    store, reader = place.store(), place.store("reader")
    for step in range(4):
        store.save_snapshot(KEY, {"step": step}, {"state": f"state {step}".encode()})
        found = reader.snapshot(KEY)
        assert found is not None
        assert (found.record, found.path("state").read_text()) == ({"step": step}, f"state {step}")


def test_a_damaged_snapshot_counts_as_none(place: Place) -> None:
    place.store().save_snapshot(KEY, {"step": 1}, {"state": b"one"})
    place.change("state", lambda content: b"two")
    store = place.store()
    assert store.snapshot(KEY) is None
    assert store.snapshot_record(KEY) is None


def test_the_manifest_is_json_for_people_too(place: Place) -> None:
    place.store().publish(KEY, {"dev": 0.5}, {"weights": b"abc"})
    seen = []
    place.change(".json", lambda content: seen.append(content) or content)  # type: ignore[func-returns-value]
    # sha256 of "abc" as FIPS 180-2 gives it
    digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert json.loads(seen[0])["body"] == {"record": {"dev": 0.5}, "files": {"weights": digest}}


def test_of_many_processes_that_publish_one_key_at_once_one_wins_whole(place: Place) -> None:
    code = (
        "store.record(key)\nprint('ready', flush=True)\nsys.stdin.readline()\n"
        "store.publish(key, {'by': sys.argv[4]}, {'a': sys.argv[4].encode() * 300_000, 'b': sys.argv[4].encode()})\n"
        "print(store.record(key)['by'], flush=True)\n"
    )
    from contextlib import ExitStack

    with ExitStack() as stack:
        started = [
            stack.enter_context(another_process(code, place.root, place.caches / number, KEY, number))
            for number in "1234"
        ]
        assert [first_line(process) for process in started] == ["ready"] * 4
        for process in started:
            say(process)
        (winner,) = {first_line(process) for process in started}
    entry = place.store().find(KEY)
    assert entry is not None
    assert entry.record == {"by": winner}
    assert entry.path("a").read_bytes() == winner.encode() * 300_000
    assert entry.path("b").read_bytes() == winner.encode()
    assert len(place.names()) == 3  # a manifest and two files: the others left nothing


# What takes room ---------------------------------------------------------------------------------------------------


def test_items_are_all_that_takes_room_and_can_be_dropped(place: Place) -> None:
    store = place.store()
    store.publish(KEY, {}, {"weights": bytes(1000)})
    store.save_snapshot(OTHER, {"step": 1}, {"state": bytes(2000)})
    store.need("small-1", "home", "here", [KEY])
    items = {(item.kind, item.key): item for item in place.store().items()}
    assert items.keys() == {(Kind.STAGE, KEY), (Kind.SNAPSHOT, OTHER), (Kind.SWEEP, "small-1@home")}
    assert 1000 < items[Kind.STAGE, KEY].size < 1500
    assert 2000 < items[Kind.SNAPSHOT, OTHER].size < 2500
    assert all(-2 <= item.age < 60 for item in items.values())
    other = place.store()
    assert all(other.drop(item) for item in items.values())
    assert place.names() == []


def test_what_a_process_computes_is_not_dropped(place: Place) -> None:
    store = place.store()
    store.publish(KEY, {}, {"weights": b"w"})
    (item,) = store.items()
    with store.lease(KEY):
        assert not place.store().drop(item)
    assert place.store().find(KEY) is not None


def test_sweeps_needs_are_kept_and_renewed(place: Place) -> None:
    store = place.store()
    store.need("small-1", "home", "node:/home", [KEY])
    store.need("small-1", "home", "node:/home", [KEY, OTHER])
    store.need("small-1", "other", "node2:/home", [])
    needs = place.store().needs()
    assert set(needs) == {"small-1@home", "small-1@other"}
    assert needs["small-1@home"].keys == {KEY, OTHER}
    assert needs["small-1@home"].where == "node:/home"


def test_a_damaged_list_of_needs_is_told_and_not_taken_for_empty(place: Place) -> None:
    place.store().need("small-1", "home", "here", [KEY])
    place.change(".json", flipped)
    with pytest.raises(UserError, match=r"small-1@home.*run that sweep again"):
        place.store().needs()


# Publishes up to the last moment before the entry is in place, and stays there.
ALMOST_PUBLISHED = """
import time
from trainables.store import bucket, folder
def hang(*arguments):
    write_entry(*arguments)
    time.sleep(60)
write_entry, folder.write_entry = folder.write_entry, hang
bucket.Bucket._win = lambda *_: time.sleep(60)
store.publish(key, {}, {"small": b"1", "large": b"22"})
"""


def test_what_a_killed_process_left_is_no_entry_and_can_be_dropped(place: Place) -> None:
    with another_process(ALMOST_PUBLISHED, place.root, place.caches / "killed", KEY) as process:
        end = time.monotonic() + 60
        while not any(name.endswith("small") for name in place.names()) and time.monotonic() < end:
            time.sleep(0.002)
        process.kill()  # a file is there, the manifest is not
        process.wait()
    store = place.store()
    assert (store.record(KEY), store.find(KEY)) == (None, None)
    left = store.items()
    assert {(item.kind, item.key) for item in left} == {(None, KEY)}
    store.publish(KEY, {"dev": 1}, {"small": b"1"})
    assert all(place.store().drop(item) for item in left)
    assert place.store().find(KEY) is not None
    assert len(place.names()) == 2
