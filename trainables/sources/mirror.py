"""A folder that holds hub datasets as `<owner>__<name>/<config>/<split>.parquet`."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from spaces import Language, Task, UserError, language_named
from spaces.errors import NotHere
from spaces.tasks import CCGBANK, Table
from trainables.sources import ccgbank
from trainables.sources.base import Place, Presence, TableSource, own_copy


class MirrorSource(TableSource):
    """Reads a mirror folder. Raises `UserError` when the folder does not exist."""

    def __init__(self, folder: Path) -> None:
        if not folder.is_dir():
            raise UserError(f"mirror folder '{folder}' does not exist; give --mirror FOLDER or set STOPOVER_MIRROR")
        self.folder = folder

    def languages(self, task: Task) -> tuple[str, ...]:
        return tuple(code for code in task.languages if self._has_test(task, language_named(code)))

    def table(self, task: Task, table: Table, language: Language) -> pa.Table:
        path = table_path(self.folder, table, language)
        if not path.is_file():
            if table.repository == CCGBANK:
                return ccgbank.read(table.split)
            raise NotHere(f"{task.name}: the mirror has no {path}; complete it: stopover fetch SPACE --to FOLDER")
        try:
            return pq.read_table(path, memory_map=True)
        except (pa.ArrowException, OSError) as error:
            raise UserError(f"{task.name}: {path} is no readable parquet file ({error})") from None

    def place(self, table: Table, language: Language) -> Place:
        path = table_path(self.folder, table, language)
        if path.is_file():
            return Place(str(path), Presence.HERE, _rows_in(path), path.stat().st_size)
        return own_copy(table) or Place(str(path), Presence.MISSING)

    def address(self, table: Table, language: Language) -> str:
        return str(table_path(self.folder, table, language))

    def _has_test(self, task: Task, language: Language) -> bool:
        tables = task.parts("test")
        if not all(table_path(self.folder, table, language).is_file() for table in tables):
            return False
        one_table_for_all = any(table.ids for table in tables)
        return not one_table_for_all or any(piece.rows.num_rows for piece in self.read(task, "test", language.code))


def _rows_in(path: Path) -> int | None:
    try:
        return int(pq.read_metadata(path).num_rows)
    except (pa.ArrowException, OSError):
        return None  # what is wrong with it is said when it is read


def table_path(folder: Path, table: Table, language: Language) -> Path:
    """Where a mirror keeps a table."""
    owner_and_name = table.repository.replace("/", "__")
    return folder / owner_and_name / table.config_for(language) / f"{table.split_for(language)}.parquet"
