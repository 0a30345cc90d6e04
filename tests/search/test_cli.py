"""The command line as a user meets it: real processes, one line per mistake, exit code 2."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from spaces import TASKS, library_names
from tests.made_data import small_space

STOPOVER = [sys.executable, "-m", "search.cli"]


def stopover(*arguments: str | Path, home: Path) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("STOPOVER_")}
    environment |= {"STOPOVER_HOME": str(home), "COLUMNS": "200"}
    return subprocess.run(
        [*STOPOVER, *map(str, arguments)], env=environment, capture_output=True, text=True, timeout=120
    )


def write_space(folder: Path, **changes: object) -> Path:
    path = folder / "space.yaml"
    document = small_space().model_dump(mode="json", exclude_defaults=True)
    path.write_text(yaml.safe_dump(document | changes))
    return path


def mistake(*arguments: str | Path, home: Path) -> str:
    """The one line that a mistake is answered with."""
    run = stopover(*arguments, home=home)
    assert run.returncode == 2, run.stdout + run.stderr
    assert "Traceback" not in run.stderr + run.stdout
    (line,) = run.stderr.strip().splitlines()
    return line


def test_help_imports_no_torch_ray_or_mlflow() -> None:
    code = (
        "import sys; sys.argv = ['stopover', '--help']\n"
        "from search.cli import app\n"
        "try: app()\nexcept SystemExit: pass\n"
        "print(sorted({'torch', 'ray', 'mlflow', 'transformers', 'datasets'} & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert run.stdout.strip().endswith("[]"), run.stdout + run.stderr


def test_help_names_every_command(tmp_path: Path) -> None:
    text = stopover("--help", home=tmp_path).stdout
    assert all(command in text for command in ("run", "plan", "check", "tasks", "report", "ui"))


def test_tasks_lists_the_catalogue_and_the_library(tmp_path: Path) -> None:
    text = stopover("tasks", home=tmp_path).stdout
    assert all(name in text for name in (*TASKS, *library_names()))


def test_tasks_says_where_each_would_come_from_now(tmp_path: Path, mirror: Path) -> None:
    rows = {row.split()[0]: row for row in stopover("tasks", "--mirror", mirror, home=tmp_path).stdout.splitlines()
            if row.split()[:1] and row.split()[0] in TASKS}  # fmt: skip
    assert "mirror" in rows["mnli"] and "392,702" in rows["mnli"]
    assert "mirror" in rows["xnli"] and "15" in rows["xnli"].split()
    assert "world" in rows["hellaswag"]  # not in this mirror


def test_an_unknown_space(tmp_path: Path) -> None:
    assert "did you mean 'quickstart'" in mistake("run", "quikstart", home=tmp_path)


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("recipes", ["none", "mnlli"], ("recipes", "mnlli", "did you mean 'mnli'")),
        ("targets", ["xnlli"], ("targets", "xnlli", "did you mean 'xnli'")),
        ("learning_rates", [-0.1], ("learning_rates", "greater than 0", "-0.1")),
        ("learning_rates", ["fast"], ("learning_rates", "valid number", "fast")),
        ("recipe", ["none"], ("recipe", "unknown key", "did you mean 'recipes'")),
        ("recipes", ["mnli+mnli"], ("mnli+mnli", "stands twice in one step")),
        ("recipes", ["mnli@sw"], ("mnli@sw", "cannot be trained yet")),
        ("devices_per_trial", 1.5, ("devices_per_trial", "a part of one (0.5) or a whole number")),
    ],
)
def test_a_bad_space(
    key: str, value: object, words: tuple[str, ...], tmp_path: Path, mirror: Path, tiny_model: Path
) -> None:
    space = write_space(tmp_path, **{key: value})
    line = mistake("run", space, "--mirror", mirror, "--model", tiny_model, home=tmp_path / "home")
    assert all(word in line for word in words), line


def test_an_unknown_model_folder(tmp_path: Path, mirror: Path) -> None:
    line = mistake("run", write_space(tmp_path), "--mirror", mirror, "--model", "/no/model", home=tmp_path / "home")
    assert "/no/model" in line and "--model" in line


def test_a_folder_that_holds_no_model(tmp_path: Path, mirror: Path) -> None:
    line = mistake("check", write_space(tmp_path), "--mirror", mirror, "--model", mirror, home=tmp_path / "home")
    assert "config.json" in line


def test_an_unknown_mirror_folder(tmp_path: Path, tiny_model: Path) -> None:
    arguments = ("check", write_space(tmp_path), "--mirror", "/no/mirror", "--model", tiny_model)
    assert "/no/mirror" in mistake(*arguments, home=tmp_path / "home")


def test_no_mirror_given(tmp_path: Path, tiny_model: Path) -> None:
    line = mistake("check", write_space(tmp_path), "--model", tiny_model, home=tmp_path / "home")
    assert "STOPOVER_MIRROR" in line


def test_a_missing_column(tmp_path: Path, mirror: Path, tiny_model: Path) -> None:
    import shutil

    import pyarrow.parquet as pq

    broken = tmp_path / "mirror"
    shutil.copytree(mirror, broken)
    path = broken / "nyu-mll__glue" / "mnli" / "train.parquet"
    pq.write_table(pq.read_table(path).drop_columns(["hypothesis"]), path)
    line = mistake("run", write_space(tmp_path), "--mirror", broken, "--model", tiny_model, home=tmp_path / "home")
    assert "'hypothesis'" in line and str(path) in line


def test_the_hub_out_of_reach_names_the_mirror_option(tmp_path: Path, tiny_model: Path) -> None:
    space = write_space(tmp_path, source="hub")
    assert "--mirror" in mistake("check", space, "--model", tiny_model, home=tmp_path / "home")


def test_check_lists_what_is_missing_and_how_to_get_it(tmp_path: Path, mirror: Path, tiny_model: Path) -> None:
    space = write_space(tmp_path, recipes=["none", "hellaswag"])
    run = stopover("check", space, "--mirror", mirror, "--model", tiny_model, home=tmp_path / "home")
    assert run.returncode == 2
    (row,) = (line.split() for line in run.stdout.splitlines() if line.startswith(" hellaswag") and "train" in line)
    assert row[2:] == ["missing", "1", "39,905", "-"]
    assert "stopover fetch" in run.stderr and "--without hellaswag" in run.stderr
    smaller = ("--mirror", mirror, "--model", tiny_model, "--without", "hellaswag")
    assert stopover("check", space, *smaller, home=tmp_path / "home").returncode == 0


@pytest.mark.parametrize(
    ("name", "words"),
    [("qqp", "not in the space"), ("mnlli", "did you mean 'mnli'"), ("xnli", "nothing would be left")],
)
def test_leaving_out_what_cannot_be_left_out(name: str, words: str, tmp_path: Path) -> None:
    assert words in mistake("plan", write_space(tmp_path), "--without", name, home=tmp_path / "home")


def test_a_plan_needs_neither_data_nor_model(tmp_path: Path) -> None:
    run = stopover("plan", "paper", "--without", "ccg", home=tmp_path)
    assert run.returncode == 0, run.stderr
    text = " ".join(run.stdout.split())
    assert "81 trials" in text and "EFLOP" in text and "Planned by published sizes" in text
    assert "ccg" not in text.replace("--without ccg", "")


def test_a_report_of_no_sweep(tmp_path: Path) -> None:
    assert "stopover run quickstart" in mistake("report", "quickstart", home=tmp_path)


def test_the_ui_of_no_sweep(tmp_path: Path) -> None:
    assert "stopover run quickstart" in mistake("ui", home=tmp_path)


def test_check_and_plan_of_a_good_space(tmp_path: Path, mirror: Path, tiny_model: Path) -> None:
    space = write_space(tmp_path)
    given = ("--mirror", mirror, "--model", tiny_model)
    check = stopover("check", space, *given, home=tmp_path / "home")
    assert check.returncode == 0 and "2 trials, 5 stages" in check.stdout, check.stdout + check.stderr
    plan = stopover("plan", space, *given, home=tmp_path / "home")
    # none: xnli 120; mnli: 120 and 120. Nothing is shared by two targets here.
    assert "360 if every trial did all its work, at most 360 with sharing" in " ".join(plan.stdout.split()), plan.stdout


def test_check_and_plan_of_a_space_that_is_drawn_from(tmp_path: Path, mirror: Path, tiny_model: Path) -> None:
    rates = {"low": 0.0001, "high": 0.01}
    space = write_space(tmp_path, strategy="optuna", budget={"device_hours": 2}, learning_rates=rates)
    given = ("--mirror", mirror, "--model", tiny_model)
    drawn = (
        "Strategy optuna draws trials until the budget, 2 device hours, is spent; the plan has every combination once, "
        "at the middle of a range of learning rates."
    )
    check = stopover("check", space, *given, home=tmp_path / "home")
    assert check.returncode == 0 and "2 trials, 5 stages" in check.stdout, check.stdout + check.stderr
    assert drawn in " ".join(check.stdout.split())
    plan = stopover("plan", space, *given, "--devices", "2", home=tmp_path / "home")
    assert plan.returncode == 0 and drawn in " ".join(plan.stdout.split()), plan.stdout + plan.stderr
    assert not (tmp_path / "home" / "optuna.db").exists()  # a plan begins no search
    write_space(tmp_path, strategy="optuna", budget={"device_hours": 4}, learning_rates=rates)
    more = stopover("plan", space, *given, home=tmp_path / "home")
    assert _id(more.stdout) == _id(plan.stdout)  # a sweep whose budget is raised goes on
    write_space(tmp_path, strategy="optuna", budget={"device_hours": 2}, learning_rates=rates | {"high": 0.02})
    assert _id(stopover("plan", space, *given, home=tmp_path / "home").stdout) != _id(plan.stdout)


def _id(plan: str) -> str:
    return next(line.removeprefix("Plan of ") for line in plan.splitlines() if line.startswith("Plan of "))


def test_a_range_for_the_grid(tmp_path: Path) -> None:
    space = write_space(tmp_path, learning_rates={"low": 0.0001, "high": 0.01})
    assert "give strategy: random or optuna, or a list" in mistake("plan", space, home=tmp_path / "home")
