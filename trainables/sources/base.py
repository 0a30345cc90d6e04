"""What every source of examples offers."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute

from spaces import Language, Task
from spaces.tasks import Split, Table


@dataclass(frozen=True)
class Piece:
    """The rows of one table, in its dataset's columns, and where they come from, for people."""

    table: Table
    rows: pa.Table
    where: str


class Source(ABC):
    """Reads splits of tasks in the columns of the task's hub dataset. Third parties may add their own."""

    @abstractmethod
    def read(self, task: Task, split: Split, language: str) -> list[Piece]:
        """All rows of one split in one language, unsampled, a piece per table of the split.

        Raises `UserError` where they cannot be had: what is missing, where, and what to do.
        """

    @abstractmethod
    def languages(self, task: Task) -> tuple[str, ...]:
        """Codes of the languages that this source can score a target in, in the task's order."""

    @abstractmethod
    def where(self, task: Task, split: Split, language: str) -> str:
        """Where a split comes from, for people: paths or hub addresses."""


def rows_of(table: Table, language: Language, rows: pa.Table) -> pa.Table:
    """The table's rows of a dataset's split: those of the language, and the share that is wanted."""
    start = table.ids_for(language)
    if start and "id" in rows.column_names:
        rows = rows.filter(pa.compute.starts_with(rows["id"], start))
    first, last = (round(part * rows.num_rows) for part in table.share)
    return rows.slice(first, last - first)
