"""The catalogue in the terminal: every task, its sizes, and where its data would come from now."""

from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.text import Text

from search.tables import table
from spaces import TASKS, Role, Task
from spaces.tasks import Split
from trainables.sources import Presence, Source
from trainables.sources.base import worst
from trainables.sources.mirror import MirrorSource


def task_report(source: Source) -> RenderableType:
    """A table per role."""
    return Group(*_tables(source))


def _tables(source: Source) -> Iterator[RenderableType]:
    for role, title in ((Role.INTERMEDIATE, "Intermediate tasks (English)"), (Role.TARGET, "Targets")):
        target = role is Role.TARGET
        made = table(
            title,
            ("name", "format", "metric", "from", "what it is; licence"),
            ("train", *(("test", "languages") if target else ())),
            note="Rows as published, of test sets the mean over languages. From: where it would come from now.",
        )
        for task in (task for task in TASKS.values() if role in task.roles):
            counts = [_count(task.sizes.get("train", 0))]
            counts += [_count(task.sizes.get("test", 0)), str(len(task.languages))] if target else []
            what = f"{task.title}; {task.licence}"
            made.add_row(task.name, task.format, task.metric, _origin(task, source), what, *counts)
        yield made
        yield Text()


def _origin(task: Task, source: Source) -> str:
    """Where a task's data would come from: this source, or at least the embedded world."""
    if task.in_world_only:
        return "world"
    match _presence(task, source):
        case Presence.HERE:
            return "mirror" if isinstance(source, MirrorSource) else "cache"
        case Presence.ON_THE_HUB:
            return "hub"
        case _:
            return "world" if task.world else "missing"


def _presence(task: Task, source: Source) -> Presence:
    languages = source.languages(task) if "test" in task.tables else ("en",)
    if not languages:
        return Presence.MISSING
    splits: list[tuple[Split, str]] = [(split, "en") for split in task.tables if split != "test" and task.trains]
    splits += [("test", languages[0])] if "test" in task.tables else []
    return worst(place for split, language in splits for place in source.places(task, split, language))


def _count(size: int) -> str:
    return f"{size:,}" if size else "-"
