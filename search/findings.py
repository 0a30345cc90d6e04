"""What is said of a recipe on a target, as plain data: a gain, its interval, and a verdict in words."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Verdict(StrEnum):
    """What is to be said of a recipe on a target."""

    HELPS = "helps"
    HURTS = "hurts"
    NO_EVIDENCE = "no evidence"
    TOO_FEW = "too few runs"


class Scope(StrEnum):
    """What a gain is the mean over."""

    ALL = "all"
    LANGUAGE = "language"
    FAMILY = "family"
    SCRIPT = "script"


@dataclass(frozen=True)
class Finding:
    """A recipe's gain over `none` on a target, in points, with its 95% interval.

    `name` is the language's code, the family or the script, empty for all. `p` is corrected for the number of recipes.
    `more_seeds` is how many more a verdict would take, were the gain as large as it looks; None where that is more
    than anybody would run, or none are needed.
    """

    recipe: str
    target: str
    scope: Scope
    name: str
    gain: float
    low: float
    high: float
    p: float
    verdict: Verdict
    seeds: int
    more_seeds: int | None = None

    @classmethod
    def from_plain(cls, plain: dict[str, Any]) -> "Finding":
        """The finding that `asdict` told of; raises `TypeError` or `ValueError` for anything else."""
        return cls(**plain | {"scope": Scope(plain["scope"]), "verdict": Verdict(plain["verdict"])})
