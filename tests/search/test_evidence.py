"""Verdicts on made-up sweeps in which it is known what helps."""

from collections.abc import Sequence

import numpy as np
import pytest

from search.evidence import evidence
from search.findings import Finding, Scope, Verdict
from search.gains import TransferMatrix
from search.results import TrialResult
from tests.search.test_gains import matrix_of, result

EXAMPLES = 400


def points_of(one: TrialResult) -> dict[str, np.ndarray]:
    """As many examples right as the score says; which ones hangs on the language, so that recipes are paired."""
    points = {}
    for code, scores in one.languages.items():
        easy = np.random.default_rng(len(points)).permutation(EXAMPLES)
        right = np.zeros(EXAMPLES)
        right[easy[: round(scores["value"] * EXAMPLES / 100)]] = 1.0
        points[code] = np.column_stack([right, np.ones(EXAMPLES)])
    return points


def sweep(scores: dict[str, Sequence[tuple[float, float]]]) -> TransferMatrix:
    """Of every recipe a score in English and German per seed."""
    return matrix_of(
        *(
            result(recipe, 0.1, dev=1.0, scores={"en": english, "de": german}, seed=seed)
            for recipe, of in scores.items()
            for seed, (english, german) in enumerate(of)
        )
    )


def found(matrix: TransferMatrix, recipe: str, scope: Scope = Scope.ALL, name: str = "") -> Finding:
    (one,) = (one for one in evidence(matrix, points_of) if (one.recipe, one.scope, one.name) == (recipe, scope, name))
    return one


MATRIX = sweep(
    {
        "none": [(60, 50), (62, 50), (61, 53)],
        "mnli": [(60, 80), (61, 79), (62, 81)],
        "qqp": [(61, 51), (61, 52), (60, 50)],
        "squad_v1": [(30, 50), (32, 51), (31, 49)],
    }
)


def test_a_recipe_that_gains_helps_and_one_that_loses_hurts() -> None:
    assert found(MATRIX, "mnli").verdict is Verdict.HELPS
    assert found(MATRIX, "squad_v1").verdict is Verdict.HURTS
    assert found(MATRIX, "qqp").verdict is Verdict.NO_EVIDENCE


def test_the_gain_is_the_difference_of_means_and_lies_in_its_interval() -> None:
    mnli = found(MATRIX, "mnli")
    assert mnli.gain == pytest.approx((60 + 80 + 61 + 79 + 62 + 81) / 6 - (60 + 50 + 62 + 50 + 61 + 53) / 6)
    assert mnli.low < mnli.gain < mnli.high
    assert mnli.seeds == 3 and mnli.more_seeds is None


def test_every_language_family_and_script_has_its_own_gain() -> None:
    english, german = (found(MATRIX, "mnli", Scope.LANGUAGE, code) for code in ("en", "de"))
    assert english.verdict is Verdict.NO_EVIDENCE and german.verdict is Verdict.HELPS
    assert found(MATRIX, "mnli", Scope.FAMILY, "IE:Germanic").gain == pytest.approx((english.gain + german.gain) / 2)
    assert found(MATRIX, "mnli", Scope.SCRIPT, "Latin").gain == pytest.approx(found(MATRIX, "mnli").gain)


def test_one_seed_gives_an_interval_but_no_verdict() -> None:
    matrix = sweep({"none": [(60, 50)], "mnli": [(60, 90)]})
    mnli = found(matrix, "mnli")
    assert mnli.low > 0
    assert (mnli.verdict, mnli.seeds, mnli.more_seeds) == (Verdict.TOO_FEW, 1, 2)


def test_a_gain_that_more_seeds_would_tell_says_how_many() -> None:
    matrix = sweep({"none": [(50, 50), (56, 56)], "mnli": [(57, 57), (63, 63)]})
    mnli = found(matrix, "mnli")
    assert mnli.verdict is Verdict.TOO_FEW
    assert mnli.more_seeds is not None and 1 <= mnli.more_seeds <= 10


def test_p_is_corrected_for_the_number_of_recipes() -> None:
    few = sweep({"none": [(60, 60), (62, 62)], "mnli": [(66, 66), (68, 68)]})
    many = sweep(
        {"none": [(60, 60), (62, 62)], "mnli": [(66, 66), (68, 68)]}
        | {recipe: [(60, 60), (62, 62)] for recipe in ("qqp", "squad_v1", "squad_v2")}
    )
    # more recipes tell more of the spread between seeds, and yet each is to be doubted more
    assert found(many, "mnli").high - found(many, "mnli").low < found(few, "mnli").high - found(few, "mnli").low
    assert max(one.p for one in evidence(many, points_of)) == 1.0


def test_a_target_without_baseline_has_no_findings() -> None:
    assert evidence(sweep({"mnli": [(60, 60)]}), points_of) == []
    assert evidence(sweep({"none": [(60, 60)]}), points_of) == []


def test_a_finding_comes_back_from_plain_data() -> None:
    from dataclasses import asdict

    mnli = found(MATRIX, "mnli")
    assert Finding.from_plain(asdict(mnli)) == mnli
