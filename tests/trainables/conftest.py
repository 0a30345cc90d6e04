"""What the tests of formats and training share: examples and formats made in one line."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from spaces import TASKS
from spaces.training import Training
from trainables.examples import Examples
from trainables.formats import FINE_TUNING, FineTuning

MakeExamples = Callable[..., Examples]
MakeForm = Callable[..., FineTuning]


@pytest.fixture(scope="session")
def tokenizer(tiny_model: Path) -> Any:
    """`<s>` 0, `<pad>` 1, `</s>` 2; `the` is one token, another word of n letters is n + 1."""
    from trainables.encoder import load_tokenizer

    return load_tokenizer(tiny_model)


@pytest.fixture
def make_examples() -> MakeExamples:
    def make(task: str, rows: Sequence[dict[str, Any]], labels: tuple[str, ...] | None = None) -> Examples:
        return Examples(TASKS[task], "en", pa.Table.from_pylist(list(rows)), labels or TASKS[task].labels, "digest")

    return make


@pytest.fixture
def make_form(tokenizer: Any) -> MakeForm:
    def make(task: str, labels: tuple[str, ...] | None = None, metric: str = "", **settings: Any) -> FineTuning:
        declared = TASKS[task] if not metric else replace(TASKS[task], metric=metric)
        form = FINE_TUNING[declared.format]
        return form(declared, labels or declared.labels, Training(**settings), tokenizer)

    return make
