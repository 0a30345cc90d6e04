"""What people see: the MLflow UI on a finished sweep, in a real browser."""

import os
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
from mlflow.entities import Run

from tests.mlflow_server import wait_until_up
from tests.ports import free_port
from tests.search.place import SPACE, Place
from tests.search.test_cli import STOPOVER

_PATIENCE = 60_000  # milliseconds: the first page makes the server load
_NOT_OURS = (
    "/ajax-api/2.0/mlflow/users/current"  # the UI asks every server who is logged in; one without users says 404
)


@pytest.fixture(scope="module")
def ui(finished: tuple[Place, str]) -> Iterator[str]:
    """The address of `stopover ui`."""
    port = free_port()
    command = [*STOPOVER, "ui", "--home", str(finished[0].home.root), "--port", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        wait_until_up(f"http://127.0.0.1:{port}/health", process)
        yield f"http://127.0.0.1:{port}"
    finally:
        os.killpg(process.pid, 15)
        process.wait(30)


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    """A page; the test fails where it logs an error, asks for what is not there, or goes elsewhere."""
    opened = browser.new_page(viewport={"width": 1500, "height": 1000})
    faults: list[str] = []
    opened.on("pageerror", lambda error: faults.append(str(error)))
    opened.on("response", lambda one: faults.append(f"{one.status} {one.url}") if one.status >= 400 else None)
    opened.on("console", lambda one: faults.append(one.text) if one.type == "error" else None)
    opened.on("request", lambda one: faults.append(f"left the machine: {one.url}") if _leaves(one.url) else None)
    yield opened
    opened.close()
    known = [one for one in faults if any(text in one for text in _NOT_OURS)]
    told = [one for one in faults if "status of 404" in one]  # Chromium's own line on each of those
    assert len(told) <= len(known)
    assert [one for one in faults if one not in known and one not in told] == []


def _leaves(url: str) -> bool:
    return not url.startswith(("http://127.0.0.1:", "blob:http://127.0.0.1:", "data:"))


def parent_of(place: Place) -> Run:
    (parent,) = [run for run in place.runs().values() if run.data.tags["kind"] == "sweep"]
    return parent


def test_the_trials_lie_under_their_sweep(ui: str, page: Any, finished: tuple[Place, str]) -> None:
    parent = parent_of(finished[0])
    page.goto(f"{ui}/#/experiments/{parent.info.experiment_id}/runs")
    page.get_by_role("link", name=parent.info.run_name).first.wait_for(timeout=_PATIENCE)
    trial = page.get_by_role("link", name="xnli/none")
    assert trial.count() == 0
    page.locator("[data-component-id*=runnamecellrenderer]").first.click()
    trial.first.wait_for(timeout=_PATIENCE)


def test_trials_are_compared_by_recipe_in_charts(ui: str, page: Any, finished: tuple[Place, str]) -> None:
    parent = parent_of(finished[0])
    page.goto(f"{ui}/#/experiments/{parent.info.experiment_id}/runs?compareRunsMode=CHART")
    page.get_by_role("button", name="Group by").click(timeout=_PATIENCE)
    page.get_by_role("menuitemcheckbox", name="recipe", exact=True).click(timeout=_PATIENCE)
    page.get_by_text("target/score", exact=True).first.wait_for(timeout=_PATIENCE)
    page.locator(".js-plotly-plot .main-svg").first.wait_for(timeout=_PATIENCE)
    groups = page.get_by_text("Group: ")
    groups.first.wait_for(timeout=_PATIENCE)
    assert groups.first.inner_text().removeprefix("Group: ") in SPACE["recipes"]


def test_the_sweeps_own_run_describes_the_answer_and_holds_the_report(
    ui: str, page: Any, finished: tuple[Place, str]
) -> None:
    parent = parent_of(finished[0])
    run = f"{ui}/#/experiments/{parent.info.experiment_id}/runs/{parent.info.run_id}"
    page.goto(run)
    page.get_by_role("columnheader", name="best measured").wait_for(timeout=_PATIENCE)
    page.goto(f"{run}/artifacts/report.html")
    frame = page.frame_locator("iframe").first
    frame.get_by_role("heading", name="The answer").wait_for(timeout=_PATIENCE)
    frame.locator("td.gain").first.hover()
    assert "95%" in frame.locator("#tip").inner_text()
