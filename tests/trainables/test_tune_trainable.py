import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import psutil
import pytest

from spaces.trial import Trial
from tests.conftest import REPOSITORY
from tests.made_data import small_space
from trainables.stages import as_plain, chain
from trainables.workbench import Workbench

MakeBench = Callable[..., Workbench]


def config(bench: Workbench, recipe: str, rate: float = 0.003) -> dict[str, Any]:
    stages = chain(Trial("tatoeba", recipe, rate, rate, 0), small_space(), bench.data, bench.model_digest)
    return {"stages": json.loads(json.dumps([as_plain(stage) for stage in stages]))}


@pytest.fixture
def trainable(make_bench: MakeBench, mirror: Path, tiny_model: Path) -> Any:
    """A trainable set up as Ray sets it up in a worker, without a cluster around it."""
    from trainables.tune_trainable import Job, TrialTrainable

    bench = make_bench()
    job = Job("mirror", mirror, {}, tiny_model, str(bench.store.root), bench.cache)
    made = TrialTrainable.__new__(TrialTrainable)
    made.setup(config(bench, "mnli"), job)
    yield made
    made.cleanup()


def steps(trainable: Any) -> list[dict[str, Any]]:
    results = [trainable.step()]
    while not results[-1]["done"]:
        results.append(trainable.step())
    return [result for result in results if result["event"]["kind"] != "progressed"]  # only a slow machine sends that


def test_every_step_is_one_event_and_the_last_is_done(trainable: Any) -> None:
    results = steps(trainable)
    assert [result["event"]["kind"] for result in results] == [
        *["evaluated"] * 4, "stage_done", "scored", "stage_done", "finished",
    ]  # fmt: skip
    assert [result["done"] for result in results] == [False] * 7 + [True]


def test_a_reused_worker_does_not_grow(trainable: Any) -> None:
    # Trials that train and score, each of another rate, so that none finds its stages in the store.
    process, resident = psutil.Process(), []
    for number in range(60):
        if number:
            assert trainable.reset_config(config(trainable.bench, "mnli", rate=0.001 + number / 1e6)) is True
        assert [result["event"]["kind"] for result in steps(trainable)][-1] == "finished"
        resident.append(process.memory_info().rss)
    warm, after_fifty = median(resident[8:12]), median(resident[56:60])
    assert after_fifty < 1.05 * warm


def test_a_reused_worker_gives_back_the_lease_of_the_trial_that_was_stopped(trainable: Any) -> None:
    stage = trainable.step()["event"]["stage"]
    with trainable.bench.store.lease(stage) as ours:
        assert not ours
    assert trainable.reset_config(config(trainable.bench, "none")) is True
    with trainable.bench.store.lease(stage) as ours:
        assert ours
    assert [result["event"]["kind"] for result in steps(trainable)] == ["scored", "stage_done", "finished"]


HANG = """
import time
from trainables.tune_trainable import TrialTrainable
made = TrialTrainable.__new__(TrialTrainable)
made._hang_seconds = 1.0
made._events = (time.sleep(60) for _ in range(1))
made.step()
"""


def test_a_process_that_hangs_is_ended_and_says_where_it_hung() -> None:
    began = time.monotonic()
    done = subprocess.run([sys.executable, "-c", HANG], cwd=REPOSITORY, capture_output=True, text=True, timeout=50)
    assert done.returncode == 1 and time.monotonic() - began < 45
    assert "Timeout (0:00:01)!" in done.stderr and "in step" in done.stderr
