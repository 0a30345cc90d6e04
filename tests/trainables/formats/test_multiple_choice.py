from math import log
from typing import Any

import pytest
import torch

ROWS = [
    {"context": "the cat", "question": "why", "choices": ["ab", "the", "abc d"], "label": "1"},
    {"context": "the", "question": "", "choices": ["a", "the the"], "label": "0"},
]


@pytest.fixture
def examples(make_examples) -> Any:
    rows = [row | {"label": int(row["label"])} for row in ROWS]
    return make_examples("hellaswag", rows)


def test_a_row_holds_every_choice_and_parts_again(make_form, examples, tokenizer) -> None:
    form = make_form("hellaswag", max_length=64)
    rows = form.encode(examples).to_pylist()
    assert [len(row["lengths"]) for row in rows] == [3, 2]
    texts = [tokenizer.decode(row["input_ids"]) for row in form.sequences(rows)]
    alone = [
        tokenizer.decode(tokenizer(row["context"], f"{row['question']} {choice}".strip())["input_ids"])
        for row in ROWS
        for choice in row["choices"]
    ]
    assert texts == alone


def test_no_sequence_is_longer_than_allowed(make_form, examples) -> None:
    form = make_form("hellaswag", max_length=16)
    assert max(length for row in form.encode(examples).to_pylist() for length in row["lengths"]) <= 16


def test_the_highest_choice_wins_and_missing_places_never_do(make_form, examples) -> None:
    form = make_form("hellaswag", max_length=64)
    rows = form.encode(examples).to_pylist()
    logits = torch.tensor([[-9.0], [-2.0], [-3.0], [-5.0], [-4.0]])
    parts = form.decode(logits, rows)
    assert parts == [[1, 2, 0], [1, 0, 2]]
    assert form.merge(examples, [[part] for part in parts]) == ["1", "1"]


def test_the_loss_is_a_softmax_over_an_examples_own_choices(make_form, examples) -> None:
    form = make_form("hellaswag", max_length=64)
    rows = form.encode(examples).to_pylist()
    logits = torch.tensor([[0.0], [0.0], [0.0], [0.0], [0.0]], requires_grad=True)
    loss = form.loss(logits, form.targets(rows, 9))
    assert loss.tolist() == pytest.approx([log(3), log(2)])
    loss.sum().backward()
    assert logits.grad is not None and logits.grad.isfinite().all()


def test_accuracy_and_the_commonest_place(make_form, examples) -> None:
    scores = make_form("hellaswag").score(examples, ["1", "1"])
    assert (scores.value, scores.chance, scores.metrics) == (50.0, 50.0, {"accuracy": 50.0})
