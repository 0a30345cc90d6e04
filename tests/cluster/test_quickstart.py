"""The quickstart as a user leaves it: MLflow's UI shows its runs, charts and report in a real browser."""

from pathlib import Path
from typing import Any

import pytest
from mlflow.tracking import MlflowClient

from search.home import Home
from spaces import load_space
from tests.mlflow_page import SweepInMlflow, faultless_page, stopover_ui

pytestmark = pytest.mark.cluster


def test_mlflow_shows_runs_charts_and_report(browser: Any, quickstart: Path) -> None:
    client = MlflowClient(Home(quickstart).tracking_uri)
    experiment = client.get_experiment_by_name("quickstart")
    assert experiment is not None
    [parent] = client.search_runs([experiment.experiment_id], "tags.kind = 'sweep'")
    with stopover_ui(quickstart) as address, faultless_page(browser) as page:
        sweep = SweepInMlflow(page, address, parent)
        sweep.shows_its_trials_below_it("xnli/mnli")
        assert sweep.compares_in_charts_by("recipe") in load_space("quickstart").recipes
        sweep.tells_the_answer()
