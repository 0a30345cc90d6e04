"""How one phase trains: its settings, their defaults and what each of them may be."""

from dataclasses import dataclass, field, fields
from math import isfinite, nan
from typing import Any

from spaces.errors import did_you_mean


@dataclass(frozen=True)
class _Limits:
    """What a setting may be: a number between bounds, where `whole` without a fraction, where `optional` null."""

    whole: bool = False
    optional: bool = False
    above: float | None = None
    least: float | None = None
    below: float | None = None

    def fault(self, number: float) -> str | None:
        """What is wrong with a number, or None."""
        if not isfinite(number):
            return "must be a finite number"
        if self.whole and number != int(number):
            return "must be a whole number"
        if self.above is not None and number <= self.above:
            return f"must be greater than {self.above:g}"
        if self.least is not None and number < self.least:
            return f"must be greater than or equal to {self.least:g}"
        if self.below is not None and number >= self.below:
            return f"must be less than {self.below:g}"
        return None


def _setting(default: float | None, **limits: Any) -> Any:
    return field(default=default, metadata={"limits": _Limits(**limits)})


def _count(default: int | None, least: int = 1, optional: bool = False) -> Any:
    return _setting(default, whole=True, least=least, optional=optional)


@dataclass(frozen=True)
class Training:
    """How one phase trains. The defaults are Phang et al. 2020's.

    `examples` and `dev_examples` cap the sets (a seeded sample). An optimizer step is over `batch_size` examples (in
    span QA and tagging: windows of examples); where they have more than `batch_tokens` tokens, padded, they go through
    the device in parts, to the same effect. `evaluations` is how often English dev is scored, or `evaluate_every` after
    how many steps; after `patience` evaluations without a better one training ends. `stride` is how far QA windows
    overlap. Raises `ValueError` that names the setting and its value.
    """

    examples: int | None = _count(None, optional=True)
    dev_examples: int | None = _count(500, optional=True)
    epochs: float = _setting(2.0, above=0)
    batch_size: int = _count(32)
    batch_tokens: int = _count(8192)
    max_length: int = _count(256, least=16)
    stride: int = _count(128)
    evaluations: int = _count(4)
    evaluate_every: int | None = _count(None, optional=True)
    patience: int | None = _count(None, optional=True)
    warmup: float = _setting(0.1, least=0, below=1)
    weight_decay: float = _setting(0.01, least=0)
    clip: float = _setting(1.0, above=0)
    dropout: float = _setting(0.1, least=0, below=1)

    def __post_init__(self) -> None:
        for setting in fields(self):
            value = getattr(self, setting.name)
            try:
                object.__setattr__(self, setting.name, checked_setting(setting.name, value))
            except ValueError as error:
                raise ValueError(f"{setting.name} {error} (got {value!r})") from None

    def changes(self) -> dict[str, int | float | None]:
        """The settings that differ from the defaults."""
        default = Training()
        values = {setting.name: getattr(self, setting.name) for setting in fields(self)}
        return {name: value for name, value in values.items() if value != getattr(default, name)}


def checked_setting(name: str, value: Any) -> int | float | None:
    """The value of a setting as a number; raises `ValueError` that says what is wrong with the name or the value."""
    limits = {setting.name: setting.metadata["limits"] for setting in fields(Training)}
    if name not in limits:
        raise ValueError(f"unknown key, {did_you_mean(name, limits)}")
    if value is None and limits[name].optional:
        return None
    number = _number(value)
    fault = limits[name].fault(number)
    if fault:
        raise ValueError(fault)
    return int(number) if limits[name].whole else number


def _number(value: Any) -> float:
    """A value as a number, text too: YAML 1.1 reads 1e-5 as such. What is none becomes NaN."""
    try:
        return nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        return nan
