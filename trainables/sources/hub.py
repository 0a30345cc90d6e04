"""Parquet datasets of the Hugging Face hub, through `datasets` and its cache."""

from typing import cast

import pyarrow as pa

from spaces import Task, UserError, language_named
from spaces.tasks import Split
from trainables.sources.base import Source
from trainables.sources.reach import hub_answers


class HubSource(Source):
    """Reads from the hub; repositories that need their own code to load are refused, never run."""

    def read(self, task: Task, split: Split, language: str) -> pa.Table:
        reachable = hub_answers()  # before `datasets` is imported: it reads the offline switch then
        import datasets

        table = task.tables[split]
        config = table.config_for(language_named(language))
        try:
            loaded = datasets.load_dataset(table.repository, config, split=table.split)
        except (ConnectionError, FileNotFoundError) as error:
            reason = "it is neither cached nor reachable" if not reachable else str(error).splitlines()[0]
            raise UserError(
                f"{task.name}: {self.where(task, split, language)} cannot be loaded ({reason}); "
                "without internet give --mirror FOLDER or set STOPOVER_MIRROR"
            ) from None
        except (ValueError, RuntimeError) as error:
            first = str(error).splitlines()[0]
            raise UserError(f"{task.name}: {self.where(task, split, language)} cannot be loaded: {first}") from None
        return cast(pa.Table, cast(datasets.Dataset, loaded).with_format("arrow")[:])

    def languages(self, task: Task) -> tuple[str, ...]:
        return task.languages

    def where(self, task: Task, split: Split, language: str) -> str:
        table = task.tables[split]
        return f"{table.repository} ({table.config_for(language_named(language))}, {table.split})"
