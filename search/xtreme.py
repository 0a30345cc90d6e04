"""XTREME's own summary of scores: by group of tasks, and over all nine (Hu et al. 2020; `evaluate.py`).

A task's score is the mean over its languages; a group's, and the overall one, the mean over tasks.
"""

from collections.abc import Mapping
from statistics import fmean

GROUPS: dict[str, tuple[str, ...]] = {
    "classification": ("pawsx", "xnli"),
    "tagging": ("udpos", "panx"),
    "qa": ("xquad", "mlqa", "tydiqa"),
    "retrieval": ("bucc2018", "tatoeba"),
}
OVERALL = "overall"


def group_scores(scores: Mapping[str, float]) -> dict[str, float]:
    """Scores of the groups whose tasks are all there, and `overall` where all nine are."""
    whole = {name: tasks for name, tasks in GROUPS.items() if all(task in scores for task in tasks)}
    means = {name: fmean(scores[task] for task in tasks) for name, tasks in whole.items()}
    if len(whole) == len(GROUPS):
        means[OVERALL] = fmean(scores[task] for tasks in GROUPS.values() for task in tasks)
    return means
