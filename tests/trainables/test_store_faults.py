"""A full disk, met by real stages: the trial fails with the reason, and succeeds once there is room."""

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from spaces.trial import Trial
from tests.made_data import small_space
from tests.stores import KEY, Place
from trainables.events import Failed, Finished
from trainables.full_disk import DiskFull
from trainables.stages import chain
from trainables.store import Store
from trainables.trial_run import run_trial
from trainables.workbench import Workbench

MakeBench = Callable[..., Workbench]


class Disk:
    """A small disk of its own."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def resize(self, size: str) -> None:
        """Makes it larger or smaller; what lies there stays."""
        subprocess.run(["mount", "-o", f"remount,size={size}", str(self.path)], check=True)

    def fill(self) -> None:
        """Leaves not a byte."""
        with (self.path / "ballast").open("wb", buffering=0) as file, pytest.raises(OSError):
            while True:
                file.write(bytes(4096))


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    path = tmp_path / "disk"
    path.mkdir()
    made = os.geteuid() == 0 and subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "stopover-test", str(path)], capture_output=True
    )
    if not made or made.returncode:
        pytest.skip("a small disk can be mounted by root only")
    yield Disk(path)
    subprocess.run(["umount", "--lazy", str(path)], check=True)


def test_a_full_disk_fails_the_trial_with_the_reason_and_may_be_mended(make_bench: MakeBench, disk: Disk) -> None:
    bench = make_bench()
    stages = chain(Trial("xnli", "mnli", 0.003, 0.003, 0), small_space(), bench.data, bench.model_digest)
    bench.store = Store(disk.path / "store")
    disk.fill()
    *_, failed = run_trial(stages, bench)
    assert failed == Failed(stages[0].key, failed.reason)
    assert f"no space left under {disk.path / 'store'}" in failed.reason
    assert bench.store.items() == []  # not even half an entry
    disk.resize("200m")
    *_, last = run_trial(stages, bench)
    assert last == Finished(stages[-1].key)


def test_a_full_disk_under_the_tokenised_data_fails_the_trial_with_the_reason(
    make_bench: MakeBench, disk: Disk
) -> None:
    bench = make_bench()
    stages = chain(Trial("xnli", "none", 0.003, 0.003, 0), small_space(), bench.data, bench.model_digest)
    bench.cache = disk.path / "encoded"
    bench.cache.mkdir()
    disk.fill()
    *_, failed = run_trial(stages, bench)
    assert failed == Failed(stages[0].key, failed.reason)
    assert f"no space left under {bench.cache}" in failed.reason


def test_a_full_disk_keeps_the_snapshot_that_was_there(disk: Disk) -> None:
    store = Store(disk.path / "store")
    store.save_snapshot(KEY, {"step": 1}, {"state": bytes(100_000)})
    disk.fill()
    with pytest.raises(DiskFull):
        store.save_snapshot(KEY, {"step": 2}, {"state": bytes(100_000)})
    snapshot = store.snapshot(KEY)
    assert snapshot is not None
    assert snapshot.record == {"step": 1}


def test_a_full_disk_under_the_cache_of_a_bucket(disk: Disk, s3: str, tmp_path: Path) -> None:
    place = Place(s3, tmp_path)
    other = "cd" + KEY[2:]
    place.store().publish(KEY, {}, {"weights": bytes(100_000)})
    store = Store(s3, disk.path / "cache")
    disk.fill()
    with pytest.raises(DiskFull, match=r"no space left under .*cache"):
        store.find(KEY)
    with pytest.raises(DiskFull, match=r"no space left under .*cache"):
        store.publish(other, {}, {"weights": bytes(100_000)})
    assert place.store().record(other) is None
    disk.resize("2m")
    found = store.find(KEY)
    assert found is not None
    assert found.path("weights").read_bytes() == bytes(100_000)
    store.publish(other, {"dev": 1}, {"weights": bytes(100_000)})
    assert place.store().record(other) == {"dev": 1}
