"""Verdicts on made-up sweeps in which it is known what helps."""

import math
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from search.evidence import weigh
from search.findings import Finding, Look, Measurement, Scope, Verdict
from search.results import Results
from search.significance import error_rate_of_look
from tests.search.test_gains import failing_recipe, learned, result, results_of, units_of, weighed

# How much is to be said, from least to most: stronger evidence must never say less.
RANK = {Verdict.NO_EVIDENCE: 0, Verdict.TOO_FEW: 1, Verdict.HELPS: 2, Verdict.HURTS: 2}


def sweep(scores: dict[str, Sequence[tuple[float, float]]], **more: Any) -> Results:
    """Of every recipe a score in English and German per seed."""
    made = results_of(
        *(
            result(recipe, 0.1, dev=1.0, scores={"en": english, "de": german}, seed=seed)
            for recipe, of in scores.items()
            for seed, (english, german) in enumerate(of)
        )
    )
    return weigh(replace(made, **more), units_of)


def found(results: Results, recipe: str, scope: Scope = Scope.ALL, name: str = "") -> Finding:
    (one,) = (one for one in results.findings if (one.recipe, one.scope, one.name) == (recipe, scope, name))
    return one


SWEEP = sweep(
    {
        "none": [(60, 50), (62, 50), (61, 53)],
        "mnli": [(60, 80), (61, 79), (62, 81)],
        "qqp": [(61, 51), (61, 52), (60, 50)],
        "squad_v1": [(30, 50), (32, 51), (31, 49)],
    }
)


def test_a_recipe_that_gains_helps_and_one_that_loses_hurts() -> None:
    assert found(SWEEP, "mnli").verdict is Verdict.HELPS
    assert found(SWEEP, "squad_v1").verdict is Verdict.HURTS
    assert found(SWEEP, "qqp").verdict is Verdict.NO_EVIDENCE


def test_the_gain_is_the_difference_of_means_and_lies_in_its_interval() -> None:
    mnli = found(SWEEP, "mnli")
    assert mnli.gain == pytest.approx((60 + 80 + 61 + 79 + 62 + 81) / 6 - (60 + 50 + 62 + 50 + 61 + 53) / 6)
    assert mnli.learned_gain == pytest.approx(mnli.gain)
    assert mnli.low is not None and mnli.high is not None and mnli.low < mnli.gain < mnli.high
    assert mnli.seeds == 3 and mnli.more_seeds is None and mnli.failures == ""


def test_every_language_family_and_script_has_its_own_gain() -> None:
    english, german = (found(SWEEP, "mnli", Scope.LANGUAGE, code) for code in ("en", "de"))
    assert english.verdict is Verdict.NO_EVIDENCE and german.verdict is Verdict.HELPS
    assert found(SWEEP, "mnli", Scope.FAMILY, "IE:Germanic").gain == pytest.approx((english.gain + german.gain) / 2)
    assert found(SWEEP, "mnli", Scope.SCRIPT, "Latin").gain == pytest.approx(found(SWEEP, "mnli").gain)


def test_verdicts_on_languages_are_corrected_for_the_number_of_languages() -> None:
    one = found(SWEEP, "mnli", Scope.LANGUAGE, "de")
    assert one.learned_gain is not None and one.error is not None
    alone = sweep(
        {"none": [(60, 50), (62, 50), (61, 53)], "mnli": [(60, 80), (61, 79), (62, 81)]}
    )  # two languages of one recipe, not of three
    # Of the six gains by language one (squad_v1 on English) has stronger evidence, so five are left to correct for.
    assert found(alone, "mnli", Scope.LANGUAGE, "de").p == pytest.approx(one.p * 2 / 5)


@pytest.mark.parametrize("seeds", [1, 2])
def test_fewer_than_three_seeds_give_an_interval_but_no_verdict(seeds: int) -> None:
    mnli = found(sweep({"none": [(60, 50), (60, 51)][:seeds], "mnli": [(60, 90), (61, 90)][:seeds]}), "mnli")
    assert mnli.gain > 0 and mnli.low is not None
    assert (mnli.verdict, mnli.seeds, mnli.more_seeds) == (Verdict.TOO_FEW, seeds, 3 - seeds)


