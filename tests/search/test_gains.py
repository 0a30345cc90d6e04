"""Gains: each side at its own best learning rate by English dev; expectations worked out by hand."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from search.evidence import weigh
from search.gains import TransferMatrix, transfer_matrix
from search.results import Results, TrialResult
from spaces.trial import Trial
from trainables.sampling import Units


def result(recipe: str, rate: float, dev: float | None, scores: dict[str, float], **more: Any) -> TrialResult:
    trial = Trial(more.pop("target", "xnli"), recipe, rate, rate, more.pop("seed", 0))
    languages = {
        code: {"value": value, "chance": 33.0, "error": 3.0, "examples": 100, "metrics": {"accuracy": value},
               "above_chance": value > 40}
        for code, value in scores.items()
    }  # fmt: skip
    return TrialResult(trial, more.pop("state", "finished"), dev=dev, languages=languages, **more)


def learned(dev: float) -> dict[str, Any]:
    """What `result` takes to say how the target's training ended; chance is 33."""
    history = [{"step": 1, "steps": 1, "examples": 1, "loss": 1.0, "dev": dev, "chance": 33.0, "error": 2.0}]
    return {"trained": [{"task": "xnli", "role": "target", "history": history}]}


def results_of(*trials: TrialResult) -> Results:
    recipes = list(dict.fromkeys(one.trial.recipe for one in trials))
    targets = list(dict.fromkeys(one.trial.target for one in trials))
    return Results("s-1", {"recipes": recipes, "targets": targets}, list(trials), {})


def matrix_of(*trials: TrialResult) -> TransferMatrix:
    return transfer_matrix(results_of(*trials))


EXAMPLES = 400


def units_of(one: TrialResult) -> dict[str, Units]:
    """As many examples right as the score says, the easiest first; which are easy hangs on the language, so that
    recipes are paired."""
    units = {}
    for number, (code, scores) in enumerate(one.languages.items()):
        easy = np.random.default_rng(number).permutation(EXAMPLES)
        right = np.zeros(EXAMPLES)
        right[easy[: round(scores["value"] * EXAMPLES / 100)]] = 1.0
        units[code] = Units(np.arange(EXAMPLES) + number * EXAMPLES, right, np.ones(EXAMPLES))
    return units


def weighed(*trials: TrialResult) -> TransferMatrix:
    return transfer_matrix(weigh(results_of(*trials), units_of))


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
    assert matrix.cells["none", "xnli"].score == 62


def test_the_error_of_one_seed_is_that_of_the_examples() -> None:
    cell = weighed(result("none", 0.1, dev=1, scores={"en": 60})).cells["none", "xnli"]
    assert cell.error == pytest.approx(100 * np.sqrt(0.6 * 0.4 / (EXAMPLES - 1)))


def test_the_error_of_several_seeds_is_that_of_examples_and_seeds() -> None:
    cell = weighed(
        result("none", 0.1, dev=1, scores={"en": 60}, seed=0), result("none", 0.1, dev=1, scores={"en": 64}, seed=1)
    ).cells["none", "xnli"]
    # Both runs have the 240 easiest examples right: of one pair the covariance is 0.6 less 0.6 times 0.64.
    of_examples = 100**2 * (0.6 - 0.6 * 0.64) / (EXAMPLES - 1)
    assert cell.error == pytest.approx(np.sqrt(of_examples + 8 / 2))  # the variance of 60 and 64 is 8


def test_the_error_of_a_gain_is_that_of_the_examples_on_which_the_recipes_differ() -> None:
    matrix = weighed(result("none", 0.1, dev=1, scores={"en": 60}), result("mnli", 0.1, dev=1, scores={"en": 70}))
    assert matrix.gain_error("mnli", "xnli") == pytest.approx(100 * np.sqrt(0.1 * 0.9 / (EXAMPLES - 1)))


def test_before_the_evidence_is_weighed_no_error_is_known() -> None:
    matrix = matrix_of(result("none", 0.1, dev=1, scores={"en": 60}), result("mnli", 0.1, dev=1, scores={"en": 60}))
    assert matrix.cells["none", "xnli"].error is None
    assert matrix.gain_error("mnli", "xnli") is None


def test_tied_are_those_that_cannot_be_told_from_the_best_on_the_same_examples() -> None:
    matrix = weighed(
        result("none", 0.1, dev=1, scores={"en": 50}),
        result("mnli", 0.1, dev=1, scores={"en": 60}),
        result("snli", 0.1, dev=1, scores={"en": 59.5}),
    )
    oracle = matrix.oracle("xnli")
    assert oracle is not None and oracle.recipe == "mnli"
    assert matrix.tied("xnli") == ["mnli", "snli"]  # 2 of 400 examples apart


def test_above_chance_is_the_mean_over_seeds_and_not_any_of_them() -> None:
    lucky = [result("none", 0.1, dev=1, scores={"en": score}, seed=seed) for seed, score in enumerate((33, 32, 40))]
    assert weighed(lucky[2]).cells["none", "xnli"].above_chance
    assert not weighed(*lucky).cells["none", "xnli"].above_chance
    steady = [result("none", 0.1, dev=1, scores={"en": score}, seed=seed) for seed, score in enumerate((39, 40, 41))]
    assert weighed(*steady).cells["none", "xnli"].above_chance


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


