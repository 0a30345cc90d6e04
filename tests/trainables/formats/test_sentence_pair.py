from math import log

import pytest
import torch

ROWS = [
    {"text_a": "the cat", "text_b": "the", "label": 0},
    {"text_a": "the", "text_b": "the the", "label": 2},
    {"text_a": "the", "text_b": "the", "label": 2},
]


def test_both_texts_stand_in_one_sequence(make_examples, make_form, tokenizer) -> None:
    rows = make_form("mnli").encode(make_examples("mnli", ROWS)).to_pylist()
    assert tokenizer.convert_ids_to_tokens(rows[0]["input_ids"]) == [
        "<s>", "▁the", "▁", "c", "a", "t", "</s>", "</s>", "▁the", "</s>",
    ]  # fmt: skip
    assert [row["example"] for row in rows] == [0, 1, 2]
    assert [row["label"] for row in rows] == [0, 2, 2]


def test_the_longest_text_is_cut_first(make_examples, make_form, tokenizer) -> None:
    row = {"text_a": "abcdefghijklmnopqrst", "text_b": "the the", "label": 0}
    (encoded,) = make_form("mnli", max_length=16).encode(make_examples("mnli", [row])).to_pylist()
    tokens = tokenizer.convert_ids_to_tokens(encoded["input_ids"])
    assert len(tokens) == 16
    assert tokens[-3:] == ["▁the", "▁the", "</s>"]
    assert "".join(tokens[1:11]) == "▁abcdefghi"


def test_a_class_per_label_over_one_vector(make_form) -> None:
    assert (make_form("mnli").outputs, make_form("mnli").pools) == (3, True)
    assert make_form("qqp").outputs == 2


def test_predictions_are_the_names_of_the_likeliest_classes(make_examples, make_form) -> None:
    form, examples = make_form("mnli"), make_examples("mnli", ROWS)
    logits = torch.tensor([[1.0, 0, 0], [0, 1, 0], [0, 0, 1]])
    predictions = form.merge(examples, [[part] for part in form.decode(logits, ROWS)])
    assert predictions == ["entailment", "neutral", "contradiction"]


def test_accuracy_and_the_chance_of_the_commonest_class(make_examples, make_form) -> None:
    scores = make_form("mnli").score(make_examples("mnli", ROWS), ["entailment", "neutral", "contradiction"])
    assert scores.value == pytest.approx(200 / 3)
    assert scores.chance == pytest.approx(200 / 3)  # always "contradiction"
    assert (scores.examples, scores.metrics) == (3, {"accuracy": scores.value})


def test_the_loss_is_of_the_rows_classes(make_form) -> None:
    form = make_form("mnli")
    targets = form.targets(ROWS, width=10)
    assert targets["classes"].tolist() == [0, 2, 2]
    sure = torch.tensor([[50.0, 0, 0], [0, 0, 50], [0, 0, 50]])
    assert form.loss(sure, targets).tolist() == pytest.approx([0, 0, 0], abs=1e-6)
    assert form.loss(-sure, targets).tolist() == pytest.approx([50 + log(2)] * 3)  # e**0 twice over e**-50