def test_where_nothing_is_trained_the_baseline_varies_in_nothing() -> None:
    made = results_of(
        *(result("none", 0.1, dev=None, scores={"de": 50}, seed=seed, target="tatoeba") for seed in range(3)),
        *(
            result("mnli", 0.1, dev=60, scores={"de": score}, seed=seed, target="tatoeba")
            for seed, score in enumerate((56, 58, 60))
        ),
    )
    mnli = found(weigh(made, units_of), "mnli")
    assert mnli.error is not None
    # The variance of 56, 58 and 60 is 4. All runs have the easiest examples right, so that of two of mnli the share
    # right in both is the smaller one's, and of the baseline always half.
    shared = np.mean([0.56 - 0.56 * 0.58, 0.56 - 0.56 * 0.60, 0.58 - 0.58 * 0.60])
    of_examples = 100**2 * (shared + 0.25 - 2 * (0.5 - 0.5 * 0.58)) / 399
    assert mnli.error == pytest.approx(math.sqrt(4 / 3 + of_examples))


def test_a_gain_that_more_seeds_would_tell_says_how_many() -> None:
    mnli = found(sweep({"none": [(50, 50), (56, 56), (53, 53)], "mnli": [(55, 55), (61, 61), (58, 58)]}), "mnli")
    assert mnli.verdict is Verdict.TOO_FEW
    assert mnli.more_seeds is not None and 1 <= mnli.more_seeds <= 27


def test_p_is_corrected_for_the_number_of_recipes() -> None:
    few = {"none": [(60, 60), (62, 62), (61, 61)], "mnli": [(66, 66), (68, 68), (67, 67)]}
    others = ("qqp", "squad_v1", "squad_v2")
    many = sweep(few | {recipe: [(60, 60), (62, 62), (61, 61)] for recipe in others})
    assert found(many, "mnli").p == pytest.approx(4 * found(sweep(few), "mnli").p)
    assert max(one.p for one in many.findings) == 1.0


def test_a_later_look_has_less_error_to_spend() -> None:
    scores = {"none": [(60, 60), (62, 62), (61, 61)], "mnli": [(64, 64), (66, 66), (65, 65)]}
    first, second = (found(sweep(scores, looks={"xnli": Look(number)}), "mnli") for number in (1, 2))
    assert second.p == pytest.approx(first.p * error_rate_of_look(1) / error_rate_of_look(2))
    assert (second.low, second.high) == (first.low, first.high)


def test_recipes_of_an_earlier_look_are_corrected_for_though_they_were_left_out() -> None:
    scores = {"none": [(60, 60), (62, 62), (61, 61)], "mnli": [(64, 64), (66, 66), (65, 65)]}
    alone, narrowed = (found(sweep(scores, looks={"xnli": Look(2, of)}), "mnli") for of in (1, 5))
    assert narrowed.p == pytest.approx(5 * alone.p)


def test_a_target_without_baseline_has_measurements_but_no_findings() -> None:
    for recipe in ("mnli", "none"):
        alone = sweep({recipe: [(60, 60)]})
        assert alone.findings == []
        assert [one.name for one in alone.measurements] == ["", "en", "de"]


def test_findings_and_measurements_come_back_from_plain_data() -> None:
    mnli, measured = found(SWEEP, "mnli"), SWEEP.measurements[0]
    assert Finding.from_plain(asdict(mnli)) == mnli
    assert Measurement.from_plain(asdict(measured)) == measured


@pytest.mark.parametrize("end", ["lost", "at chance"])
def test_a_recipe_that_fails_more_often_is_not_said_to_help(end: str) -> None:
    mnli = failing_recipe(end=end).findings["mnli", "xnli"]
    assert mnli.verdict is Verdict.FAILED
    assert (mnli.failures, mnli.learned_gain) == ("3 of 5 runs failed", 4.0)
    assert mnli.gain == pytest.approx((2 * 64 + 3 * 33) / 5 - 60)


