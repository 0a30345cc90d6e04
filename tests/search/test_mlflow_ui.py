"""What people see: the MLflow UI on a small finished sweep, in a real browser (`tests/cluster` has a quickstart)."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.mlflow_page import SweepInMlflow, faultless_page, stopover_ui
from tests.search.place import SPACE, Place


@pytest.fixture(scope="module")
def address(finished: tuple[Place, str]) -> Iterator[str]:
    with stopover_ui(finished[0].home.root) as address:
        yield address


@pytest.fixture
def sweep(address: str, browser: Any, finished: tuple[Place, str]) -> Iterator[SweepInMlflow]:
    (parent,) = [run for run in finished[0].runs().values() if run.data.tags["kind"] == "sweep"]
    with faultless_page(browser) as page:
        yield SweepInMlflow(page, address, parent)


def test_the_trials_lie_under_their_sweep(sweep: SweepInMlflow) -> None:
    sweep.shows_its_trials_below_it("xnli/none")


def test_trials_are_compared_by_recipe_in_charts(sweep: SweepInMlflow) -> None:
    assert sweep.compares_in_charts_by("recipe") in SPACE["recipes"]


def test_the_sweeps_own_run_describes_the_answer_and_holds_the_report(sweep: SweepInMlflow) -> None:
    sweep.tells_the_answer()
