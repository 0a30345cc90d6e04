from itertools import pairwise
from typing import Any

import pytest
import torch

LONG = " ".join(f"word{number}" for number in range(40))  # "word7" is 6 tokens, "word17" is 7


def qa(context: str, question: str, answer: str | None, at: int | None = None) -> dict[str, Any]:
    start = context.index(answer) if answer and at is None else at
    answers = {"text": [answer], "answer_start": [start]} if answer else {"text": [], "answer_start": []}
    return {"id": "q", "context": context, "question": question, "answers": answers}


def encode(make_examples, make_form, rows: list[dict[str, Any]], **settings: Any) -> list[dict[str, Any]]:
    return make_form("squad_v1", **settings).encode(make_examples("squad_v1", rows)).to_pylist()


def text_at(row: dict[str, Any], context: str) -> str:
    return context[row["left"][row["start"]] : row["right"][row["end"]]]


def test_a_short_context_is_one_window_and_its_gold_tokens_spell_the_answer(
    make_examples, make_form, tokenizer
) -> None:
    context = "the cat sees rome"
    (row,) = encode(make_examples, make_form, [qa(context, "the", "sees")])
    assert tokenizer.convert_ids_to_tokens(row["input_ids"])[:5] == ["<s>", "▁the", "</s>", "</s>", "▁the"]
    # context: ▁the 4, ▁cat 5 to 8, ▁ 9, s e e s 10 to 13
    assert (row["start"], row["end"]) == (10, 13)
    assert text_at(row, context) == "sees"
    assert row["left"][:4] == row["right"][:4] == [-1] * 4  # question and specials are no context
    assert row["left"][-1] == row["right"][-1] == -1


@pytest.mark.parametrize("answer", ["word0", "word17 word18", "word39", "ord2"])
def test_every_window_that_holds_the_answer_spells_it_and_the_others_point_at_the_first_token(
    make_examples, make_form, answer: str
) -> None:
    rows = encode(make_examples, make_form, [qa(LONG, "where", answer)], max_length=100)
    assert len(rows) > 2
    begin, end = LONG.index(answer), LONG.index(answer) + len(answer)
    for row in rows:
        inside = [place for place in range(len(row["left"])) if row["left"][place] != -1]
        holds = row["left"][inside[0]] <= begin and end <= row["right"][inside[-1]]
        assert text_at(row, LONG) == answer if holds else (row["start"], row["end"]) == (0, 0)
    assert any(row["start"] for row in rows)
    assert not all(row["start"] for row in rows)


def test_windows_cover_the_context_and_overlap_by_the_stride(make_examples, make_form) -> None:
    # 100 less the longest question (64) and 4 specials leaves 32, so that at most 16 tokens overlap
    for asked, overlap in ((10, 10), (128, 16)):
        rows = encode(make_examples, make_form, [qa(LONG, "where", "word0")], max_length=100, stride=asked)
        spans = [
            [pair for pair in zip(row["left"], row["right"], strict=True) if pair[0] != -1 and pair[0] < pair[1]]
            for row in rows
        ]
        letters = {place for window in spans for left, right in window for place in range(left, right)}
        assert letters == {place for place, letter in enumerate(LONG) if not letter.isspace()}
        context_ids = [
            [token for token, left in zip(row["input_ids"], row["left"], strict=True) if left != -1] for row in rows
        ]
        for before, after in pairwise(context_ids):
            assert before[-overlap:] == after[:overlap]
        total = 40 + len(LONG.replace(" ", ""))  # a blank mark per word and a token per letter
        assert sum(map(len, context_ids)) == total + overlap * (len(rows) - 1)
        assert all(len(row["input_ids"]) <= 100 for row in rows)


def test_windows_of_an_example_follow_one_another(make_examples, make_form) -> None:
    rows = encode(make_examples, make_form, [qa(LONG, "a", "word0"), qa("the cat", "b", "cat")], max_length=100)
    numbers = [row["example"] for row in rows]
    assert numbers == sorted(numbers)
    assert numbers.count(1) == 1


