"""Data that differ between machines are found out before they are trained on."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from spaces import UserError
from tests.made_data import small_space
from trainables.events import Failed
from trainables.planned_data import check_planned_data
from trainables.stages import Stage, chain
from trainables.trial_run import run_trial
from trainables.workbench import Workbench

SPACE = small_space(recipes=["mnli"], targets=["xnli"])
MNLI_TRAIN = "nyu-mll__glue/mnli/train.parquet"
MNLI_DEV = "nyu-mll__glue/mnli/validation_matched.parquet"
XNLI_DE_TEST = "facebook__xnli/de/test.parquet"


def chain_on(bench: Workbench) -> list[Stage]:
    return chain(SPACE.trials()[0], SPACE, bench.data, bench.model_digest)


def other_copy(mirror: Path, folder: Path, table: str) -> Path:
    """A mirror whose table lacks a row."""
    copy = shutil.copytree(mirror, folder)
    path = copy / table
    pq.write_table(pq.read_table(path).slice(1), path)
    return copy


def test_data_as_planned_pass(make_bench: Callable[..., Workbench]) -> None:
    bench = make_bench()
    for stage in chain_on(bench):
        check_planned_data(stage, bench.data)


@pytest.mark.parametrize(("table", "which"), [(MNLI_TRAIN, 0), (MNLI_DEV, 0), (XNLI_DE_TEST, 2)])
def test_another_copy_of_the_data_is_found_out(
    make_bench: Callable[..., Workbench], mirror: Path, tmp_path: Path, table: str, which: int
) -> None:
    stages = chain_on(make_bench())
    elsewhere = make_bench(mirror=other_copy(mirror, tmp_path / "copy", table))
    with pytest.raises(UserError, match=f"{Path(table).parent}.*holds other data"):
        check_planned_data(stages[which], elsewhere.data)


def test_a_trial_fails_on_another_copy_and_keeps_nothing(
    make_bench: Callable[..., Workbench], mirror: Path, tmp_path: Path
) -> None:
    stages = chain_on(make_bench())
    elsewhere = make_bench(mirror=other_copy(mirror, tmp_path / "copy", MNLI_TRAIN))
    (event,) = run_trial(stages, elsewhere)
    assert isinstance(event, Failed) and "holds other data" in event.reason
    assert elsewhere.store.record(stages[0].key) is None
