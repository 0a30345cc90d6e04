import numpy as np
import pyarrow as pa
import pytest
import torch

from trainables.batches import collate, lengths_of, rows_at, scoring_batches, together, training_batches

LENGTHS = np.random.default_rng(1).integers(3, 60, size=500)


def test_every_row_stands_once_in_an_epoch() -> None:
    rows = np.concatenate(training_batches(LENGTHS, 8, epochs=1, seed=0))
    assert sorted(rows) == list(range(500))


def test_every_row_stands_twice_in_two_epochs_that_are_shuffled_anew() -> None:
    batches = training_batches(LENGTHS, 8, epochs=2, seed=0)
    one = training_batches(LENGTHS, 8, epochs=1, seed=0)
    assert np.bincount(np.concatenate(batches)).tolist() == [2] * 500
    assert all((a == b).all() for a, b in zip(batches, one))  # a longer training begins as a shorter one does
    assert [batch.tolist() for batch in batches[len(one) :]] != [batch.tolist() for batch in one]


@pytest.mark.parametrize("batch_size", [8, 32, 7, 499, 500, 501])
def test_every_batch_of_an_epoch_but_one_holds_as_many_rows_as_it_should(batch_size: int) -> None:
    sizes = sorted(len(batch) for batch in training_batches(LENGTHS, batch_size, 1, 0))
    whole, left = divmod(500, batch_size)
    assert sizes == [left] * (left > 0) + [batch_size] * whole


def test_the_rows_of_a_batch_go_from_short_to_long() -> None:
    for batch in training_batches(LENGTHS, 8, 1, 0):
        assert LENGTHS[batch].tolist() == sorted(LENGTHS[batch])


@pytest.mark.parametrize(("batch_size", "batch_tokens"), [(8, 200), (32, 100), (4, 10_000)])
def test_a_batch_to_score_keeps_to_rows_and_padded_tokens(batch_size: int, batch_tokens: int) -> None:
    for batch in scoring_batches(LENGTHS, batch_size, batch_tokens):
        assert len(batch) <= batch_size
        assert len(batch) * LENGTHS[batch].max() <= batch_tokens


def test_a_row_longer_than_the_budget_is_a_batch_of_its_own() -> None:
    batches = scoring_batches(np.array([2, 50, 2, 60]), 10, 20)
    assert [batch.tolist() for batch in batches] == [[0, 2], [1], [3]]


def test_trainings_put_together_keep_their_own_order() -> None:
    trainings = [training_batches(LENGTHS, size, 1, 0) for size in (8, 4)]
    mixed = together(trainings, seed=0)
    for number, batches in enumerate(trainings):
        own = [chosen.tolist() for whose, chosen in mixed if whose == number]
        assert own == [batch.tolist() for batch in batches]
    whose = [number for number, _ in mixed]
    half = whose[: len(whose) // 2]
    share = len(trainings[1]) / len(whose)
    assert half.count(1) / len(half) == pytest.approx(share, abs=0.1)  # in proportion to size, all along


def test_a_row_of_any_training_is_as_likely_to_come_early() -> None:
    # 320 rows in batches of 32 and 320 in batches of 16: over many seeds either gives half of the rows of every tenth
    trainings = [training_batches(np.full(320, 5), size, 1, 0) for size in (32, 16)]
    orders = [together(trainings, seed) for seed in range(400)]
    for tenth in range(10):
        rows = np.zeros(2)
        for order in orders:
            for number, chosen in order[tenth * 3 : tenth * 3 + 3]:
                rows[number] += len(chosen)
        assert rows[0] / rows.sum() == pytest.approx(0.5, abs=0.04)


def test_a_training_put_together_with_none_stays_as_it_is() -> None:
    batches = training_batches(LENGTHS, 8, 1, 0)
    assert [chosen.tolist() for _, chosen in together([batches], seed=5)] == [batch.tolist() for batch in batches]


def test_scoring_goes_from_short_to_long() -> None:
    batches = scoring_batches(np.array([5, 1, 4, 2, 3]), batch_size=2, batch_tokens=100)
    assert [batch.tolist() for batch in batches] == [[1, 3], [4, 2], [0]]


def test_no_rows_make_no_batches() -> None:
    assert scoring_batches(np.array([], dtype=np.int64), 2, 100) == []


def test_batches_are_a_function_of_the_seed() -> None:
    first, again, other = ([batch.tolist() for batch in training_batches(LENGTHS, 8, 1, seed)] for seed in (3, 3, 4))
    assert first == again
    assert first != other


@pytest.mark.parametrize(("epochs", "batches"), [(1, 10), (0.5, 5), (1.3, 13), (0.01, 1), (3, 30)])
def test_a_fractional_epoch_is_that_share_of_its_batches(epochs: float, batches: int) -> None:
    assert len(training_batches(np.full(80, 5), 8, epochs, 0)) == batches


def test_rows_of_like_length_come_together() -> None:
    batches = training_batches(LENGTHS, 8, 1, 0)
    padding = sum(len(batch) * LENGTHS[batch].max() - LENGTHS[batch].sum() for batch in batches)
    at_random = sum(
        len(batch) * LENGTHS[batch].max() - LENGTHS[batch].sum() for batch in np.array_split(np.arange(500), 63)
    )
    assert padding < 0.1 * at_random


def test_collating_pads_ids_and_masks_the_padding() -> None:
    rows = [{"input_ids": [0, 5, 2]}, {"input_ids": [0, 2]}]
    batch = collate(rows, pad_token=1, device=torch.device("cpu"))
    assert batch["input_ids"].tolist() == [[0, 5, 2], [0, 2, 1]]
    assert batch["attention_mask"].tolist() == [[1, 1, 1], [1, 1, 0]]


def test_a_pad_token_inside_a_text_is_not_masked() -> None:
    batch = collate([{"input_ids": [0, 1, 2], "token_type_ids": [0, 0, 1]}], 1, torch.device("cpu"))
    assert batch["attention_mask"].tolist() == [[1, 1, 1]]
    assert batch["token_type_ids"].tolist() == [[0, 0, 1]]


def test_rows_are_taken_in_the_asked_order_whatever_chunks_they_are_in() -> None:
    whole = pa.table({"input_ids": [[1], [2, 3], [4, 5, 6]], "label": [7, 8, 9]})
    table = pa.concat_tables([whole.slice(0, 1), whole.slice(1)])
    assert lengths_of(table).tolist() == [1, 2, 3]
    assert rows_at(table, np.array([2, 0])) == [{"input_ids": [4, 5, 6], "label": 9}, {"input_ids": [1], "label": 7}]
