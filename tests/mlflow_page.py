"""MLflow's UI as people see it: opened by `stopover ui`, in a real browser, with what it must show of a sweep."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlflow.entities import Run

from tests.mlflow_server import wait_until_up
from tests.ports import free_port

_PATIENCE = 60_000  # milliseconds: the first page makes the server load
_NOT_OURS = (
    "/ajax-api/2.0/mlflow/users/current"  # the UI asks every server who is logged in; one without users says 404
)


@contextmanager
def stopover_ui(home: Path) -> Iterator[str]:
    """The address of `stopover ui` on a home."""
    port = free_port()
    command = [sys.executable, "-m", "search.cli", "ui", "--home", str(home), "--port", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        wait_until_up(f"http://127.0.0.1:{port}/health", process)
        yield f"http://127.0.0.1:{port}"
    finally:
        os.killpg(process.pid, 15)
        process.wait(30)


@contextmanager
def faultless_page(browser: Any) -> Iterator[Any]:
    """A page; fails at the end where it logged an error, asked for what is not there, or went elsewhere."""
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


@dataclass(frozen=True)
class SweepInMlflow:
    """A sweep as the UI at `address` shows it on a page; `parent` is the sweep's own run."""

    page: Any
    address: str
    parent: Run

    def shows_its_trials_below_it(self, trial: str) -> None:
        """A trial's run is there once the sweep's is unfolded, and not before."""
        self._open_runs("")
        self.page.get_by_role("link", name=self.parent.info.run_name).first.wait_for(timeout=_PATIENCE)
        link = self.page.get_by_role("link", name=trial)
        assert link.count() == 0
        self.page.locator("[data-component-id*=runnamecellrenderer]").first.click()
        link.first.wait_for(timeout=_PATIENCE)

    def compares_in_charts_by(self, key: str) -> str:
        """The first group's name in the charts when runs are grouped by a parameter."""
        self._open_runs("?compareRunsMode=CHART")
        self.page.get_by_role("button", name="Group by").click(timeout=_PATIENCE)
        self.page.get_by_role("menuitemcheckbox", name=key, exact=True).click(timeout=_PATIENCE)
        self.page.get_by_text("target/score", exact=True).first.wait_for(timeout=_PATIENCE)
        self.page.locator(".js-plotly-plot .main-svg").first.wait_for(timeout=_PATIENCE)
        groups = self.page.get_by_text("Group: ")
        groups.first.wait_for(timeout=_PATIENCE)
        return str(groups.first.inner_text()).removeprefix("Group: ")

    def tells_the_answer(self) -> None:
        """The sweep's own run is described by its best recipes, and its report renders among its artifacts."""
        run = f"{self._experiment}/runs/{self.parent.info.run_id}"
        self.page.goto(run)
        self.page.get_by_role("columnheader", name="English dev picks").wait_for(timeout=_PATIENCE)
        self.page.goto(f"{run}/artifacts/report.html")
        frame = self.page.frame_locator("iframe").first
        frame.get_by_role("heading", name="The answer").wait_for(timeout=_PATIENCE)
        frame.locator("td.gain").first.hover()
        assert "95%" in frame.locator("#tip").inner_text()

    @property
    def _experiment(self) -> str:
        return f"{self.address}/#/experiments/{self.parent.info.experiment_id}"

    def _open_runs(self, how: str) -> None:
        self.page.goto(f"{self._experiment}/runs{how}")
