"""What of a store no sweep needs any more: found, and cleared away.

Every sweep writes the keys of all its stages into the store before it looks for any there, and again every hour that it
runs (`Store.need`). What a list names is kept. Deleting a sweep's folder under its home takes its list out of force; of
the sweeps of other homes, which cannot be seen from here, every list counts.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from rich.console import Group, RenderableType
from rich.text import Text

from search.home import Home
from search.results import RESULTS_FILE
from search.tables import table
from spaces import UserError
from trainables.store import Item, Kind, Need, Store

DAY = 86_400.0


@dataclass(frozen=True)
class Rule:
    """What is old: nothing younger than `keep` goes; a list of another home is in force for `forget` (None: ever).

    Both in seconds.
    """

    keep: float
    forget: float | None = None


@dataclass(frozen=True)
class Garbage:
    """What may go, and the sweeps of other homes whose stages stay."""

    items: list[Item]
    others: list[Need]


def find_garbage(store: Store, home: Home, rule: Rule) -> Garbage:
    """Looks through a store; deletes nothing. Raises `UserError` where it is not known what a sweep needs."""
    items = store.items()
    needs = store.needs()
    _refuse_unlisted(home, needs.values())
    ages = {item.key: item.age for item in items if item.kind is Kind.SWEEP}
    dead = {name for name, need in needs.items() if not _in_force(need, ages.get(name, 0.0), home, rule)}
    live = {name: need for name, need in needs.items() if name not in dead}
    needed = _keys(live)
    finished = {item.key for item in items if item.kind is Kind.STAGE}
    chosen = [item for item in items if _may_go(item, needed, finished, dead, rule)]
    # Lists first: what is looked up again before each deletion are the lists that are left.
    chosen.sort(key=lambda item: item.kind is not Kind.SWEEP)
    return Garbage(chosen, [need for need in live.values() if need.home != home.identity()])


def clear(store: Store, garbage: Garbage) -> Iterator[Item]:
    """Deletes, yielding what went. What a process computes stays, and what a sweep needs that has begun meanwhile."""
    for item in garbage.items:
        fresh = item.kind is Kind.STAGE and item.key in _keys(store.needs())
        if not fresh and store.drop(item):
            yield item


def encoded_garbage(home: Home, clock: float, rule: Rule) -> list[Path]:
    """Files of tokenised data that were not used for so long; `clock` in seconds since 1970."""
    files = [path for path in home.caches.encoded.glob("*") if path.suffix in {".arrow", ".part"}]
    return sorted(path for path in files if clock - path.stat().st_mtime > rule.keep)


def garbage_report(items: Iterable[Item], title: str) -> RenderableType:
    """A table of what goes, and the sum."""
    made = table(title, ("what", "key"), ("size", "age"))
    total = 0
    for item in items:
        made.add_row(_SINGULAR[item.kind], item.key[:40], in_bytes(item.size), f"{item.age / DAY:.1f} d")
        total += item.size
    return Group(made, Text(f"{made.row_count} in all, {in_bytes(total)}"))


def in_bytes(size: int) -> str:
    """A size for people: 2.2 GB."""
    for unit, bytes_of in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size >= bytes_of:
            return f"{size / bytes_of:.1f} {unit}"
    return f"{size} B"


_SINGULAR = {Kind.STAGE: "stage", Kind.SNAPSHOT: "snapshot", Kind.SWEEP: "list of a sweep", None: "left over"}


def _may_go(item: Item, needed: frozenset[str], finished: set[str], dead: set[str], rule: Rule) -> bool:
    match item.kind:
        case Kind.SWEEP:
            return item.key in dead
        case Kind.STAGE:
            return item.key not in needed and item.age > rule.keep
        case Kind.SNAPSHOT:
            return (item.key not in needed or item.key in finished) and item.age > rule.keep
        case None:
            return item.age > rule.keep


def _in_force(need: Need, age: float, home: Home, rule: Rule) -> bool:
    if need.home == home.identity():
        return (home.sweeps / need.sweep).is_dir()
    return rule.forget is None or age <= rule.forget


def _keys(needs: Mapping[str, Need]) -> frozenset[str]:
    return frozenset().union(*(need.keys for need in needs.values()))


def _refuse_unlisted(home: Home, needs: Iterable[Need]) -> None:
    """Sweeps of versions before lists were kept: what they need would be guessed."""
    listed = {need.sweep for need in needs if need.home == home.identity()}
    for results in sorted(home.sweeps.glob(f"*/{RESULTS_FILE}")):
        if results.parent.name not in listed:
            raise UserError(
                f"this store has no list of what the sweep {results.parent.name} needs: it ran on another store or "
                f"an older version. Run it again on this store (nothing is retrained), or delete {results.parent}"
            )
