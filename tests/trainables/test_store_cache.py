"""Files of a store in a bucket on the machine that reads them: fetched once, checked, bounded, kept while in use."""

import gc
import os
import shutil
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from spaces import UserError
from tests.stores import Place, another_process, first_line, flipped, say
from trainables.digest import digest_of_bytes
from trainables.store import Store
from trainables.store.manifest import Manifest
from trainables.store.node_cache import NodeCache, cache_limit

KEYS = [f"{number:02d}" + "0" * 62 for number in range(6)]


@pytest.fixture
def bucket(s3: str, tmp_path: Path) -> Place:
    return Place(s3, tmp_path)


def downloads(log: Path, name: str) -> int:
    return sum("GET /" in line and f".{name}" in line for line in log.read_text().splitlines())


def cached(place: Place, machine: str) -> set[str]:
    """The keys whose files are on a machine."""
    return {path.name.partition("-")[0] for path in (place.caches / machine).iterdir() if path.is_dir()}


def test_all_processes_of_a_machine_share_one_download(bucket: Place, s3_log: Path) -> None:
    name = "shared-by-all"
    bucket.store("publisher").publish(KEYS[0], {}, {name: b"x" * 3_000_000})
    code = (
        "print('ready', flush=True)\nsys.stdin.readline()\nentry = store.find(key)\n"
        "print(len(entry.path(sys.argv[4]).read_bytes()), flush=True)\n"
    )
    with ExitStack() as stack:
        asking = [
            stack.enter_context(another_process(code, bucket.root, bucket.caches / "node", KEYS[0], name))
            for _ in range(4)
        ]
        assert [first_line(process) for process in asking] == ["ready"] * 4
        for process in asking:
            say(process)
        assert [first_line(process) for process in asking] == ["3000000"] * 4
    assert downloads(s3_log, name) == 1
    assert not list((bucket.caches / "node").glob("*.fetch"))


def test_the_machine_that_published_downloads_nothing(bucket: Place, s3_log: Path) -> None:
    name = "published-here"
    bucket.store("node").publish(KEYS[0], {}, {name: b"weights"})
    entry = bucket.store("node").find(KEYS[0])
    assert entry is not None
    assert entry.path(name).read_bytes() == b"weights"
    assert downloads(s3_log, name) == 0


def test_a_damaged_file_of_the_cache_is_fetched_again_and_the_entry_stays(bucket: Place) -> None:
    bucket.store("node").publish(KEYS[0], {}, {"weights": b"whole"})
    (path,) = (bucket.caches / "node").glob("*/weights")
    path.write_bytes(flipped(b"whole"))
    entry = bucket.store("node").find(KEYS[0])
    assert entry is not None
    assert entry.path("weights").read_bytes() == b"whole"


def test_a_damaged_file_of_the_cache_is_mended_while_another_reads(bucket: Place) -> None:
    bucket.store("node").publish(KEYS[0], {}, {"weights": b"whole"})
    before = bucket.store("node").find(KEYS[0])
    assert before is not None
    before.path("weights").write_bytes(b"spoilt")
    after = bucket.store("node").find(KEYS[0])
    assert after is not None
    assert after.path("weights").read_bytes() == b"whole"


def test_a_cache_that_is_deleted_costs_a_download(bucket: Place) -> None:
    store = bucket.store("node")
    store.publish(KEYS[0], {}, {"weights": b"whole"})
    shutil.rmtree(bucket.caches / "node")
    (bucket.caches / "node").mkdir()
    entry = store.find(KEYS[0])
    assert entry is not None
    assert entry.path("weights").read_bytes() == b"whole"


