"""What every source of examples offers."""

from abc import ABC, abstractmethod

import pyarrow as pa

from spaces import Task
from spaces.tasks import Split


class Source(ABC):
    """Reads splits of tasks in the columns of the task's hub dataset. Third parties may add their own."""

    @abstractmethod
    def read(self, task: Task, split: Split, language: str) -> pa.Table:
        """All rows of one split in one language, hub columns, unsampled.

        Raises `UserError` where they cannot be had: what is missing, where, and what to do.
        """

    @abstractmethod
    def languages(self, task: Task) -> tuple[str, ...]:
        """Codes of the languages that this source can score a target in, in the task's order."""

    @abstractmethod
    def where(self, task: Task, split: Split, language: str) -> str:
        """Where a split comes from, for people: a path or a hub address."""
