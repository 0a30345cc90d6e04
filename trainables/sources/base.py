"""What every source of examples offers."""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

import pyarrow as pa
import pyarrow.compute

from spaces import Language, Task, language_named
from spaces.tasks import CCGBANK, Split, Table
from trainables.sources import ccgbank


@dataclass(frozen=True)
class Piece:
    """The rows of one table, in its dataset's columns, and where they come from, for people."""

    table: Table
    rows: pa.Table
    where: str


class Presence(StrEnum):
    """Whether a table can be read."""

    HERE = "here"
    ON_THE_HUB = "on the hub"
    MISSING = "missing"


@dataclass(frozen=True)
class Place:
    """Where a table is, for people; the rows that come from it and its size in bytes, where they are known without
    reading it."""

    where: str
    presence: Presence
    rows: int | None = None
    size: int | None = None


def worst(places: Iterable[Place]) -> Presence:
    """The presence of all of some tables: that of the one that is hardest to get."""
    found = {place.presence for place in places}
    return next(one for one in (Presence.MISSING, Presence.ON_THE_HUB, Presence.HERE) if one in found)


class Source(ABC):
    """Reads splits of tasks in the columns of the task's hub dataset. Third parties may add their own."""

    @abstractmethod
    def read(self, task: Task, split: Split, language: str) -> list[Piece]:
        """All rows of one split in one language, unsampled, a piece per table of the split.

        Raises `NotHere` where they cannot be had: what is missing, where, and what to do.
        """

    @abstractmethod
    def languages(self, task: Task) -> tuple[str, ...]:
        """Codes of the languages that this source can score a target in, in the task's order."""

    @abstractmethod
    def places(self, task: Task, split: Split, language: str) -> list[Place]:
        """Where the tables of a split are."""

    def where(self, task: Task, split: Split, language: str) -> str:
        """Where a split comes from, for people: paths or hub addresses."""
        return ", ".join(place.where for place in self.places(task, split, language))


class TableSource(Source):
    """A source that has every table of the catalogue under its own name, as the hub has."""

    def read(self, task: Task, split: Split, language: str) -> list[Piece]:
        spoken = language_named(language)
        return [
            Piece(table, self._wanted(task, table, spoken), self.address(table, spoken)) for table in task.parts(split)
        ]

    def _wanted(self, task: Task, table: Table, language: Language) -> pa.Table:
        rows = self.table(task, table, language)
        if table.without is not None:
            left_out = self.table(task, table.without, language)
            for column in {"id", "context"} & set(rows.column_names) & set(left_out.column_names):
                rows = rows.filter(pa.compute.invert(pa.compute.is_in(_bare(rows[column]), _bare(left_out[column]))))
        return rows_of(table, language, rows)

    def places(self, task: Task, split: Split, language: str) -> list[Place]:
        spoken = language_named(language)
        left_out = [table.without for table in task.parts(split) if table.without is not None]
        return [
            *(self.place(table, spoken) for table in task.parts(split)),
            *(replace(self.place(table, spoken), rows=0) for table in left_out),
        ]

    def where(self, task: Task, split: Split, language: str) -> str:
        return ", ".join(self.address(table, language_named(language)) for table in task.parts(split))

    @abstractmethod
    def table(self, task: Task, table: Table, language: Language) -> pa.Table:
        """All rows of a table, whatever language or share of them a task wants; raises `NotHere`."""

    @abstractmethod
    def place(self, table: Table, language: Language) -> Place:
        """Where a table is."""

    @abstractmethod
    def address(self, table: Table, language: Language) -> str:
        """How a table is called, for people."""


def _bare(texts: pa.ChunkedArray) -> pa.Array:
    """Texts without blanks around them, which copies of a data set differ in."""
    return pa.compute.utf8_trim_whitespace(texts.combine_chunks())


def rows_of(table: Table, language: Language, rows: pa.Table) -> pa.Table:
    """The table's rows of a dataset's split: those of the language, and the share that is wanted."""
    start = table.ids_for(language)
    if start and "id" in rows.column_names:
        rows = rows.filter(pa.compute.starts_with(rows["id"], start))
    if table.cut_by:
        number = pa.compute.dictionary_encode(rows[table.cut_by].combine_chunks())  # in order of first appearance
        first, last = (round(part * len(number.dictionary)) for part in table.share)
        chosen = pa.compute.and_(pa.compute.greater_equal(number.indices, first), pa.compute.less(number.indices, last))
        return rows.filter(chosen)
    first, last = (round(part * rows.num_rows) for part in table.share)
    return rows.slice(first, last - first)


def own_copy(table: Table) -> Place | None:
    """Where a licensed table is on the user's machine; None for tables that are not licensed."""
    if table.repository != CCGBANK:
        return None
    files = ccgbank.files(table.split)
    presence = Presence.HERE if files else Presence.MISSING
    return Place(ccgbank.address(table.split), presence, size=sum(file.stat().st_size for file in files) or None)
