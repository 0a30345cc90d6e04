"""The catalogue's published sizes in place of data: enough to plan a sweep before anything is fetched."""

import pyarrow as pa

from spaces import Format, Task, language_named
from spaces.errors import NotHere
from spaces.tasks import Split
from trainables.digest import digest_of
from trainables.examples import Data, Examples, with_queries
from trainables.sources import Piece, Place, Source


class PublishedData(Data):
    """Examples that have a number and a name (their tables') but no content; nothing can be trained on them."""

    def __init__(self) -> None:
        super().__init__(_Catalogue())

    def _examples(self, task: Task, split: Split, language: str = "en", cap: int | None = None) -> Examples:
        size = task.sizes.get(split, 0)
        pooled = task.format in (Format.RETRIEVAL, Format.MINING)
        held = size if cap is None or pooled else min(cap, size)
        rows = pa.table({"row": pa.nulls(held)})
        tables = [[*_name(task, split, language, part)] for part in range(len(task.parts(split)))]
        rows = with_queries(rows, cap) if pooled else rows
        return Examples(task, language, rows, task.labels, digest_of([tables, cap]), split)

    def _labels(self, task: Task) -> tuple[str, ...]:
        return task.labels


class _Catalogue(Source):
    def read(self, task: Task, split: Split, language: str) -> list[Piece]:
        raise NotHere(f"{task.name}: only its published sizes are known here")

    def languages(self, task: Task) -> tuple[str, ...]:
        return task.languages

    def places(self, task: Task, split: Split, language: str) -> list[Place]:
        return []


def _name(task: Task, split: Split, language: str, part: int) -> tuple[object, ...]:
    table, spoken = task.parts(split)[part], language_named(language)
    name = table.repository, table.config_for(spoken), table.split_for(spoken), table.ids_for(spoken), *table.share
    left_out = table.without
    return name if left_out is None else (*name, "without", left_out.repository, left_out.config_for(spoken))
