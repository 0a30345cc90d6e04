"""The tables that a space needs, and which of them are there: what is checked and what is fetched before a sweep."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from spaces import TASKS, Format, Role, Task, task_named
from spaces.tasks import Split, Table
from trainables.examples import Data
from trainables.sources import Place, Presence
from trainables.sources.base import worst

if TYPE_CHECKING:
    from spaces import Space


@dataclass(frozen=True)
class Need:
    """One split of a task in one language."""

    task: Task
    split: Split
    language: str

    def tables(self) -> tuple[Table, ...]:
        """The split's tables, and those that say what is left out of them."""
        parts = self.task.parts(self.split)
        return *parts, *(table.without for table in parts if table.without is not None)

    def passed_over(self, space: "Space", data: Data) -> bool:
        """Whether a sweep in all languages leaves this one out, as the source has only others."""
        if space.evaluation.languages != "all" or (self.split != "test" and self.task.format is not Format.MINING):
            return False
        held = data.languages(self.task)
        return bool(held) and self.language not in held


@dataclass(frozen=True)
class Holding:
    """A need and where its tables are; `passed_over` where the source lacks the language and the sweep does without."""

    need: Need
    places: tuple[Place, ...]
    passed_over: bool = False

    @property
    def presence(self) -> Presence:
        """The worst of its tables."""
        return worst(self.places)

    @property
    def rows(self) -> int:
        """Its rows as far as they are known: as counted, else as published."""
        counted = [place.rows for place in self.places]
        known = [rows for rows in counted if rows is not None]
        return sum(known) if len(known) == len(counted) else self.need.task.sizes.get(self.need.split, 0)

    @property
    def size(self) -> int:
        """Its bytes as far as they are known."""
        return sum(place.size or 0 for place in self.places)


def needs(space: "Space") -> Iterator[Need]:
    """All that a sweep of the space reads, each once."""
    seen: set[tuple[object, ...]] = set()
    for need in _all_needs(space):
        name = (*need.tables(), need.language)
        if name not in seen:
            seen.add(name)
            yield need


def inventory(space: "Space", data: Data) -> list[Holding]:
    """Where all of it is."""
    return [
        Holding(need, tuple(data.places(need.task, need.split, need.language)), need.passed_over(space, data))
        for need in needs(space)
    ]


def _all_needs(space: "Space") -> Iterator[Need]:
    for task in (task for name, task in TASKS.items() if name in space.intermediate_tasks):
        yield from _training_needs(task)
    for target in (task_named(name, Role.TARGET) for name in space.targets):
        if target.trains:
            yield from _training_needs(target)
        wanted = space.evaluation.languages
        for code in target.languages:
            if wanted == "all" or code in wanted:
                if target.format is Format.MINING:
                    yield Need(target, "dev", code)
                yield Need(target, "test", code)


def _training_needs(task: Task) -> Iterator[Need]:
    yield Need(task, "train", "en")
    yield Need(task, "dev", "en")
