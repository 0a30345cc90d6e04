import json
from pathlib import Path

import pytest

from trainables.formats.mlqa import normaliser_of
from trainables.formats.squad import exact_match, token_f1


@pytest.mark.parametrize(
    ("language", "answer", "plain"),
    [
        ("en", "The Cat!", "cat"),
        ("de", "Der Hund, einer", "hund"),
        ("es", "¿Las casas?", "casas"),  # not ASCII's punctuation alone
        ("vi", "những con mèo", "con mèo"),
        ("hi", "the घर", "the घर"),
        ("zh", "北京 2008年", "北 京 2008 年"),
        ("zh", "《红楼梦》", "红 楼 梦"),
        ("sw", "the nyumba", "the nyumba"),
    ],
)
def test_each_language_loses_its_own_articles(language: str, answer: str, plain: str) -> None:
    assert normaliser_of(language)(answer) == plain


def test_mlqas_answers_are_compared_in_their_language_and_english_dev_as_squads(make_examples, make_form) -> None:
    from dataclasses import replace

    rows = [{"id": "1", "context": "der Hund", "question": "wer", "answers": {"text": ["Hund"], "answer_start": [4]}}]
    examples = replace(make_examples("mlqa", rows), language="de")
    form = make_form("mlqa")
    assert form.score(examples, ["der Hund"]).value == 100
    assert form.score(replace(examples, split="dev"), ["der Hund"]).value < 100
    assert make_form("xquad").score(examples, ["der Hund"]).value < 100


@pytest.mark.parametrize(
    ("task", "languages", "exact", "f1"),
    [
        ("mlqa", 7, 57.142857142857146, 81.76870748299321),
        ("tydiqa", 9, 88.88888888888889, 97.22222222222223),
    ],
)
def test_xtremes_mock_answers_give_xtremes_figures(
    shared: Path, task: str, languages: int, exact: float, f1: float
) -> None:
    from trainables.formats.squad import normalised

    mock = shared / "xtreme_mock"
    values = []
    for path in sorted((mock / "labels" / task).glob("*.json")):
        language = path.stem.split("-")[1]
        articles = json.loads(path.read_text(encoding="utf-8"))["data"]
        answers = json.loads((mock / "predictions" / task / path.name).read_text(encoding="utf-8"))
        questions = [qa for article in articles for paragraph in article["paragraphs"] for qa in paragraph["qas"]]
        normalise = normaliser_of(language) if task == "mlqa" else normalised
        pairs = [(answers.get(qa["id"], ""), [one["text"] for one in qa["answers"]], normalise) for qa in questions]
        values.append([100 * sum(compare(*pair) for pair in pairs) / len(pairs) for compare in (exact_match, token_f1)])
    assert len(values) == languages
    assert sum(value for value, _ in values) / languages == pytest.approx(exact, rel=1e-12)
    assert sum(value for _, value in values) / languages == pytest.approx(f1, rel=1e-12)
