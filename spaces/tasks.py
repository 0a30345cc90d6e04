"""What a task is: data tables, a format and a metric; nothing here reads or trains anything."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from spaces.languages import Language

Split = Literal["train", "dev", "test"]


class Format(StrEnum):
    """How examples become batches, a head, a loss and predictions (`trainables/formats`)."""

    SENTENCE_PAIR = "sentence_pair"
    SPAN_QA = "span_qa"
    TAGGING = "tagging"
    RETRIEVAL = "retrieval"


class Role(StrEnum):
    """A part that a task can play in a trial."""

    INTERMEDIATE = "intermediate"
    TARGET = "target"


@dataclass(frozen=True, eq=False)
class Table:
    """One split of a parquet dataset on the hub, and which of its columns mean what.

    `config` may hold `{code}`, `{name}` or `{iso3}` of the language. `columns` maps the format's own
    column names to the dataset's, for those that differ.
    """

    repository: str
    config: str
    split: str
    columns: dict[str, str] = field(default_factory=dict)

    def config_for(self, language: Language) -> str:
        """The configuration's name for one language."""
        return self.config.format(code=language.code, name=language.name, iso3=language.iso3)


@dataclass(frozen=True, eq=False)
class Task:
    """Data, format and metric under one name.

    `tables` gives the splits: a target's `train` and `dev` are English, its `test` exists once per
    language; a task without `train` (retrieval) is scored as the encoder stands. `labels` is empty
    where the label set is whatever the English training table holds. `world` names the generator
    that stands in for the task in the embedded world.
    """

    name: str
    title: str
    format: Format
    roles: frozenset[Role]
    tables: dict[Split, Table]
    metric: str
    languages: tuple[str, ...] = ("en",)
    labels: tuple[str, ...] = ()
    licence: str = ""
    world: str = ""

    @property
    def trains(self) -> bool:
        """Whether the task has a training set at all."""
        return "train" in self.tables