def of_seeds(recipe: str, scores: Sequence[float | None]) -> list[Any]:
    """A trial per seed; None for one that failed."""
    return [
        result(recipe, 0.1, dev=None, scores={}, seed=seed, state="failed")
        if score is None
        else result(recipe, 0.1, dev=score, scores={"en": score}, seed=seed, **learned(score))
        for seed, score in enumerate(scores)
    ]


def test_failures_that_point_the_same_way_as_the_gain_leave_the_verdict() -> None:
    steady, shaky = [70, 71, 70, 71], [60, 61, 60, None]
    helps = weighed(*of_seeds("none", shaky), *of_seeds("mnli", steady)).findings["mnli", "xnli"]
    assert (helps.verdict, helps.failures) == (Verdict.HELPS, "1 of 4 of none failed")
    hurts = weighed(*of_seeds("none", steady), *of_seeds("mnli", shaky)).findings["mnli", "xnli"]
    assert hurts.verdict is Verdict.HURTS
    both_ways = weighed(*of_seeds("none", [60, 61, 60, 61]), *of_seeds("mnli", [70, 71, 70, None]))
    assert both_ways.findings["mnli", "xnli"].verdict is Verdict.FAILED


@pytest.mark.parametrize("end", ["lost", "at chance"])
def test_where_all_runs_failed_there_is_a_gain_and_no_interval(end: str) -> None:
    at_chance = [result("mnli", 0.1, dev=33, scores={"en": 40}, seed=seed, **learned(33)) for seed in range(3)]
    failed = at_chance if end == "at chance" else of_seeds("mnli", [None] * 3)
    matrix = weighed(*of_seeds("none", [60, 61, 62]), *failed)
    mnli = matrix.findings["mnli", "xnli"]
    assert (mnli.verdict, mnli.interval(), mnli.gain) == (Verdict.FAILED, None, pytest.approx(-28))
    assert matrix.gain_error("mnli", "xnli") is None


def test_where_all_runs_of_the_baseline_failed_gains_are_over_chance() -> None:
    matrix = weighed(*of_seeds("none", [None] * 3), *of_seeds("mnli", [60, 61, 62]))
    assert matrix.gain("mnli", "xnli") == pytest.approx(28)
    assert matrix.findings["mnli", "xnli"].verdict is Verdict.FAILED


def test_one_run_that_is_left_of_several_gives_no_interval() -> None:
    matrix = weighed(*of_seeds("none", [60, None, None]), *of_seeds("mnli", [70, 71, 72]))
    mnli = matrix.findings["mnli", "xnli"]
    assert (mnli.verdict, mnli.interval(), mnli.learned_gain) == (Verdict.FAILED, None, None)
    assert matrix.cells["none", "xnli"].error is None


def test_seeds_that_were_outdone_at_a_rung_leave_no_verdict() -> None:
    outdone = result("mnli", 0.1, dev=60, scores={}, seed=3, state="stopped early")
    matrix = weighed(*of_seeds("none", [60, 61, 60, 61]), *of_seeds("mnli", [70, 71, 70]), outdone)
    mnli = matrix.findings["mnli", "xnli"]
    assert (mnli.verdict, mnli.more_seeds) == (Verdict.TOO_FEW, None)


gains = st.lists(st.floats(-12, 12), min_size=2, max_size=6)


@given(gains, st.floats(0.1, 3))
@settings(max_examples=60, deadline=None)
def test_stronger_evidence_never_says_less(gains: list[float], spread: float) -> None:
    """Recipes that vary alike and differ in nothing but their gain."""
    around = [-spread, 0.0, spread]
    scores = {"none": [(50 + one, 50 + one) for one in around]}
    for number, gain in enumerate(gains):
        scores[("mnli", "qqp", "snli", "squad_v1", "squad_v2", "hellaswag")[number]] = [
            (50 + gain + one, 50 + gain + one) for one in around
        ]
    told = [one for one in sweep(scores).findings if one.scope is Scope.ALL]
    # Scores come in steps of a quarter of a point, and with them the examples' part of the error.
    for one in told:
        for other in told:
            if one.p < other.p and abs(one.gain) > abs(other.gain) + 1 and (one.error or 0) <= (other.error or 0):
                assert RANK[one.verdict] >= RANK[other.verdict]
