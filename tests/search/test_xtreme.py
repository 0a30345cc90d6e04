"""XTREME's mock data scored by our functions: the figures of its own repository, to the last digit."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest

from search.xtreme import GROUPS, group_scores
from spaces import TASKS
from trainables.formats.base import mean
from trainables.formats.chunks import chunk_counts
from trainables.formats.mining import score_mining
from trainables.formats.mlqa import normaliser_of
from trainables.formats.squad import exact_match, normalised, token_f1

FIGURES = {  # google-research/xtreme, mock_test_data: averages over languages
    "pawsx": {"accuracy": 51.42857142857143},
    "xnli": {"accuracy": 30.666666666666668},
    "udpos": {"f1": 70.21746048354693, "precision": 71.02232625883823, "recall": 69.54982073976082},
    "panx": {"f1": 57.50793650793652, "precision": 54.729166666666664, "recall": 62.750000000000014},
    "xquad": {"exact_match": 77.27272727272727, "f1": 79.9586776859504},
    "mlqa": {"exact_match": 57.142857142857146, "f1": 81.76870748299321},
    "tydiqa": {"exact_match": 88.88888888888889, "f1": 97.22222222222223},
    "bucc2018": {"f1": 55.0},
    "tatoeba": {"accuracy": 53.611111111111114},
}
TOTALS = {
    "classification": 41.04761904761905,
    "tagging": 63.862698495741725,
    "qa": 80.37568011593986,
    "retrieval": 54.30555555555556,
    "overall": 62.17319850507248,
}


@pytest.mark.parametrize("task", FIGURES)
def test_the_mock_data_give_xtremes_averages(shared: Path, task: str) -> None:
    averages = averages_of(shared / "xtreme_mock", task)
    assert averages == pytest.approx(FIGURES[task], rel=1e-12)


def test_the_mock_data_give_xtremes_group_and_overall_scores(shared: Path) -> None:
    scores = {task: fmean(score_metrics(averages_of(shared / "xtreme_mock", task))) for task in FIGURES}
    assert group_scores(scores) == pytest.approx(TOTALS, rel=1e-12)


def test_groups_hold_the_nine_targets_once() -> None:
    tasks = sorted(task for tasks in GROUPS.values() for task in tasks)
    assert tasks == sorted(task.name for task in TASKS.values() if "target" in task.roles)


def test_only_groups_whose_tasks_are_all_there_are_scored() -> None:
    assert group_scores({"xnli": 40.0, "pawsx": 60.0, "udpos": 10.0}) == {"classification": 50.0}


def test_the_overall_score_weighs_tasks_not_groups() -> None:
    scores = {task: 0.0 for tasks in GROUPS.values() for task in tasks} | {"xquad": 90.0}
    assert group_scores(scores)["overall"] == pytest.approx(10.0)


def score_metrics(averages: dict[str, float]) -> list[float]:
    """What a task's score is the mean of."""
    names = ("exact_match", "f1") if "exact_match" in averages else ("f1",) if "f1" in averages else ("accuracy",)
    return [averages[name] for name in names]


def averages_of(mock: Path, task: str) -> dict[str, float]:
    """Every metric's mean over the languages of the task."""
    of_languages = []
    for labels in sorted((mock / "labels" / task).iterdir()):
        language = labels.stem.removeprefix("test-")
        (predicted,) = (mock / "predictions" / task).glob(f"*{language}.*")
        of_languages.append(metrics_of(task, language, labels, predicted))
    assert len(of_languages) == len(TASKS[task].languages)
    return {name: fmean(metrics[name] for metrics in of_languages) for name in of_languages[0]}


def metrics_of(task: str, language: str, labels: Path, predicted: Path) -> dict[str, float]:
    match task:
        case "udpos" | "panx":
            counts = chunk_counts(sentences(labels), sentences(predicted))
            return {"f1": counts.f1, "precision": counts.precision, "recall": counts.recall}
        case "xquad" | "mlqa" | "tydiqa":
            return answers_of(task, language, labels, predicted)
        case "bucc2018":
            return {"f1": pairs_of(labels, predicted)}
        case _:
            right = [float(a == b) for a, b in zip(lines(labels), lines(predicted), strict=True)]
            return {"accuracy": mean(right)}


def lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").split()


def sentences(path: Path) -> list[list[str]]:
    return [block.split("\n") for block in path.read_text(encoding="utf-8").strip().split("\n\n")]


def answers_of(task: str, language: str, labels: Path, predicted: Path) -> dict[str, float]:
    found = json.loads(predicted.read_text(encoding="utf-8"))
    normalise = normaliser_of(language) if task == "mlqa" else normalised
    compared = [
        (found.get(question["id"], ""), [answer["text"] for answer in question["answers"]], normalise)
        for question in questions(json.loads(labels.read_text(encoding="utf-8")))
    ]
    return {
        "exact_match": mean([exact_match(*one) for one in compared]),
        "f1": mean([token_f1(*one) for one in compared]),
    }


def questions(squad: dict[str, Any]) -> Iterator[dict[str, Any]]:
    return (qa for article in squad["data"] for paragraph in article["paragraphs"] for qa in paragraph["qas"])


def pairs_of(labels: Path, predicted: Path) -> float:
    gold, found = ([tuple(line.split("\t")) for line in path.read_text().splitlines()] for path in (labels, predicted))
    sources, targets = (numbers([pair[side] for pair in gold + found]) for side in (0, 1))
    rows = [[(sources[source], targets[target]) for source, target in pairs] for pairs in (found, gold)]
    return score_mining(rows[0], set(rows[1]), range(len(sources)), 0.0).value


def numbers(names: Sequence[str]) -> dict[str, int]:
    return {name: number for number, name in enumerate(dict.fromkeys(names))}
