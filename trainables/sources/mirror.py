"""A folder that holds hub datasets as `<owner>__<name>/<config>/<split>.parquet`."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from spaces import Task, UserError, language_named
from spaces.tasks import Split, Table
from trainables.sources.base import Piece, Source, rows_of


class MirrorSource(Source):
    """Reads a mirror folder. Raises `UserError` when the folder does not exist."""

    def __init__(self, folder: Path) -> None:
        if not folder.is_dir():
            raise UserError(f"mirror folder '{folder}' does not exist; give --mirror FOLDER or set STOPOVER_MIRROR")
        self.folder = folder

    def read(self, task: Task, split: Split, language: str) -> list[Piece]:
        return [self._piece(task, split, table, language) for table in task.parts(split)]

    def languages(self, task: Task) -> tuple[str, ...]:
        return tuple(code for code in task.languages if self._has_test(task, code))

    def where(self, task: Task, split: Split, language: str) -> str:
        return ", ".join(str(self._path(table, language)) for table in task.parts(split))

    def _piece(self, task: Task, split: Split, table: Table, language: str) -> Piece:
        path = self._path(table, language)
        if not path.is_file():
            raise UserError(f"{task.name}: the mirror has no {path} (its {split} split, language {language})")
        try:
            rows = pq.read_table(path)
        except (pa.ArrowException, OSError) as error:
            raise UserError(f"{task.name}: {path} is no readable parquet file ({error})") from None
        return Piece(table, rows_of(table, language_named(language), rows), str(path))

    def _has_test(self, task: Task, language: str) -> bool:
        there = all(self._path(table, language).is_file() for table in task.parts("test"))
        one_table_for_all = any(table.ids for table in task.parts("test"))
        return there and (
            not one_table_for_all or any(piece.rows.num_rows for piece in self.read(task, "test", language))
        )

    def _path(self, table: Table, language: str) -> Path:
        owner_and_name = table.repository.replace("/", "__")
        spoken = language_named(language)
        return self.folder / owner_and_name / table.config_for(spoken) / f"{table.split_for(spoken)}.parquet"
