"""What one update does to the weights: held, format by format, against sums of losses written out in plain torch."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import log
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import torch
from torch import Tensor

from spaces import Role
from spaces.training import Training
from tests.trainables.conftest import MakeForm
from trainables.encoder import FineTuned, load_encoder
from trainables.stages import TrainSet, TrainStage
from trainables.updates import Subject, Updates

CPU = torch.device("cpu")
TAGS = ("a", "b", "c")


def states_of(model: FineTuned, ids: Sequence[int]) -> Tensor:
    """The encoder's states of one sequence alone, with no padding: (tokens, hidden)."""
    return model.encoder(input_ids=torch.tensor([ids])).last_hidden_state[0]


def nll(logits: Tensor, right: int) -> Tensor:
    """Minus the log of a softmax's share."""
    return logits.logsumexp(0) - logits[right]


def loss_of_pair(model: FineTuned, head: int, row: dict[str, Any]) -> Tensor:
    return nll(model.heads[head](states_of(model, row["input_ids"])[:1])[0], row["label"])


def loss_of_choices(model: FineTuned, head: int, row: dict[str, Any]) -> Tensor:
    ends = np.cumsum(row["lengths"])
    texts = [row["input_ids"][end - length : end] for end, length in zip(ends, row["lengths"], strict=True)]
    return nll(torch.stack([model.heads[head](states_of(model, ids)[:1])[0, 0] for ids in texts]), row["label"])


def loss_of_span(model: FineTuned, head: int, row: dict[str, Any]) -> Tensor:
    logits = model.heads[head](states_of(model, row["input_ids"]))
    return (nll(logits[:, 0], row["start"]) + nll(logits[:, 1], row["end"])) / 2


def loss_of_words(model: FineTuned, head: int, row: dict[str, Any]) -> Tensor:
    """The sum over words, of which the training set below has 2 a row."""
    logits = model.heads[head](states_of(model, row["input_ids"]))
    words = [nll(logits[start], tag) for start, tag in zip(row["starts"], row["tags"], strict=True)]
    return sum(words, torch.zeros(())) / 2


@dataclass(frozen=True)
class Case:
    """A task, its whole training set (short rows first) and the loss of a row that the first head sees."""

    task: str
    labels: tuple[str, ...]
    rows: list[dict[str, Any]]
    loss: Callable[[FineTuned, int, dict[str, Any]], Tensor]


PAIRS = Case(
    "mnli",
    ("x", "y", "z"),
    [{"input_ids": [0, *[7] * n, 2, 2, 9, 2], "label": n % 3} for n in range(1, 8)],
    loss_of_pair,
)
CHOICES = Case(
    "hellaswag",
    ("0", "1", "2"),
    [
        {"input_ids": [0, 5, 2, 0, *[n + 4] * n, 2, 0, 8, 9, 2], "lengths": [3, n + 2, 4], "label": n % 3}
        for n in range(1, 8)
    ],
    loss_of_choices,
)
SPANS = Case(
    "squad_v1",
    (),
    [{"input_ids": [0, 4, 2, 2, *range(5, 5 + n), 2], "start": 4 if n > 2 else 0, "end": n + 1 if n > 2 else 0}
     for n in range(1, 8)],
    loss_of_span,
)  # fmt: skip
WORDS = Case(
    "udpos",
    TAGS,
    [{"input_ids": [0, 2], "starts": [], "tags": []}]
    + [
        {"input_ids": [0, *[6] * (2 * n), 2], "starts": list(range(1, 2 * n, 2)), "tags": [i % 3 for i in range(n)]}
        for n in (1, 1, 2, 2, 4, 4)
    ],  # 14 words in 7 rows
    loss_of_words,
)
CASES = [PAIRS, CHOICES, SPANS, WORDS]


@dataclass
class Bench:
    """Makes updates over hand-written rows, at rate 0, of a model in double precision that drops nothing."""

    make_form: MakeForm
    folder: Path

    def updates(self, cases: Sequence[Case], batches: list[Any], settings: Sequence[Training], parts: int) -> Updates:
        forms = [self.make_form(case.task, case.labels) for case in cases]
        sets = tuple(
            TrainSet(case.task, "train", "dev", case.labels, len(case.rows), how)
            for case, how in zip(cases, settings, strict=True)
        )
        torch.manual_seed(1)
        model = FineTuned(load_encoder(self.folder), [form.head for form in forms], 0.0).double().eval()
        course = Training(clip=1e9, warmup=0)
        stage = TrainStage("parent", Role.INTERMEDIATE, sets, 0.0, 0, course if len(sets) > 1 else None)
        tables = [pa.Table.from_pylist(case.rows) for case in cases]
        subjects = [Subject(form, rows, rows) for form, rows in zip(forms, tables, strict=True)]
        chosen = [(number, np.array(rows)) for number, rows in batches]
        return Updates(stage, model, subjects, chosen, CPU, parts)

    def one(self, case: Case, rows: Sequence[int], parts: int = 1, **settings: Any) -> Updates:
        return self.updates([case], [(0, rows)], [Training(clip=1e9, warmup=0, **settings)], parts)


@pytest.fixture
def bench(make_form: MakeForm, tiny_model: Path) -> Bench:
    return Bench(make_form, tiny_model)


