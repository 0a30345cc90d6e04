import pytest

from trainables.formats.squad import exact_match, normalised, token_f1


@pytest.mark.parametrize(
    ("answer", "plain"),
    [
        ("The Cat!", "cat"),
        ("an  apple a day", "apple day"),
        ("U.S.A.", "usa"),
        ("theatre", "theatre"),
        ("the", ""),
        ("don't", "dont"),
        ("東京。", "東京。"),  # only ASCII punctuation goes
    ],
)
def test_normalising_drops_case_punctuation_and_articles(answer: str, plain: str) -> None:
    assert normalised(answer) == plain


@pytest.mark.parametrize(
    ("answer", "accepted", "exact", "f1"),
    [
        ("old Rome", ["Rome"], 0, 2 / 3),
        ("the Rome", ["rome."], 1, 1),
        ("Oslo", ["Rome", "in Oslo"], 0, 2 / 3),
        ("Oslo", ["Rome", "Oslo"], 1, 1),
        ("a b b c", ["b b d"], 0, 4 / 6),  # "a" is an article: 2 shared of 3 and 3
        ("", ["Rome"], 0, 0),
        ("Rome", [], 0, 0),
        ("the", ["an"], 1, 0),  # both are empty: equal, and sharing no token
    ],
)
def test_exact_match_and_f1(answer: str, accepted: list[str], exact: float, f1: float) -> None:
    assert exact_match(answer, accepted) == exact
    assert token_f1(answer, accepted) == pytest.approx(f1)
