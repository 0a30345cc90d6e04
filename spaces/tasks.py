"""What a task is: data tables, a format and a metric; nothing here reads or trains anything."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from spaces.languages import Language

Split = Literal["train", "dev", "test"]
WORLD = "world"  # in place of a repository: the task exists in the embedded world only
CCGBANK = "ccgbank"  # in place of a repository: licensed, read from the user's own copy


class Format(StrEnum):
    """How examples become batches, a head, a loss and predictions (`trainables/formats`)."""

    SENTENCE_PAIR = "sentence_pair"
    MULTIPLE_CHOICE = "multiple_choice"
    SPAN_QA = "span_qa"
    TAGGING = "tagging"
    RETRIEVAL = "retrieval"
    MINING = "mining"


class Role(StrEnum):
    """A part that a task can play in a trial."""

    INTERMEDIATE = "intermediate"
    TARGET = "target"


Columns = Mapping[str, str | tuple[str, ...]]


@dataclass(frozen=True, eq=False)
class Table:
    """One split of a parquet dataset on the hub, and which of its columns mean what.

    `config`, `split` and `ids` may hold the language's `{code}`, `{name}` or `{iso3}`, or `{language}`, its name in
    lower case. `columns` maps the format's own
    column names to the dataset's, for those that differ: a name, `outer.inner` of a nested column, several
    columns that make one of lists, or "" for a column of empty texts. `ids` keeps the rows whose id starts
    so, where a dataset holds all its languages in one table.
    `share` keeps a part of the rows, from and to, for a dev set that is cut from a training set; with `cut_by`, a
    column, all rows of one value come to one side. `without` leaves out the rows whose ids or contexts are in another
    table. `revision` is the hub's branch, where the main one holds no parquet files.
    """

    repository: str
    config: str
    split: str
    columns: Columns = field(default_factory=dict)
    ids: str = ""
    share: tuple[float, float] = (0.0, 1.0)
    cut_by: str = ""
    without: "Table | None" = None
    revision: str = ""

    def config_for(self, language: Language) -> str:
        """The configuration's name for one language."""
        return _filled_in(self.config, language)

    def split_for(self, language: Language) -> str:
        """The split's name for one language."""
        return _filled_in(self.split, language)

    def ids_for(self, language: Language) -> str:
        """What the ids of one language's rows start with; empty for all rows."""
        return _filled_in(self.ids, language)


def _filled_in(pattern: str, language: Language) -> str:
    return pattern.format(code=language.code, name=language.name, iso3=language.iso3, language=language.name.lower())


@dataclass(frozen=True, eq=False)
class Task:
    """Data, format and metric under one name.

    `tables` gives the splits, each one table or several that are put together: a target's `train` and `dev`
    are English, its `test` exists once per language; a task without `train` (retrieval, mining) is scored as
    the encoder stands. Mining takes three tables: the pairs, and the sentences of either side. `labels` is
    empty where the label set is whatever the English training table holds. `normaliser` says which script's
    way answers in the test sets are compared, `unanswerable` that a question may have no answer, `parallel` that the
    test sets say the same in every language, row by row or under the same ids. `world`
    names the generator that stands in for the task in the embedded world.

    `sizes` are rows as published, of `test` the mean over languages (of mining the sentences of both sides), and
    `tokens` an example's usual length in sub-words: what plans without data and estimates are made of. `training`
    is what the benchmark's and Phang et al. 2020's scripts set for this task (`spaces.training.Training`).
    """

    name: str
    title: str
    format: Format
    roles: frozenset[Role]
    tables: dict[Split, Table | tuple[Table, ...]]
    metric: str
    languages: tuple[str, ...] = ("en",)
    labels: tuple[str, ...] = ()
    licence: str = ""
    normaliser: Literal["squad", "mlqa"] = "squad"
    unanswerable: bool = False
    parallel: bool = False
    world: str = ""
    sizes: Mapping[Split, int] = field(default_factory=dict)
    tokens: int = 0
    training: Mapping[str, float] = field(default_factory=dict)

    def parts(self, split: Split) -> tuple[Table, ...]:
        """The tables of a split."""
        tables = self.tables[split]
        return tables if isinstance(tables, tuple) else (tables,)

    @property
    def trains(self) -> bool:
        """Whether the task has a training set at all."""
        return "train" in self.tables

    @property
    def in_world_only(self) -> bool:
        """Whether the task exists in the embedded world only."""
        return any(table.repository == WORLD for split in self.tables for table in self.parts(split))
