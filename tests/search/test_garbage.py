"""What gc deletes and, above all, what it does not."""

import os
import time
from pathlib import Path

import pytest

from search.garbage import DAY, Rule, clear, encoded_garbage, find_garbage, in_bytes
from search.home import Home
from spaces import UserError
from tests.search.test_cli import mistake, stopover
from tests.stores import Place, first_line, held_elsewhere
from trainables.store import Item, Kind, Store

NEEDED, SPARE, ABANDONED, FINISHED = (f"{letter}{letter}" + "0" * 62 for letter in "abcd")
NOW = Rule(keep=-10.0)  # all is old enough; servers count whole seconds
WEIGHTS = {"weights": b"w" * 1000}


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A home with the folder of one sweep."""
    made = Home(tmp_path / "home")
    (made.sweeps / "small-1").mkdir(parents=True)
    return made


def filled(place: Place, home: Home) -> Store:
    """A store with a stage that the sweep needs, one that none does, a snapshot of either sort, and one forgotten."""
    store = place.store()
    store.need("small-1", home.identity(), "here", [NEEDED, FINISHED])
    store.publish(NEEDED, {"dev": 1}, WEIGHTS)
    store.publish(SPARE, {"dev": 2}, WEIGHTS)
    store.save_snapshot(ABANDONED, {"step": 1}, WEIGHTS)
    return store


def chosen(store: Store, home: Home, rule: Rule = NOW) -> set[tuple[Kind | None, str]]:
    return {(item.kind, item.key) for item in find_garbage(store, home, rule).items}


def test_what_no_sweep_needs_goes_and_the_rest_stays(place: Place, home: Home) -> None:
    store = filled(place, home)
    garbage = find_garbage(store, home, NOW)
    assert {(item.kind, item.key) for item in garbage.items} == {(Kind.STAGE, SPARE), (Kind.SNAPSHOT, ABANDONED)}
    assert all(1000 < item.size < 1500 for item in garbage.items)
    assert store.find(SPARE) is not None  # looking deletes nothing
    assert len(list(clear(store, garbage))) == 2
    other = place.store()
    assert other.find(NEEDED) is not None
    assert (other.find(SPARE), other.snapshot(ABANDONED)) == (None, None)
    assert chosen(other, home) == set()


def test_what_is_young_stays(place: Place, home: Home) -> None:
    assert chosen(filled(place, home), home, Rule(keep=DAY)) == set()


def test_a_snapshot_of_a_needed_stage_goes_once_that_is_finished(place: Place, home: Home) -> None:
    store = filled(place, home)
    store.save_snapshot(FINISHED, {"step": 1}, WEIGHTS)
    assert (Kind.SNAPSHOT, FINISHED) not in chosen(store, home)  # a paused trial may go on from it
    store.publish(FINISHED, {"dev": 1}, WEIGHTS)
    store.save_snapshot(FINISHED, {"step": 1}, WEIGHTS)  # as one whose lease was lost may
    assert (Kind.SNAPSHOT, FINISHED) in chosen(store, home)


def test_what_another_process_computes_stays(place: Place, home: Home) -> None:
    store = filled(place, home)
    garbage = find_garbage(store, home, NOW)
    with held_elsewhere(place.root, SPARE, place.caches / "other") as other:
        assert first_line(other) == "True"
        assert [item.key for item in clear(store, garbage)] == [ABANDONED]
        assert place.store().find(SPARE) is not None


def test_what_a_sweep_needs_that_began_meanwhile_stays(place: Place, home: Home) -> None:
    store = filled(place, home)
    garbage = find_garbage(store, home, NOW)
    place.store().need("late-2", "another home", "there", [SPARE])
    assert [item.key for item in clear(store, garbage)] == [ABANDONED]


def test_a_sweep_whose_folder_is_deleted_needs_nothing_more(place: Place, home: Home) -> None:
    store = filled(place, home)
    (home.sweeps / "small-1").rmdir()
    garbage = find_garbage(store, home, NOW)
    assert {item.key for item in garbage.items} == {NEEDED, SPARE, ABANDONED, f"small-1@{home.identity()}"}
    assert len(list(clear(store, garbage))) == 4
    assert place.store().items() == []


def test_sweeps_of_other_homes_keep_theirs_for_ever_or_for_so_long(place: Place, home: Home) -> None:
    store = filled(place, home)
    store.need("theirs-2", "another home", "node:/their/home", [SPARE])
    garbage = find_garbage(store, home, NOW)
    assert {item.key for item in garbage.items} == {ABANDONED}
    assert [(need.sweep, need.where) for need in garbage.others] == [("theirs-2", "node:/their/home")]
    assert chosen(store, home, Rule(keep=-10.0, forget=DAY)) == {(Kind.SNAPSHOT, ABANDONED)}
    assert chosen(store, home, Rule(keep=-10.0, forget=-10.0)) == {
        (Kind.SNAPSHOT, ABANDONED), (Kind.STAGE, SPARE), (Kind.SWEEP, "theirs-2@another home"),
    }  # fmt: skip


def test_a_sweep_of_before_lists_were_kept_is_not_guessed(place: Place, home: Home) -> None:
    (home.sweeps / "old-3").mkdir()
    (home.sweeps / "old-3" / "results.json").write_text("{}")
    with pytest.raises(UserError, match="old-3"):
        find_garbage(filled(place, home), home, NOW)


def test_drafts_and_graves_go_when_they_are_old(tmp_path: Path, home: Home) -> None:
    store = Store(tmp_path / "store")
    for kind in ("stages/aa", "snapshots"):
        draft = tmp_path / "store" / kind / f".{NEEDED}.1234"
        draft.mkdir(parents=True)
        (draft / "weights").write_bytes(b"half")
    assert chosen(store, home, Rule(keep=DAY)) == set()
    two_days_ago = time.time() - 2 * DAY
    for draft in (tmp_path / "store").rglob(".*"):
        os.utime(draft, (two_days_ago, two_days_ago))
    garbage = find_garbage(store, home, Rule(keep=DAY))
    assert [(item.kind, item.key, item.size) for item in garbage.items] == [(None, NEEDED, 4)] * 2
    assert len(list(clear(store, garbage))) == 2
    assert not list((tmp_path / "store").rglob(".*"))


def test_tokenised_data_goes_when_it_was_not_used_for_so_long(home: Home) -> None:
    home.caches.encoded.mkdir(parents=True)
    names = ("used.arrow", "unused.arrow", "killed.part", "unused.lock")
    for name in names:
        (home.caches.encoded / name).write_bytes(b"rows")
    for name in names[1:]:
        os.utime(home.caches.encoded / name, (0, 0))
    found = encoded_garbage(home, time.time(), Rule(keep=DAY))
    assert [path.name for path in found] == ["killed.part", "unused.arrow"]


@pytest.mark.parametrize(
    ("size", "text"), [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (2_240_000_000, "2.2 GB"), (5_500_000, "5.5 MB")]
)
def test_sizes_are_told_in_decimal_units(size: int, text: str) -> None:
    assert in_bytes(size) == text


def test_the_command_line_shows_then_deletes(tmp_path: Path, home: Home) -> None:
    place = Place(home.store, tmp_path)
    filled(place, home)
    shown = stopover("gc", "--dry-run", "--keep-days", "0", home=home.root)
    assert shown.returncode == 0, shown.stderr
    assert "Would go" in shown.stdout and SPARE[:40] in shown.stdout and "2 in all" in shown.stdout
    assert place.store().find(SPARE) is not None
    kept = stopover("gc", home=home.root)
    assert "0 in all" in kept.stdout  # all is younger than a week
    done = stopover("gc", "--keep-days", "0", home=home.root)
    assert "Gone" in done.stdout and "2 in all" in done.stdout
    assert place.store().find(SPARE) is None
    assert place.store().find(NEEDED) is not None


def test_a_store_that_cannot_be_used_is_one_line(tmp_path: Path) -> None:
    assert "no credentials" in mistake("gc", "--store", "s3://me:word@bucket/x", home=tmp_path)
    assert "nowhere:// is not known" in mistake("gc", "--store", "nowhere://x", home=tmp_path)


def test_items_of_a_store_that_changes_meanwhile(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    gone = Item(Kind.STAGE, SPARE, f"stages/bb/{SPARE}", 0, 0.0)
    assert store.drop(gone)  # another gc was first
