import pytest
from pydantic import ValidationError

from spaces.budget import Budget


@pytest.mark.parametrize(
    ("budget", "trials", "hours", "reason"),
    [
        ({"trials": 40}, 39, 999.0, ""),
        ({"trials": 40}, 40, 0.0, "the budget of 40 trials is spent"),
        ({"device_hours": 2}, 999, 1.99, ""),
        ({"device_hours": 2}, 0, 2.0, "the budget of 2 device hours is spent"),
        ({"money": 30, "price": 2.5}, 0, 11.99, ""),
        ({"money": 30, "price": 2.5}, 0, 12.0, "the budget of 30 at 2.5 a device hour is spent"),
        ({"device_hours": 20, "money": 30, "price": 2.5}, 0, 12.0, "the budget of 30 at 2.5 a device hour is spent"),
    ],
)
def test_the_first_limit_that_is_reached_is_told(
    budget: dict[str, float], trials: int, hours: float, reason: str
) -> None:
    limits = Budget.model_validate(budget)
    assert (limits.time_spent(hours) or limits.trials_spent(trials)) == reason


def test_all_limits_are_told() -> None:
    assert str(Budget(trials=1500, device_hours=0.5)) == "1,500 trials or 0.5 device hours"
    assert str(Budget(money=30, price=2.5)) == "30 at 2.5 a device hour"


@pytest.mark.parametrize(
    ("budget", "fault"),
    [
        ({}, "give trials, device_hours, or money and price"),
        ({"price": 2}, "give trials, device_hours, or money and price"),
        ({"money": 2}, "money needs a price"),
        ({"trials": 0}, "greater than 0"),
        ({"device_hours": float("inf")}, "finite"),
    ],
)
def test_a_budget_that_limits_nothing_is_refused(budget: dict[str, float], fault: str) -> None:
    with pytest.raises(ValidationError, match=fault):
        Budget.model_validate(budget)
