"""A folder that holds hub datasets as `<owner>__<name>/<config>/<split>.parquet`."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from spaces import Task, UserError, language_named
from spaces.tasks import Split
from trainables.sources.base import Source


class MirrorSource(Source):
    """Reads a mirror folder. Raises `UserError` when the folder does not exist."""

    def __init__(self, folder: Path) -> None:
        if not folder.is_dir():
            raise UserError(f"mirror folder '{folder}' does not exist; give --mirror FOLDER or set STOPOVER_MIRROR")
        self.folder = folder

    def read(self, task: Task, split: Split, language: str) -> pa.Table:
        path = self._path(task, split, language)
        if not path.is_file():
            raise UserError(f"{task.name}: the mirror has no {path} (its {split} split, language {language})")
        try:
            return pq.read_table(path)
        except (pa.ArrowException, OSError) as error:
            raise UserError(f"{task.name}: {path} is no readable parquet file ({error})") from None

    def languages(self, task: Task) -> tuple[str, ...]:
        return tuple(code for code in task.languages if self._path(task, "test", code).is_file())

    def where(self, task: Task, split: Split, language: str) -> str:
        return str(self._path(task, split, language))

    def _path(self, task: Task, split: Split, language: str) -> Path:
        table = task.tables[split]
        owner_and_name = table.repository.replace("/", "__")
        return self.folder / owner_and_name / table.config_for(language_named(language)) / f"{table.split}.parquet"
