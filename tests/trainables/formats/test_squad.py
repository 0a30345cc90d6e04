import json

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


def test_xtremes_mock_xquad_gives_xtremes_figures(shared) -> None:
    mock = shared / "xtreme_mock"
    exact, f1 = [], []
    for path in sorted((mock / "labels" / "xquad").glob("*.json")):
        articles = json.loads(path.read_text())["data"]
        language = path.stem.split("-")[1]
        (predicted,) = (mock / "predictions" / "xquad").glob(f"*{language}.json")
        answers = json.loads(predicted.read_text())
        questions = [qa for article in articles for paragraph in article["paragraphs"] for qa in paragraph["qas"]]
        pairs = [(answers.get(qa["id"], ""), [answer["text"] for answer in qa["answers"]]) for qa in questions]
        exact.append(100 * sum(exact_match(*pair) for pair in pairs) / len(pairs))
        f1.append(100 * sum(token_f1(*pair) for pair in pairs) / len(pairs))
    assert len(exact) == 11
    assert sum(exact) / 11 == pytest.approx(77.27272727272727, rel=1e-12)
    assert sum(f1) / 11 == pytest.approx(79.9586776859504, rel=1e-12)
