"""Gains: each side at its own best learning rate by English dev; expectations worked out by hand."""

import math
from typing import Any

import pytest

from search.gains import TransferMatrix, transfer_matrix
from search.results import Results, TrialResult
from spaces.trial import Trial


def result(recipe: str, rate: float, dev: float | None, scores: dict[str, float], **more: Any) -> TrialResult:
    trial = Trial(more.pop("target", "xnli"), recipe, rate, rate, more.pop("seed", 0))
    languages = {
        code: {"value": value, "chance": 33.0, "error": 3.0, "examples": 100, "metrics": {"accuracy": value},
               "above_chance": value > 40}
        for code, value in scores.items()
    }  # fmt: skip
    return TrialResult(trial, more.pop("state", "finished"), dev=dev, languages=languages, **more)


def matrix_of(*results: TrialResult) -> TransferMatrix:
    recipes = list(dict.fromkeys(one.trial.recipe for one in results))
    targets = list(dict.fromkeys(one.trial.target for one in results))
    return transfer_matrix(Results("s-1", {"recipes": recipes, "targets": targets}, list(results), {}))


def test_gain_takes_each_sides_best_rate_by_dev_not_by_test() -> None:
    matrix = matrix_of(
        result("none", 0.1, dev=50, scores={"en": 60, "de": 40}),
        result("none", 0.2, dev=40, scores={"en": 90, "de": 90}),  # better in test, worse in dev: not chosen
        result("mnli", 0.1, dev=10, scores={"en": 80, "de": 80}),
        result("mnli", 0.2, dev=70, scores={"en": 70, "de": 54}),
    )
    assert matrix.cells["mnli", "xnli"].rates == [0.2]
    assert matrix.gain("mnli", "xnli") == pytest.approx(62 - 50)


def test_a_trial_outdone_at_a_rung_is_not_chosen_though_it_finished() -> None:
    matrix = matrix_of(
        result("none", 0.1, dev=50, scores={"en": 60}),
        result("none", 0.2, dev=99, scores={"en": 90}, selectable=False),
    )
    cell = matrix.cells["none", "xnli"]
    assert (cell.score, cell.over_rates) == (60, (60, 60))
    assert (cell.finished, cell.stopped) == (1, 1)


def test_seeds_are_averaged_each_with_its_own_rate() -> None:
    matrix = matrix_of(
        result("none", 0.1, dev=50, scores={"en": 60}, seed=0),
        result("none", 0.2, dev=40, scores={"en": 10}, seed=0),
        result("none", 0.1, dev=40, scores={"en": 10}, seed=1),
        result("none", 0.2, dev=50, scores={"en": 64}, seed=1),
    )
    cell = matrix.cells["none", "xnli"]
    assert cell.score == 62
    assert cell.error == pytest.approx(2.0)  # stdev of 60 and 64 is 2*sqrt(2), over sqrt(2)


def test_error_of_one_seed_is_that_of_the_examples() -> None:
    matrix = matrix_of(
        result("none", 0.1, dev=1, scores={"en": 60, "de": 40}), result("mnli", 0.1, dev=1, scores={"en": 60, "de": 50})
    )
    assert matrix.cells["none", "xnli"].error == pytest.approx(math.sqrt(18) / 2)
    assert matrix.gain_error("mnli", "xnli") == pytest.approx(3.0)


def test_tied_are_those_within_one_error_of_the_best() -> None:
    matrix = matrix_of(
        result("none", 0.1, dev=1, scores={"en": 50}),
        result("mnli", 0.1, dev=1, scores={"en": 60}),
        result("snli", 0.1, dev=1, scores={"en": 57}),
    )
    best = matrix.best("xnli")
    assert best is not None and best.recipe == "mnli"
    assert matrix.tied("xnli") == ["mnli", "snli"]  # 3 points apart, error of the difference 4.2


