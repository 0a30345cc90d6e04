"""What a sweep may spend, in trials, device hours or money."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

Amount = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class Budget(BaseModel):
    """No trial starts any more once one of the limits is reached; those that run come to their end.

    `trials` counts those that train something; what the store holds, or another trial trains, is free. `device_hours`
    is the time that trials have held a device, over all runs of the sweep. `money` is the same at a `price` per device
    hour, in any currency.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    trials: Annotated[int, Field(gt=0)] | None = None
    device_hours: Amount | None = None
    money: Amount | None = None
    price: Amount | None = None

    @model_validator(mode="after")
    def _limits_something(self) -> "Budget":
        if self.money is not None and self.price is None:
            raise ValueError("money needs a price, of one device hour")
        if self.trials is None and self.device_hours is None and self.money is None:
            raise ValueError("give trials, device_hours, or money and price")
        return self

    def trials_spent(self, trials: int) -> str:
        """The limit that so many trials reach, in words; empty where they reach none."""
        if self.trials is not None and trials >= self.trials:
            return f"the budget of {self.trials:,} trials is spent"
        return ""

    def time_spent(self, device_hours: float) -> str:
        """The limit that so many device hours reach, in words; empty where they reach none."""
        if self.device_hours is not None and device_hours >= self.device_hours:
            return f"the budget of {self.device_hours:g} device hours is spent"
        if self.money is not None and self.price is not None and device_hours * self.price >= self.money:
            return f"the budget of {self.money:g} at {self.price:g} a device hour is spent"
        return ""

    def __str__(self) -> str:
        limits = [f"{self.trials:,} trials"] if self.trials is not None else []
        limits += [f"{self.device_hours:g} device hours"] if self.device_hours is not None else []
        limits += [f"{self.money:g} at {self.price:g} a device hour"] if self.money is not None else []
        return " or ".join(limits)