@pytest.mark.parametrize("max_length", [16, 20, 64, 100])
def test_a_long_question_is_cut_and_never_crowds_out_the_context(make_examples, make_form, max_length: int) -> None:
    question = " ".join(["whereabouts"] * 30)
    rows = encode(make_examples, make_form, [qa(LONG, question, "word39")], max_length=max_length)
    assert all(len(row["input_ids"]) <= max_length for row in rows)
    covered = {place for row in rows for left, right in zip(row["left"], row["right"]) for place in range(left, right)}
    assert covered >= {place for place, letter in enumerate(LONG) if not letter.isspace()}


def test_a_question_without_an_answer_points_at_the_first_token(make_examples, make_form) -> None:
    (row,) = encode(make_examples, make_form, [qa("the cat", "the", None)])
    assert (row["start"], row["end"]) == (0, 0)


def test_the_first_of_repeated_answers_is_taken_where_the_data_says(make_examples, make_form) -> None:
    context = "rome is rome"
    (row,) = encode(make_examples, make_form, [qa(context, "the", "rome", at=8)])
    assert row["left"][row["start"]] == 8


def hand_row(words: int) -> dict[str, Any]:
    """Special, question, special, then context words of three letters and a blank, special."""
    inner = range(words)
    return {"left": [-1, -1, -1, *(4 * i for i in inner), -1], "right": [-1, -1, -1, *(4 * i + 3 for i in inner), -1]}


def logits_for(row: dict[str, Any], starts: dict[int, float], ends: dict[int, float]) -> torch.Tensor:
    logits = torch.full((1, len(row["left"]), 2), -5.0)
    for place, value in starts.items():
        logits[0, place, 0] = value
    for place, value in ends.items():
        logits[0, place, 1] = value
    return logits


@pytest.mark.parametrize(
    ("starts", "ends", "expected"),
    [
        ({4: 3.0}, {5: 2.0}, (5.0, 4, 11)),
        ({4: 3.0}, {4: 2.0}, (5.0, 4, 7)),  # one word
        ({0: 99.0, 1: 99.0, 4: 3.0}, {0: 99.0, 5: 2.0}, (5.0, 4, 11)),  # nothing outside the context
        ({5: 9.0, 3: 1.0}, {4: 8.0}, (9.0, 0, 7)),  # an end before its start is no span: 1 + 8 beats 9 - 5
        ({5: 9.0}, {4: 8.0, 6: -1.0}, (8.0, 8, 15)),
    ],
)
def test_the_best_valid_span_is_taken(make_form, starts, ends, expected) -> None:
    row = hand_row(5)
    ((span, null),) = make_form("squad_v1").decode(logits_for(row, starts, ends), [row])
    assert span == expected
    assert null == starts.get(0, -5.0) + ends.get(0, -5.0)


def test_a_span_has_at_most_30_tokens(make_form) -> None:
    row = hand_row(40)
    form = make_form("squad_v1")
    ((span, _),) = form.decode(logits_for(row, {3: 5.0}, {32: 5.0}), [row])
    assert span == (10.0, 0, 29 * 4 + 3)
    (((score, _, _), _),) = form.decode(logits_for(row, {3: 5.0}, {33: 5.0}), [row])
    assert score == 0.0  # 31 tokens are too many: one of the two with a -5


def test_the_best_window_gives_the_answer(make_examples, make_form) -> None:
    examples = make_examples("squad_v1", [qa("the cat sees rome", "a", "rome"), qa("oslo", "b", "oslo")])
    spans = [[(1.0, 0, 3), (7.0, 13, 17), (2.0, 4, 7)], [(-3.0, 0, 4)]]
    parts = [[(span, 0.0) for span in windows] for windows in spans]
    assert make_form("squad_v1").merge(examples, parts) == ["rome", "oslo"]


def test_the_score_is_the_mean_of_exact_match_and_f1(make_examples, make_form) -> None:
    examples = make_examples(
        "squad_v1", [qa("The cat sees old Rome .", "a", "old Rome"), qa("Oslo is far", "b", "Oslo")]
    )
    scores = make_form("squad_v1").score(examples, ["rome", "the Oslo!"])
    # first: exact 0, F1 2 * 1 / (1 + 2) = 2/3; second: exact 1, F1 1
    assert scores.metrics == {"exact_match": 50, "f1": pytest.approx(100 * 5 / 6)}
    assert scores.value == pytest.approx(100 * (1 / 3 + 1) / 2)
    assert scores.examples == 2


