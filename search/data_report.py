"""The data of a space in the terminal: what is there, from where, and what is missing, with sizes."""

from collections.abc import Iterator, Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from search.tables import table
from trainables.inventory import Holding
from trainables.sources import Presence

_NAMED = 6  # languages of a set that are named one by one


def data_report(space: str, holdings: Sequence[Holding]) -> RenderableType:
    """A row per set that the space reads, and the sums."""
    lines = [*_passed_over(holdings), *_sums(holdings)]
    return Group(_sets(space, holdings), Text(), *lines)


def missing(holdings: Sequence[Holding]) -> list[Holding]:
    """What keeps the sweep from running."""
    return [one for one in holdings if one.presence is Presence.MISSING and not one.passed_over]


def _sets(space: str, holdings: Sequence[Holding]) -> Table:
    made = table(
        f"Data of {space}",
        ("task", "set", "where"),
        ("languages", "rows", "MB"),
        note="Rows of what is missing: as published. MB: of what is here or known to the hub.",
    )
    for (task, split), group in _by_set(holdings).items():
        wanted = [one for one in group if not one.passed_over]
        states = " + ".join(_state(wanted, presence) for presence in Presence if _count(wanted, presence))
        style = "red" if missing(wanted) else ""
        rows = sum(one.rows for one in wanted)
        made.add_row(task, split, Text(states, style=style), str(len(wanted)), f"{rows:,}", _megabytes(wanted))
    return made


def _by_set(holdings: Sequence[Holding]) -> dict[tuple[str, str], list[Holding]]:
    groups: dict[tuple[str, str], list[Holding]] = {}
    for one in holdings:
        groups.setdefault((one.need.task.name, one.need.split), []).append(one)
    return groups


def _state(group: Sequence[Holding], presence: Presence) -> str:
    languages = [one.need.language for one in group if one.presence is presence]
    if len(languages) == len(group) or len(languages) > _NAMED:
        return str(presence)
    return f"{presence}: {' '.join(languages)}"


def _count(group: Sequence[Holding], presence: Presence) -> int:
    return sum(one.presence is presence for one in group)


def _passed_over(holdings: Sequence[Holding]) -> Iterator[Text]:
    for (task, split), group in _by_set(holdings).items():
        languages = [one.need.language for one in group if one.passed_over]
        if languages and split == "test":
            yield Text(f"{task} is scored without {' '.join(languages)}, which this source does not have.")


def _sums(holdings: Sequence[Holding]) -> Iterator[Text]:
    for presence in Presence:
        group = [one for one in holdings if one.presence is presence and not one.passed_over]
        if group:
            rows = sum(one.rows for one in group)
            size = f", {_megabytes(group)} MB" if _size(group) else ""
            yield Text(f"{str(presence).capitalize()}: {len(group)} sets, {rows:,} rows{size}.")


def _megabytes(group: Sequence[Holding]) -> str:
    return f"{_size(group) / 1e6:,.1f}" if _size(group) else "-"


def _size(group: Sequence[Holding]) -> int:
    # A file that several tasks read counts once.
    return sum({place.where: place.size or 0 for one in group for place in one.places}.values())
