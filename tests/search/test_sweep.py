"""Sweeps end to end on real Ray, MLflow and files: run, run again, killed and run again."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import optuna
import psutil
import pytest

from tests.search.place import PHASE, SPACE, Place
from tests.search.test_cli import STOPOVER


def test_the_sweep_prints_matrix_and_best_recipes(finished: tuple[Place, str]) -> None:
    _, output = finished
    assert "Gain over none" in output and "Best recipe per target" in output
    assert all(target in output for target in SPACE["targets"])


def test_every_trial_is_accounted_for(finished: tuple[Place, str]) -> None:
    results = finished[0].results()
    assert len(results.trials) == 24
    assert {result.state for result in results.trials} <= {"finished", "stopped early"}
    assert any(result.state == "stopped early" for result in results.trials)


def test_every_cell_of_the_matrix_is_filled(finished: tuple[Place, str]) -> None:
    rows = finished[0].matrix()
    assert len(rows) == 12
    assert all(row["score"] and row["gain"] for row in rows)


def test_trained_examples_equal_the_plan_less_early_stopping(finished: tuple[Place, str]) -> None:
    results = finished[0].results()
    totals = results.totals
    stopped = [result for result in results.trials if result.state == "stopped early"]
    spared = sum(_spared(result.history[-1]) for result in stopped)
    assert totals["examples_trained_now"] == totals["examples_trained"]
    assert totals["examples_trained"] == totals["examples_planned"] - spared
    assert totals["examples_planned"] < totals["examples_alone"]


def _spared(last: dict[str, float]) -> float:
    return round(last["examples"] * last["steps"] / last["step"]) - last["examples"]


def test_mlflow_has_one_parent_and_one_ended_run_per_trial(finished: tuple[Place, str]) -> None:
    place, _ = finished
    runs = place.runs()
    parents = [run for run in runs.values() if run.data.tags["kind"] == "sweep"]
    assert len(runs) == 25 and len(parents) == 1
    assert {run.info.status for run in runs.values()} == {"FINISHED"}
    artifacts = {file.name for file in place.home.artifacts.rglob("*") if file.is_file()}
    assert {"matrix.csv", "matrix.png", "space.yaml", "results.json", "report.txt"} <= artifacts


def test_running_again_trains_nothing_and_adds_no_run(finished: tuple[Place, str]) -> None:
    place, _ = finished
    before, matrix = place.runs(), place.matrix()
    output = place.run()
    assert "0 trained in this run" in " ".join(output.split())
    assert {name: run.info.run_id for name, run in place.runs().items()} == {
        name: run.info.run_id for name, run in before.items()
    }
    assert place.matrix() == matrix


def test_two_sweeps_started_at_once_share_a_store_and_train_no_stage_twice(
    tmp_path: Path, mirror: Path, tiny_model: Path
) -> None:
    given = ("--workers", "1", "--store", str(tmp_path / "store"))
    long = PHASE | {"epochs": 40}  # than what either needs to start, also on a busy machine
    changes: dict[str, Any] = {
        "stopping": None,
        "recipes": ["none", "mnli"],
        "training": {"intermediate": long, "target": long},
    }
    first = Place(tmp_path / "first", mirror, tiny_model, *given, **changes)
    second = Place(tmp_path / "second", mirror, tiny_model, *given, **changes)  # the same trials, another home
    processes = [place.start() for place in (first, second)]
    outputs = [process.communicate(timeout=300)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], outputs
    assert first.matrix() == second.matrix()
    trained = [sum(one.examples_trained for one in place.results().trials) for place in (first, second)]
    assert sum(trained) == first.results().totals["examples_planned"]
    assert all(trained), "one of them did all the work: they did not run at once"


def test_trials_that_share_a_core_give_the_same_matrix(tmp_path: Path, mirror: Path, tiny_model: Path) -> None:
    changes: dict[str, Any] = {"targets": ["xnli", "tatoeba"], "recipes": ["none", "mnli"], "learning_rates": [0.003]}
    whole = Place(tmp_path / "whole", mirror, tiny_model, **changes)
    packed = Place(tmp_path / "packed", mirror, tiny_model, "--workers", "4", devices_per_trial=0.5, **changes)
    whole.run()
    packed.run()
    assert packed.matrix() == whole.matrix()


def test_the_report_shows_every_language(finished: tuple[Place, str]) -> None:
    place, _ = finished
    command = [*STOPOVER, "report", "small", "--home", str(place.home.root)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=60, env=os.environ | {"COLUMNS": "200"})
    assert run.returncode == 0, run.stderr
    assert "de German" in run.stdout and "chance" in run.stdout and "best" in run.stdout


def test_exported_files_give_the_sweeps_own_scores(finished: tuple[Place, str], mirror: Path, tmp_path: Path) -> None:
    place, _ = finished
    command = [*STOPOVER, "export", "small", "--xtreme", str(tmp_path), "--labels", "--recipe", "none"]
    command += ["--mirror", str(mirror), "--home", str(place.home.root)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stderr
    chosen = {one.trial.target: one for one in place.results().trials if one.trial.recipe == "none" and one.selectable}
    for target in ("xnli", "tatoeba"):
        files = sorted((tmp_path / "predictions" / target).iterdir())
        assert {file.stem.removeprefix("test-") for file in files} == set(chosen[target].languages)
        for file in files:
            predicted, labels = (
                path.read_text().splitlines() for path in (file, tmp_path / "labels" / target / file.name)
            )
            right = sum(one == other for one, other in zip(predicted, labels, strict=True))
            score = chosen[target].languages[file.stem.removeprefix("test-")]["value"]
            assert 100 * right / len(labels) == pytest.approx(score, abs=1e-9)


@pytest.fixture(scope="module")
def orphans() -> Iterator[list[int]]:
    """Sessions of killed drivers, of which nothing may be left in the end; other tests run until then."""
    sessions: list[int] = []
    yield sessions
    for session in sessions:
        _wait_until_gone(session)


def test_killed_driver(
    finished: tuple[Place, str], tmp_path: Path, mirror: Path, tiny_model: Path, orphans: list[int]
) -> None:
    place = Place(tmp_path, mirror, tiny_model)
    process = place.start()
    _wait_for_stages(place, process, 4)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert not list(place.home.sweeps.glob("*/results.json"))
    place.run()
    assert place.matrix() == finished[0].matrix()
    assert {run.info.status for run in place.runs().values()} == {"FINISHED"}
    assert len(place.runs()) == 25
    orphans.append(process.pid)


def test_killed_worker(finished: tuple[Place, str], tmp_path: Path, mirror: Path, tiny_model: Path) -> None:
    place = Place(tmp_path, mirror, tiny_model)
    process = place.start()
    _wait_for_stages(place, process, 3)
    _a_worker(process.pid).kill()
    output, _ = process.communicate(timeout=300)
    assert process.returncode == 0, output
    assert {result.reason for result in place.results().trials if result.state == "failed"} == set()
    assert place.matrix() == finished[0].matrix()


def test_interrupted(finished: tuple[Place, str], tmp_path: Path, mirror: Path, tiny_model: Path) -> None:
    place = Place(tmp_path, mirror, tiny_model)
    for number, stages in ((signal.SIGINT, 3), (signal.SIGTERM, 6)):
        process = place.start()
        _wait_for_stages(place, process, stages)
        process.send_signal(number)
        output, _ = process.communicate(timeout=60)
        assert process.returncode == 130, output
        assert "interrupted; run the same command again to go on" in output and "Traceback" not in output
        assert "running trials leave a snapshot first" in output
        assert "RUNNING" not in {run.info.status for run in place.runs().values()}
    place.run()
    assert place.matrix() == finished[0].matrix()
    assert {run.info.status for run in place.runs().values()} == {"FINISHED"}
    assert len(place.runs()) == 25


def test_a_search_by_optuna_that_is_killed_ends_with_its_budget(tmp_path: Path, mirror: Path, tiny_model: Path) -> None:
    drawn = {
        "strategy": "optuna",
        "budget": {"trials": 5},
        "learning_rates": {"low": 0.0001, "high": 0.01},
        "recipes": ["none", "mnli"],
        "targets": ["udpos", "tatoeba"],
    }
    place = Place(tmp_path, mirror, tiny_model, **drawn)
    process = place.start()
    _wait_for_stages(place, process, 3)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    output = place.run()
    assert "Budget: 5 trials" in output
    trials = _trials_of_study(place)
    assert [row.number for row in trials] == list(range(len(trials)))
    assert len({row.user_attrs["trial"] for row in trials}) == 5
    assert all(row.state.is_finished() for row in trials)
    led = [one for one in place.results().trials if one.trial.target == "udpos"]
    assert {one.trial.id for one in led} == {row.user_attrs["trial"] for row in trials}
    assert {one.state for one in place.results().trials} <= {"finished", "stopped early"}
    assert {run.info.status for run in place.runs().values()} == {"FINISHED"}


def _trials_of_study(place: Place) -> list[optuna.trial.FrozenTrial]:
    (study,) = optuna.get_all_study_summaries(place.home.optuna)
    return optuna.load_study(study_name=study.study_name, storage=place.home.optuna).trials


def test_a_grid_that_its_budget_cuts_short_says_so(
    finished: tuple[Place, str], tmp_path: Path, mirror: Path, tiny_model: Path
) -> None:
    place = Place(tmp_path, mirror, tiny_model, budget={"device_hours": 0.001})  # 3.6 seconds
    output = " ".join(place.run().split())
    assert "not run: the budget of 0.001 device hours is spent; raise it" in output
    (journal,) = place.home.sweeps.glob("*/journal.jsonl")
    left = {one.trial.id for one in place.results().trials if one.state == "not run"}
    never_began = {trial for trial in left if f'"started": "{trial}"' not in journal.read_text()}
    assert never_began and not never_began & place.runs().keys()
    place.write_space()
    place.run()
    assert place.matrix() == finished[0].matrix()
    assert len(place.runs()) == 25


def _wait_for_stages(place: Place, process: subprocess.Popen[str], wanted: int) -> None:
    end = time.monotonic() + 200
    while time.monotonic() < end and process.poll() is None:
        if len(list(place.home.store.glob("stages/*/*/manifest.json"))) >= wanted:
            return
        time.sleep(0.05)
    raise AssertionError(f"the sweep ended or hung before {wanted} stages were done")


def _a_worker(driver: int) -> psutil.Process:
    """A process that runs trials; Ray calls it so while it is at work."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        for one in psutil.Process(driver).children(recursive=True):
            if _alive(one) and "Trainable" in " ".join(one.cmdline()):
                return one
        time.sleep(0.05)
    raise AssertionError("no worker was seen")


def _wait_until_gone(session: int) -> None:
    """Nothing of a killed driver stays. Ray's agents try for a minute to tell it that the node died, then end."""
    end = time.monotonic() + 90
    while time.monotonic() < end:
        left = [one for one in psutil.process_iter(["pid"]) if _session_of(one) == session and _alive(one)]
        if not left:
            return
        time.sleep(0.5)
    raise AssertionError(f"processes were left behind: {left}")


def _session_of(process: psutil.Process) -> int:
    try:
        return os.getsid(process.pid)
    except (ProcessLookupError, PermissionError):
        return -1


def _alive(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