def gradients(updates: Updates, step: int = 0) -> tuple[Tensor, int]:
    """What the optimizer is given at a step, as one vector, and in how many parts the batch went through."""
    seen: list[Tensor] = []
    passes: list[int] = []
    parameters = list(updates.model.parameters())
    updates.model.register_forward_hook(lambda *_: passes.append(1))
    updates.optimizer.register_step_pre_hook(
        lambda *_: seen.append(torch.cat([(p.grad if p.grad is not None else 0 * p).flatten() for p in parameters]))
    )
    updates.take(step)
    return seen[-1].clone(), len(passes)


def plain(updates: Updates, case: Case, rows: Sequence[int], over: int, head: int = 0) -> Tensor:
    """The gradient of the sum of the rows' losses over a number, row by row."""
    loss = sum((case.loss(updates.model, head, case.rows[row]) for row in rows), torch.zeros(())) / over
    parameters = list(updates.model.parameters())
    found = torch.autograd.grad(loss, parameters, allow_unused=True)
    return torch.cat([(torch.zeros_like(p) if g is None else g).flatten() for p, g in zip(parameters, found)])


def assert_equal(found: Tensor, expected: Tensor) -> None:
    assert expected.norm() > 0.01
    # The losses themselves are taken in single precision.
    assert (found - expected).norm() < 1e-6 * expected.norm()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.task)
@pytest.mark.parametrize(
    "how",
    [
        {},
        {"batch_tokens": 40},
        {"batch_tokens": 20},
        {"batch_tokens": 1},
        {"parts": 2},
        {"parts": 3},
        {"batch_tokens": 40, "parts": 2},
    ],
    ids=str,
)
def test_the_gradient_is_the_mean_over_the_batchs_rows_in_however_many_parts(
    bench: Bench, case: Case, how: dict[str, Any]
) -> None:
    rows = [0, 1, 3, 4, 5, 6]
    updates = bench.one(case, rows, batch_size=6, **how)
    expected = plain(updates, case, rows, over=6)
    found, passes = gradients(updates)
    assert_equal(found, expected)
    assert (passes > 1) == bool(how)


@pytest.mark.parametrize(("tokens", "passes"), [(48, 1), (47, 2), (24, 2), (23, 3), (12, 4), (1, 4)])
def test_so_many_parts_as_the_padded_tokens_ask_for(bench: Bench, tokens: int, passes: int) -> None:
    # rows of 6, 8, 10 and 12 tokens: 4 * 12 = 48, then 3 * 10 | 12 or 2 * 8 | 2 * 12, 2 * 8 | 10 | 12, and one by one
    assert [len(PAIRS.rows[row]["input_ids"]) for row in (0, 2, 4, 6)] == [6, 8, 10, 12]
    updates = bench.one(PAIRS, [0, 2, 4, 6], batch_size=4, batch_tokens=tokens)
    assert gradients(updates)[1] == passes


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.task)
def test_a_row_weighs_the_same_in_a_batch_that_is_not_full(bench: Bench, case: Case) -> None:
    # The last batch of an epoch: two rows where there could be six, each for a sixth.
    updates = bench.one(case, [2, 6], batch_size=6)
    expected = plain(updates, case, [2, 6], over=6)
    assert_equal(gradients(updates)[0], expected)


@pytest.mark.parametrize("step", [0, 1])
def test_a_row_weighs_the_same_in_any_task_that_is_trained_beside_it(bench: Bench, step: int) -> None:
    settings = [Training(batch_size=4), Training(batch_size=2)]
    batches = [(0, [0, 1, 2, 3]), (1, [5, 6])]
    updates = bench.updates([PAIRS, WORDS], batches, settings, parts=1)
    expected = plain(updates, (PAIRS, WORDS)[step], batches[step][1], over=4, head=step)
    assert_equal(gradients(updates, step)[0], expected)


def test_every_word_of_the_training_set_weighs_the_same(bench: Bench) -> None:
    # Three sentences of one, three and two words: two words a sentence. A head of zeros gives every class a third.
    sentences = [
        {"input_ids": [0, *[6] * len(tags), 2], "starts": list(range(1, len(tags) + 1)), "tags": tags}
        for tags in ([0], [1, 1, 2], [2, 2])
    ]
    case = Case("udpos", TAGS, sentences, loss_of_words)
    updates = bench.one(case, [0, 1], batch_size=2)
    head = updates.model.heads[0].out
    torch.nn.init.zeros_(head.weight)
    torch.nn.init.zeros_(head.bias)
    seen: list[list[float]] = []
    updates.optimizer.register_step_pre_hook(lambda *_: seen.append(head.bias.grad.tolist()))
    lost = updates.take(0).item()
    # A word pulls each class up by a third and its own down by one; four words, one "a", two "b", one "c", each for a
    # quarter: two rows of two words would be four words.
    assert seen[0] == pytest.approx([(4 / 3 - 1) / 4, (4 / 3 - 2) / 4, (4 / 3 - 1) / 4])
    assert updates.weight(0, 1) == 2  # four words where two rows have four
    assert lost / updates.weight(0, 1) == pytest.approx(log(3))  # the mean loss of a word


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.task)
def test_the_loss_that_is_told_is_the_mean_over_rows_or_words(bench: Bench, case: Case) -> None:
    updates = bench.updates([case], [(0, [6]), (0, [0, 2])], [Training(batch_size=2)], parts=1)
    rows = [case.rows[number] for number in (6, 0, 2)]
    with torch.no_grad():
        lost = sum(case.loss(updates.model, 0, row).item() for row in rows)
    counts = [len(row["tags"]) / 2 if case is WORDS else 1 for row in rows]
    told = sum(updates.take(step).item() for step in range(2)) / updates.weight(0, 2)
    assert told == pytest.approx(lost / sum(counts), rel=1e-6)
