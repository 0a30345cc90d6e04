"""What a running trial reports, in order; each is a plain dataclass that becomes JSON on its way to the driver."""

from dataclasses import asdict, dataclass
from typing import Any, ClassVar


@dataclass(frozen=True)
class Event:
    """Something that happened in a trial. `kind` tells them apart once they are dictionaries."""

    kind: ClassVar[str] = ""
    stage: str

    def as_dict(self) -> dict[str, Any]:
        """The event as JSON-like data."""
        return {"kind": self.kind, **asdict(self)}


@dataclass(frozen=True)
class Evaluated(Event):
    """A training stage was scored on English dev after `step` of `steps`; `loss` is the mean since the last time.

    `chance` is what guessing earns on dev, `error` the standard error of `dev`.
    """

    kind: ClassVar[str] = "evaluated"
    step: int
    steps: int
    examples: int
    loss: float
    dev: float
    chance: float = 0.0
    error: float = 0.0


@dataclass(frozen=True)
class Prepared(Event):
    """Of a training stage's `of` examples `examples` are tokenised."""

    kind: ClassVar[str] = "prepared"
    examples: int
    of: int


@dataclass(frozen=True)
class Progressed(Event):
    """A training stage has come to `step` of `steps`; sent every few seconds between evaluations.

    `loss` is the mean since the last such event or evaluation.
    """

    kind: ClassVar[str] = "progressed"
    step: int
    steps: int
    examples: int
    loss: float


@dataclass(frozen=True)
class Scored(Event):
    """One language of a scoring stage is done."""

    kind: ClassVar[str] = "scored"
    language: str
    value: float


@dataclass(frozen=True)
class StageDone(Event):
    """A stage's result is in the store. `reused`: it was there already; `examples`, `seconds`: what this run spent."""

    kind: ClassVar[str] = "stage_done"
    reused: bool
    examples: int
    seconds: float


@dataclass(frozen=True)
class Busy(Event):
    """Another process is computing the stage: the trial has to come back."""

    kind: ClassVar[str] = "busy"


@dataclass(frozen=True)
class Failed(Event):
    """The trial cannot go on, now or later."""

    kind: ClassVar[str] = "failed"
    reason: str


@dataclass(frozen=True)
class Finished(Event):
    """All stages are in the store."""

    kind: ClassVar[str] = "finished"


LAST_EVENTS = frozenset({Busy.kind, Failed.kind, Finished.kind})
