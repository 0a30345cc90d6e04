"""Learning rates of a space: a list of them, or a range that a strategy draws from."""

from random import Random
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Discriminator, Field, Tag, model_validator

LearningRate = Annotated[float, Field(gt=0, le=0.1, allow_inf_nan=False)]


def unique(values: list[Any]) -> list[Any]:
    """The values; raises `ValueError` where one is given twice."""
    repeated = [value for index, value in enumerate(values) if value in values[:index]]
    if repeated:
        raise ValueError(f"'{repeated[0]}' is given twice; keep one")
    return values


class RateRange(BaseModel):
    """Rates from `low` to `high`, drawn log-uniformly: a factor of two weighs the same anywhere."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    low: LearningRate
    high: LearningRate

    @model_validator(mode="after")
    def _not_empty(self) -> "RateRange":
        if self.low >= self.high:
            raise ValueError(f"low ({self.low:g}) has to be less than high ({self.high:g})")
        return self

    @property
    def middle(self) -> float:
        """The geometric mean: the one rate that stands for the range where a single one is wanted."""
        return self.rounded((self.low * self.high) ** 0.5)

    def draw(self, rng: Random) -> float:
        """A rate of the range."""
        return self.rounded(float(self.low * (self.high / self.low) ** rng.random()))

    def rounded(self, rate: float) -> float:
        """A rate as trials have it: three digits, so that names of trials tell them apart."""
        return min(max(float(f"{rate:.3g}"), self.low), self.high)


RateList = Annotated[list[LearningRate], Field(min_length=1), AfterValidator(unique)]
# Told apart by their shape, so that an error speaks of the one that was meant. The tags are no keys of the file.
Rates = Annotated[
    Annotated[RateList, Tag("list[rates]")] | Annotated[RateRange, Tag("range[rates]")],
    Discriminator(lambda given: "range[rates]" if isinstance(given, dict | RateRange) else "list[rates]"),
]


def nominal_rates(rates: list[float] | RateRange) -> list[float]:
    """The rates of a list; of a range its middle alone."""
    return [rates.middle] if isinstance(rates, RateRange) else rates
