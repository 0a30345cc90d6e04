"""Two sweeps side by side."""

import io

import pytest
from rich.console import Console

from search.compare import comparison
from search.gains import TransferMatrix
from spaces import UserError
from tests.search.test_gains import matrix_of, result, weighed


def told(one: TransferMatrix, other: TransferMatrix) -> str:
    text = io.StringIO()
    Console(file=text, width=100).print(comparison(("small-1", "small-2"), one, other))
    return text.getvalue()


ONE = weighed(
    result("none", 0.1, dev=1, scores={"en": 50}),
    result("mnli", 0.1, dev=1, scores={"en": 60}),
    result("qqp", 0.1, dev=1, scores={"en": 40}),
)
OTHER = weighed(
    result("none", 0.1, dev=1, scores={"en": 55}),
    result("qqp", 0.1, dev=1, scores={"en": 75}),
    result("squad_v1", 0.1, dev=1, scores={"en": 10}),
)


def test_what_both_have_is_shown_with_the_difference() -> None:
    text = told(ONE, OTHER)
    lines = {words[1]: words for line in text.splitlines() if len(words := line.split()) == 5 and words[0] == "xnli"}
    assert lines.keys() == {"none", "qqp"}
    assert lines["none"][2:5] == ["50.0", "55.0", "+5.0"]
    assert lines["qqp"][2:5] == ["-10.0", "+20.0", "+30.0"]
    assert "First: small-1" in text and "Second: small-2" in text


def test_another_best_recipe_is_named() -> None:
    assert "Oracle on xnli: first mnli (60.0), second qqp (75.0)." in told(ONE, OTHER)
    assert "Oracle on" not in told(ONE, ONE)


def test_sweeps_without_anything_in_common_are_refused() -> None:
    elsewhere = matrix_of(result("none", 0.1, dev=1, scores={"en": 50}, target="udpos"))
    with pytest.raises(UserError, match="no target in common"):
        told(ONE, elsewhere)
