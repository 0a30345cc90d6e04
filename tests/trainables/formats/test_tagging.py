from math import log

import pytest
import torch

from trainables.formats.base import IGNORED

LABELS = ("DET", "NOUN", "VERB")


def sentence(words: str, tags: str) -> dict[str, list]:
    return {"tokens": words.split(), "tags": [LABELS.index(tag) for tag in tags.split()]}


def encode(make_examples, make_form, rows, **settings):
    return make_form("udpos", LABELS, **settings).encode(make_examples("udpos", rows, LABELS)).to_pylist()


def test_a_tag_stands_on_the_first_sub_word(make_examples, make_form, tokenizer) -> None:
    (row,) = encode(make_examples, make_form, [sentence("the cat sees", "DET NOUN VERB")])
    tokens = tokenizer.convert_ids_to_tokens(row["input_ids"])
    assert tokens == ["<s>", "▁the", "▁", "c", "a", "t", "▁", "s", "e", "e", "s", "</s>"]
    assert row["starts"] == [1, 2, 6]
    assert row["tags"] == [0, 1, 2]


def test_other_sub_words_padding_and_specials_do_not_count(make_examples, make_form) -> None:
    rows = encode(make_examples, make_form, [sentence("the cat", "DET NOUN")])
    targets = make_form("udpos", LABELS).targets(rows, width=9)
    assert targets["classes"].tolist() == [[IGNORED, 0, 1, *[IGNORED] * 6]]


def test_the_loss_of_a_row_is_the_sum_over_its_words(make_examples, make_form) -> None:
    form = make_form("udpos", LABELS)
    table = form.encode(make_examples("udpos", [sentence("the cat", "DET NOUN"), {"tokens": [], "tags": []}], LABELS))
    rows = table.to_pylist()
    logits = torch.zeros(2, 9, 3)
    logits[0, 2, 1] = log(2)  # one class of three twice as likely as the others
    loss = form.loss(logits, form.targets(rows, width=9))
    assert loss.tolist() == pytest.approx([log(3) + log(2), 0])
    assert form.terms(table).tolist() == [2, 0]


def test_a_long_sentence_is_split_between_words_and_loses_none(make_examples, make_form, tokenizer) -> None:
    words = [f"word{number}" for number in range(30)]
    example = {"tokens": words, "tags": [number % 3 for number in range(30)]}
    rows = encode(make_examples, make_form, [example, sentence("the", "DET")], max_length=20)
    of_first = [row for row in rows if row["example"] == 0]
    # room for 18: three words of 6 tokens (word0 to word9), two words of 7
    assert [len(row["starts"]) for row in of_first] == [3, 3, 3] + [2] * 10 + [1]
    assert [tag for row in of_first for tag in row["tags"]] == example["tags"]
    assert all(len(row["input_ids"]) <= 20 for row in rows)
    assert all((row["input_ids"][0], row["input_ids"][-1]) == (0, 2) for row in rows)
    pieces = [tokenizer.convert_ids_to_tokens(row["input_ids"])[1:-1] for row in of_first]
    assert "".join(piece for row in pieces for piece in row) == "".join(f"▁{word}" for word in words)
    for row in of_first:
        assert all(tokenizer.convert_ids_to_tokens(row["input_ids"][start]) == "▁" for start in row["starts"])


def test_a_word_longer_than_a_window_keeps_its_tag(make_examples, make_form) -> None:
    rows = encode(make_examples, make_form, [sentence(f"the {'x' * 50} the", "DET NOUN DET")], max_length=16)
    assert [row["tags"] for row in rows] == [[0], [1], [0]]
    assert [len(row["input_ids"]) for row in rows] == [3, 16, 3]


def test_empty_words_and_lone_non_joiners_are_dropped_with_their_tags(make_examples, make_form) -> None:
    example = {"tokens": ["the", "", " ", "\u200c", "cat"], "tags": [0, 1, 1, 2, 1]}
    (row,) = encode(make_examples, make_form, [example])
    assert row["tags"] == [0, 1]
    scores = make_form("udpos", LABELS).score(make_examples("udpos", [example], LABELS), [["DET", "NOUN"]])
    assert scores.value == 100


def test_a_word_of_unknown_letters_still_has_a_token(make_examples, make_form) -> None:
    (row,) = encode(make_examples, make_form, [sentence("the 東 the", "DET NOUN DET")])
    assert len(row["starts"]) == len(set(row["starts"])) == 3


def test_a_sentence_without_words_is_kept_in_its_place(make_examples, make_form) -> None:
    examples = make_examples("udpos", [{"tokens": [""], "tags": [1]}, sentence("the", "DET")], LABELS)
    form = make_form("udpos", LABELS)
    rows = form.encode(examples).to_pylist()
    assert [row["example"] for row in rows] == [0, 1]
    assert form.merge(examples, [[[]], [[0]]]) == [[], ["DET"]]


def test_windows_are_joined_again(make_examples, make_form) -> None:
    rows = encode(make_examples, make_form, [sentence("the cat sees", "DET NOUN VERB")], max_length=16)
    form = make_form("udpos", LABELS)
    logits = torch.zeros(1, 12, 3)
    for place, tag in ((1, 2), (2, 0), (6, 1)):
        logits[0, place, tag] = 1
    assert form.decode(logits, rows) == [[2, 0, 1]]
    examples = make_examples("udpos", [sentence("the cat sees", "DET NOUN VERB")], LABELS)
    assert form.merge(examples, [[[2, 0], [1]]]) == [["VERB", "DET", "NOUN"]]


def test_the_score_is_chunk_f1_and_chance_the_commonest_tag(make_examples, make_form) -> None:
    examples = make_examples("udpos", [sentence("a b c d", "DET NOUN VERB NOUN"), sentence("a b", "NOUN VERB")], LABELS)
    scores = make_form("udpos", LABELS).score(examples, [["DET", "NOUN", "VERB", "VERB"], ["NOUN", "VERB"]])
    # chunks: 6 there, 5 found (VERB 2-3 is one), right: DET, NOUN, NOUN, VERB
    assert scores.metrics["precision"] == pytest.approx(80)
    assert scores.metrics["recall"] == pytest.approx(400 / 6)
    assert scores.value == scores.metrics["f1"] == pytest.approx(100 * 2 * 4 / 11)
    assert scores.metrics["word_accuracy"] == pytest.approx(500 / 6)
    # all NOUN: one chunk per sentence, none as long as a true one
    assert scores.chance == 0


def test_a_task_may_ask_for_accuracy(make_examples, make_form) -> None:
    examples = make_examples("udpos", [sentence("a b c d", "DET NOUN VERB NOUN")], LABELS)
    scores = make_form("udpos", LABELS, metric="accuracy").score(examples, [["DET", "NOUN", "VERB", "VERB"]])
    assert (scores.value, scores.chance) == (75, 50)


def test_a_tag_that_training_never_showed_counts_as_wrong(make_examples, make_form) -> None:
    unseen = {"tokens": ["a", "b"], "tags": [0, len(LABELS)]}
    examples = make_examples("udpos", [unseen], LABELS)
    scores = make_form("udpos", LABELS, metric="accuracy").score(examples, [["DET", "VERB"]])
    assert scores.value == 50
