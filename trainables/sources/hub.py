"""Parquet datasets of the Hugging Face hub, through `datasets` and its cache."""

from typing import cast

import pyarrow as pa

from spaces import Task, UserError, language_named
from spaces.tasks import Split, Table
from trainables.sources.base import Piece, Source, rows_of
from trainables.sources.reach import hub_answers


class HubSource(Source):
    """Reads from the hub; repositories that need their own code to load are refused, never run."""

    def read(self, task: Task, split: Split, language: str) -> list[Piece]:
        return [self._piece(task, table, language) for table in task.parts(split)]

    def languages(self, task: Task) -> tuple[str, ...]:
        return task.languages

    def where(self, task: Task, split: Split, language: str) -> str:
        return ", ".join(_address(table, language) for table in task.parts(split))

    def _piece(self, task: Task, table: Table, language: str) -> Piece:
        reachable = hub_answers()  # before `datasets` is imported: it reads the offline switch then
        import datasets

        spoken = language_named(language)
        try:
            loaded = datasets.load_dataset(
                table.repository,
                table.config_for(spoken),
                split=table.split_for(spoken),
                revision=table.revision or None,
            )
        except (ConnectionError, FileNotFoundError) as error:
            reason = "it is neither cached nor reachable" if not reachable else str(error).splitlines()[0]
            raise UserError(
                f"{task.name}: {_address(table, language)} cannot be loaded ({reason}); "
                "without internet give --mirror FOLDER or set STOPOVER_MIRROR"
            ) from None
        except (ValueError, RuntimeError) as error:
            first = str(error).splitlines()[0]
            raise UserError(f"{task.name}: {_address(table, language)} cannot be loaded: {first}") from None
        rows = cast(pa.Table, cast(datasets.Dataset, loaded).with_format("arrow")[:])
        return Piece(table, rows_of(table, spoken, rows), _address(table, language))


def _address(table: Table, language: str) -> str:
    spoken = language_named(language)
    return f"{table.repository} ({table.config_for(spoken)}, {table.split_for(spoken)})"
