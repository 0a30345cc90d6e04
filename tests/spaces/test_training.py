import math
from typing import Any

import pytest

from spaces import TASKS
from spaces.training import Training


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"epochs": 0}, "epochs must be greater than 0 (got 0)"),
        ({"epochs": math.inf}, "epochs must be a finite number (got inf)"),
        ({"batch_size": 2.5}, "batch_size must be a whole number (got 2.5)"),
        ({"batch_size": True}, "batch_size must be a finite number (got True)"),
        ({"batch_size": None}, "batch_size must be a finite number (got None)"),
        ({"examples": 0}, "examples must be greater than or equal to 1 (got 0)"),
        ({"max_length": 15}, "max_length must be greater than or equal to 16 (got 15)"),
        ({"warmup": 1}, "warmup must be less than 1 (got 1)"),
        ({"dropout": -0.1}, "dropout must be greater than or equal to 0 (got -0.1)"),
        ({"clip": "tight"}, "clip must be a finite number (got 'tight')"),
    ],
)
def test_a_bad_setting_is_named_with_its_value(changes: dict[str, Any], line: str) -> None:
    with pytest.raises(ValueError) as caught:
        Training(**changes)
    assert str(caught.value) == line


def test_numbers_have_their_settings_type_however_they_are_written() -> None:
    settings = Training(epochs=3, batch_size=16.0, weight_decay="1e-5", dev_examples=None)  # type: ignore[arg-type]
    values = (settings.epochs, settings.batch_size, settings.weight_decay, settings.dev_examples)
    assert values == (3.0, 16, 0.00001, None)
    assert [type(value) for value in values] == [float, int, float, type(None)]


def test_changes_are_what_differs_from_the_defaults() -> None:
    assert Training(epochs=2, clip=1).changes() == {}
    assert Training(epochs=5, examples=10, dev_examples=None).changes() == {
        "epochs": 5.0, "examples": 10, "dev_examples": None
    }  # fmt: skip


@pytest.mark.parametrize("task", TASKS)
def test_the_catalogues_own_settings_can_be_trained_with(task: str) -> None:
    assert Training(**TASKS[task].training).changes().items() <= TASKS[task].training.items()