def failing_recipe(*, end: str) -> TransferMatrix:
    """`none` at 60 five times; `mnli` at 64 twice, and three times failed: lost, or at chance on English dev."""
    none = [result("none", 0.1, dev=60, scores={"en": 60}, seed=seed, **learned(60)) for seed in range(5)]
    mnli = [result("mnli", 0.1, dev=64, scores={"en": 64}, seed=seed, **learned(64)) for seed in range(2)]
    lost = [result("mnli", 0.1, dev=None, scores={}, seed=seed, state="failed") for seed in (2, 3, 4)]
    scored = [result("mnli", 0.1, dev=33, scores={"en": 45}, seed=seed, **learned(33)) for seed in (2, 3, 4)]
    return weighed(*none, *mnli, *(lost if end == "lost" else scored))


@pytest.mark.parametrize("end", ["lost", "at chance"])
def test_runs_that_failed_count_as_chance_however_they_ended(end: str) -> None:
    matrix = failing_recipe(end=end)
    cell = matrix.cells["mnli", "xnli"]
    assert (cell.seeds, cell.failed_runs, cell.failures) == (5, 3, "3 of 5 runs failed")
    assert cell.score == pytest.approx((2 * 64 + 3 * 33) / 5)
    assert matrix.gain("mnli", "xnli") == pytest.approx((2 * 64 + 3 * 33) / 5 - 60)


def test_the_best_of_several_evaluations_is_above_chance_where_chance_would_not_have_it_so() -> None:
    point = {"step": 1, "steps": 4, "examples": 1, "loss": 1.0, "chance": 33.0, "error": 2.0}
    once, often = (
        result(
            "none", 0.1, dev=36.5, scores={"en": 33}, trained=[{"task": "xnli", "role": "target", "history": history}]
        )
        for history in ([point | {"dev": 36.5}], [point | {"dev": dev} for dev in (33.0, 34.0, 36.5, 35.0)])
    )
    # 1.75 standard errors: one of twenty by chance where there is one try, 2.24 where there are four
    assert once.learned and not often.learned


def test_a_recipe_that_failed_is_not_picked_for_the_seeds_that_did_not() -> None:
    none = [result("none", 0.1, dev=60, scores={"en": 60}, seed=seed, **learned(60)) for seed in range(2)]
    mnli = result("mnli", 0.1, dev=64, scores={"en": 64}, seed=0, **learned(64))
    lost = result("mnli", 0.1, dev=None, scores={}, seed=1, state="failed")
    matrix = matrix_of(*none, mnli, lost)
    assert matrix.cells["mnli", "xnli"].dev == pytest.approx((64 + 33) / 2)
    picked, oracle = matrix.picked("xnli"), matrix.oracle("xnli")
    assert picked is not None and oracle is not None
    assert (picked.recipe, oracle.recipe) == ("none", "none")


def test_the_best_seed_stands_beside_the_mean() -> None:
    matrix = failing_recipe(end="lost")
    assert matrix.cells["mnli", "xnli"].best_score == 64
    assert matrix.best_gain("mnli", "xnli") == 4


def test_a_seed_whose_trials_were_all_stopped_early_has_not_failed() -> None:
    matrix = matrix_of(
        result("none", 0.1, dev=50, scores={"en": 60}),
        result("none", 0.1, dev=1, scores={}, seed=1, state="stopped early"),
        result("none", 0.1, dev=None, scores={}, seed=2, state="not run"),
    )
    assert (matrix.cells["none", "xnli"].seeds, matrix.cells["none", "xnli"].failed_runs) == (2, 0)


def test_a_seed_that_failed_at_one_rate_and_not_at_another_has_not_failed() -> None:
    matrix = matrix_of(
        result("none", 0.1, dev=50, scores={"en": 60}), result("none", 0.2, dev=None, scores={}, state="failed")
    )
    assert (matrix.cells["none", "xnli"].score, matrix.cells["none", "xnli"].failed_runs) == (60, 0)


def test_the_oracles_interval_allows_for_its_being_the_best() -> None:
    recipes = ("mnli", "qqp", "snli", "squad_v1")
    matrix = weighed(
        result("none", 0.1, dev=1, scores={"en": 50}),
        *(result(recipe, 0.1, dev=1, scores={"en": 51 + number}) for number, recipe in enumerate(recipes)),
    )
    finding = matrix.findings["squad_v1", "xnli"]
    own, of_best = finding.interval(), matrix.oracle_interval("xnli")
    assert own is not None and of_best is not None
    reach = (own[1] - own[0]) / 2, (of_best[1] - of_best[0]) / 2
    assert reach[1] / reach[0] == pytest.approx(2.4977 / 1.95996, rel=1e-4)  # normal quantiles of 1.25% and 5%, halved
    assert weighed(result("none", 0.1, dev=1, scores={"en": 50})).oracle_interval("xnli") is None


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
    assert replace(one, languages=languages).consistency == 70
