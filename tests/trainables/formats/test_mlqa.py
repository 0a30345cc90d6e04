import pytest

from trainables.formats.mlqa import normaliser_of


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
