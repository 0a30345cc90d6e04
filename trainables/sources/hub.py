"""Parquet datasets of the Hugging Face hub, through `datasets` and its cache."""

from functools import cache
from pathlib import Path
from typing import Any, cast

import pyarrow as pa

from spaces import Language, Task
from spaces.errors import NotHere, UserError
from spaces.tasks import CCGBANK, Table
from trainables.sources import ccgbank
from trainables.sources.base import Place, Presence, TableSource, own_copy
from trainables.sources.reach import hub_answers


class HubSource(TableSource):
    """Reads from the hub; repositories that need their own code to load are refused, never run.

    Rows stay in the cache's Arrow files, memory-mapped.
    """

    def languages(self, task: Task) -> tuple[str, ...]:
        return task.languages

    def table(self, task: Task, table: Table, language: Language) -> pa.Table:
        if table.repository == CCGBANK:
            return ccgbank.read(table.split)
        reachable = hub_answers()  # before `datasets` is imported: it reads the offline switch then
        import datasets

        try:
            loaded = datasets.load_dataset(
                table.repository,
                table.config_for(language),
                split=table.split_for(language),
                revision=table.revision or None,
            )
        except (ConnectionError, FileNotFoundError) as error:
            reason = "it is neither cached nor reachable" if not reachable else str(error).splitlines()[0]
            raise NotHere(
                f"{task.name}: {self.address(table, language)} cannot be loaded ({reason}); "
                "without internet give --mirror FOLDER or set STOPOVER_MIRROR"
            ) from None
        except (ValueError, RuntimeError) as error:
            first = str(error).splitlines()[0]
            raise UserError(f"{task.name}: {self.address(table, language)} cannot be loaded: {first}") from None
        return cast(pa.Table, cast(datasets.Dataset, loaded).with_format("arrow")[:])

    def place(self, table: Table, language: Language) -> Place:
        licensed = own_copy(table)
        if licensed is not None:
            return licensed
        builder = _builder(table.repository, table.config_for(language), table.revision)
        if builder is None:
            return Place(self.address(table, language), Presence.MISSING)
        split = (builder.info.splits or {}).get(table.split_for(language))
        cached = Path(builder.cache_dir).is_dir()
        return Place(
            self.address(table, language),
            Presence.HERE if cached else Presence.ON_THE_HUB,
            rows=split.num_examples if split else None,
            size=split.num_bytes if split else None,
        )

    def address(self, table: Table, language: Language) -> str:
        return f"{table.repository} ({table.config_for(language)}, {table.split_for(language)})"


@cache
def _builder(repository: str, config: str, revision: str) -> Any:
    """What `datasets` knows of a configuration before it downloads any rows; None where it cannot be reached."""
    hub_answers()
    import datasets

    try:
        return datasets.load_dataset_builder(repository, config, revision=revision or None)
    except (ConnectionError, FileNotFoundError, ValueError, RuntimeError):
        return None