def test_what_was_not_used_for_longest_is_dropped_and_what_is_in_use_is_not(
    bucket: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    for key in KEYS:
        bucket.store("publisher").publish(key, {}, {"weights": bytes(1000)})
    monkeypatch.setenv("STOPOVER_CACHE_GB", "0.0000035")  # 3,500 bytes: three entries
    store = bucket.store("node")
    in_use = store.find(KEYS[0])
    assert in_use is not None
    for key in (KEYS[1], KEYS[2], KEYS[1], KEYS[3]):
        assert store.find(key) is not None
    assert cached(bucket, "node") == {KEYS[0], KEYS[1], KEYS[3]}
    assert in_use.path("weights").read_bytes() == bytes(1000)
    del in_use
    gc.collect()
    assert store.find(KEYS[4]) is not None
    assert cached(bucket, "node") == {KEYS[1], KEYS[3], KEYS[4]}


def test_what_another_process_reads_is_kept_until_it_ends(bucket: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    for key in KEYS:
        bucket.store("publisher").publish(key, {}, {"weights": bytes(1000)})
    monkeypatch.setenv("STOPOVER_CACHE_GB", "0.000001")  # one entry
    code = "entry = store.find(key)\nprint('reads', flush=True)\nsys.stdin.read()\n"
    store = bucket.store("node")
    with another_process(code, bucket.root, bucket.caches / "node", KEYS[0]) as reader:
        assert first_line(reader) == "reads"
        assert store.find(KEYS[1]) is not None
        assert store.find(KEYS[2]) is not None
        assert cached(bucket, "node") == {KEYS[0], KEYS[2]}
    assert store.find(KEYS[3]) is not None
    assert cached(bucket, "node") == {KEYS[3]}


def test_a_removed_entry_that_is_computed_again_is_not_taken_from_the_cache(bucket: Place) -> None:
    store = bucket.store("node")
    store.publish(KEYS[0], {"by": "first"}, {"weights": b"1"})
    other = bucket.store("elsewhere")
    (item,) = other.items()
    assert other.drop(item)
    assert store.find(KEYS[0]) is None
    other.publish(KEYS[0], {"by": "second"}, {"weights": b"2"})
    entry = store.find(KEYS[0])
    assert entry is not None
    assert (entry.record, entry.path("weights").read_bytes()) == ({"by": "second"}, b"2")


def test_files_that_are_not_what_the_manifest_names_are_never_given_out(tmp_path: Path) -> None:
    cache = NodeCache(tmp_path, limit=1000)
    manifest = Manifest({}, {"weights": digest_of_bytes(b"right")})
    fetched = []

    def fetch(folder: Path) -> None:
        fetched.append(folder)
        (folder / "weights").write_bytes(b"wrong")

    assert cache.open("one", manifest, 5, fetch) is None
    assert len(fetched) > 1  # it may have been damaged on the way


@pytest.mark.parametrize("given", ["much", "-1", "nan", "inf"])
def test_a_limit_that_is_no_number(given: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STOPOVER_CACHE_GB", given)
    with pytest.raises(UserError, match="STOPOVER_CACHE_GB"):
        cache_limit()


def test_a_store_under_a_url_wants_a_cache() -> None:
    with pytest.raises(UserError, match="cache"):
        Store("s3://bucket/folder")


def test_what_killed_processes_left_goes_after_a_day(tmp_path: Path) -> None:
    cache = NodeCache(tmp_path, limit=1000)
    for name, age in ((".old", 2 * 86_400), (".new", 0)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "weights").write_bytes(b"half")
        os.utime(tmp_path / name, (time.time() - age,) * 2)
    with cache.draft(10):
        assert {path.name for path in tmp_path.glob(".*")} == {".new"}


def test_cached_records_cost_no_request_each(bucket: Place, s3_log: Path) -> None:
    store = bucket.store("node")
    for key in KEYS[:3]:
        store.publish(key, {"dev": 1}, {})
    with store.records_cached(KEYS):
        before = len(s3_log.read_text().splitlines())
        assert [store.record(key) is not None for key in KEYS] == [True] * 3 + [False] * 3
        assert [store.snapshot_record(key) for key in KEYS] == [None] * 6
        assert len(s3_log.read_text().splitlines()) == before