def test_without_a_baseline_there_is_no_gain() -> None:
    matrix = matrix_of(result("mnli", 0.1, dev=1, scores={"en": 60}))
    assert matrix.gain("mnli", "xnli") is None
    assert matrix.mean_gain("mnli") is None


def test_a_cell_whose_trials_all_stopped_or_failed_is_empty() -> None:
    stopped = TrialResult(Trial("xnli", "mnli", 0.1, 0.1, 0), "stopped early", dev=50.0)
    matrix = matrix_of(result("none", 0.1, dev=1, scores={"en": 60}), stopped)
    assert matrix.gain("mnli", "xnli") is None
    assert (matrix.cells["mnli", "xnli"].stopped, matrix.cells["mnli", "xnli"].finished) == (1, 0)


def test_english_dev_picks_by_dev_and_nothing_for_targets_that_do_not_train() -> None:
    matrix = matrix_of(
        result("none", 0.1, dev=70, scores={"en": 50}),
        result("mnli", 0.1, dev=60, scores={"en": 60}),
        result("none", 0.1, dev=None, scores={"de": 50}, target="tatoeba"),
        result("mnli", 0.1, dev=60, scores={"de": 60}, target="tatoeba"),
    )
    picked = matrix.picked("xnli")
    assert picked is not None and picked.recipe == "none"
    assert matrix.picked("tatoeba") is None


def test_equal_dev_scores_choose_the_smaller_rate() -> None:
    matrix = matrix_of(result("none", 0.2, dev=50, scores={"en": 1}), result("none", 0.1, dev=50, scores={"en": 2}))
    assert matrix.cells["none", "xnli"].rates == [0.1]


def test_the_best_seed_and_the_share_of_failed_runs_stand_beside_the_mean() -> None:
    matrix = matrix_of(
        *(result("none", 0.1, dev=50, scores={"en": value}, seed=seed) for seed, value in enumerate((33, 60, 57))),
        *(result("mnli", 0.1, dev=50, scores={"en": value}, seed=seed) for seed, value in enumerate((60, 61))),
        result("mnli", 0.1, dev=None, scores={}, seed=2, state="failed"),
    )
    none, mnli = matrix.cells["none", "xnli"], matrix.cells["mnli", "xnli"]
    assert (none.seeds, none.failed_runs, none.best_score) == (3, 1, 60)  # 33 is chance
    assert (mnli.seeds, mnli.failed_runs) == (3, 1)
    assert matrix.gain("mnli", "xnli") == pytest.approx(60.5 - 50)
    assert matrix.best_gain("mnli", "xnli") == 1


def test_a_seed_whose_trials_were_all_stopped_early_has_not_failed() -> None:
    matrix = matrix_of(
        result("none", 0.1, dev=50, scores={"en": 60}),
        result("none", 0.1, dev=1, scores={}, seed=1, state="stopped early"),
        result("none", 0.1, dev=None, scores={}, seed=2, state="not run"),
    )
    assert (matrix.cells["none", "xnli"].seeds, matrix.cells["none", "xnli"].failed_runs) == (2, 0)


def test_the_gap_is_english_less_the_mean_of_the_others() -> None:
    matrix = matrix_of(result("none", 0.1, dev=1, scores={"en": 80, "de": 60, "sw": 50}))
    cell = matrix.cells["none", "xnli"]
    assert (cell.english, cell.gap, cell.consistency) == (80, 25, None)
    retrieval = matrix_of(result("none", 0.1, dev=1, scores={"de": 60, "sw": 50}, target="tatoeba"))
    assert retrieval.cells["none", "tatoeba"].gap is None


def test_consistency_is_the_mean_over_the_languages_that_tell_it() -> None:
    one = result("none", 0.1, dev=1, scores={"en": 80, "de": 60, "sw": 50})
    languages = {
        code: {**told, "consistency": {"de": 70, "sw": None}.get(code)} for code, told in one.languages.items()
    }
    assert TrialResult(one.trial, "finished", languages=languages).consistency == 70