def test_chance_is_a_random_span_the_same_each_time(make_examples, make_form) -> None:
    one_word = make_examples("squad_v1", [qa("Oslo", "a", "Oslo")])
    assert make_form("squad_v1").score(one_word, [""]).chance == 100  # there is only one span
    hopeless = make_examples("squad_v1", [qa("far away", "a", "Rome", at=0)])
    assert make_form("squad_v1").score(hopeless, ["Rome"]).chance == 0
    many = make_examples("squad_v1", [qa(LONG, "a", f"word{n}") for n in range(40)])
    first, again = (make_form("squad_v1").score(many, [""] * 40).chance for _ in range(2))
    assert first == again
    assert 0 < first < 30


def test_the_loss_looks_away_from_padding(make_form) -> None:
    form = make_form("squad_v1")
    batch = {
        "attention_mask": torch.tensor([[1, 1, 0], [1, 1, 0]]),
        "start": torch.tensor([0, 1]),
        "end": torch.tensor([1, 1]),
    }
    logits = torch.tensor([[[30.0, 0.0], [0.0, 30.0], [90.0, 90.0]]] * 2)
    assert form.loss(logits, batch).tolist() == pytest.approx([0, 15], abs=1e-6)  # half of a start that is 30 off
    assert form.targets([{"start": 3, "end": 5}], width=9)["end"].tolist() == [5]


def test_real_answers_survive_encoding(shared, make_form) -> None:
    from dataclasses import replace

    from spaces import TASKS
    from spaces.training import Training
    from trainables.encoder import load_tokenizer
    from trainables.examples import Data
    from trainables.formats.span_qa import SpanQA
    from trainables.formats.squad import normalised
    from trainables.sources.mirror import MirrorSource

    examples = Data(MirrorSource(shared / "data")).examples(TASKS["xquad"], "dev", "en", 150)
    form = SpanQA(TASKS["xquad"], (), Training(), load_tokenizer(shared / "models" / "mini-xlmr"))
    contexts = examples.table["context"].to_pylist()
    wanted = [answers["text"][0] for answers in examples.table["answers"].to_pylist()]
    spelled: dict[int, str] = {}
    for row in form.encode(replace(examples)).to_pylist():
        if row["start"]:
            spelled[row["example"]] = text_at(row, contexts[row["example"]])
    same = [number for number, text in spelled.items() if normalised(text) == normalised(wanted[number])]
    assert len(spelled) == 150  # no answer is lost between windows
    assert len(same) > 140  # an answer may end within a piece, then the piece is the nearest there is
    assert all(wanted[number] in text for number, text in spelled.items())


def test_a_question_without_answer_is_right_when_left_unanswered(make_examples, make_form) -> None:
    rows = [
        {"id": "1", "context": "the cat sat", "question": "who", "answers": {"text": ["cat"], "answer_start": [4]}},
        {"id": "2", "context": "the cat sat", "question": "dog", "answers": {"text": [], "answer_start": []}},
    ]
    scores = make_form("squad_v2").score(make_examples("squad_v2", rows), ["cat", ""])
    assert (scores.value, scores.chance) == (100, 50)  # leaving all unanswered earns half
    assert make_form("squad_v2").score(make_examples("squad_v2", rows), ["", "sat"]).value == 0
    assert make_form("xquad").score(make_examples("xquad", rows), ["cat", ""]).value == 50


def test_no_answer_is_given_where_the_first_token_beats_every_span(make_examples, make_form) -> None:
    rows = [{"id": "1", "context": "the cat sat", "question": "who", "answers": {"text": ["cat"], "answer_start": [4]}}]
    examples = make_examples("squad_v2", rows)
    windows = [((3.0, 4, 7), 2.0), ((1.0, 0, 3), 2.5)]
    assert make_form("squad_v2").merge(examples, [windows]) == ["cat"]  # 3 beats the lowest null score, 2
    assert make_form("squad_v2").merge(examples, [[(span, null + 2) for span, null in windows]]) == [""]
    assert make_form("squad_v1").merge(examples, [[(span, null + 2) for span, null in windows]]) == ["cat"]
