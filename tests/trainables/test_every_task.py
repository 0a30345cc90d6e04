"""Every task of the catalogue loads, encodes, trains two steps, predicts and scores: new tasks are picked up here."""

import os
from pathlib import Path

import pytest

from spaces import TASKS, Role, Task
from spaces.training import Training
from trainables.examples import Data
from trainables.sources import ccgbank
from trainables.sources.mirror import MirrorSource
from trainables.sources.world import WorldSource
from trainables.stages import ScoreStage, TrainSet, TrainStage, set_to_score, texts_to_read
from trainables.store import Store
from trainables.trial_run import run_trial
from trainables.workbench import Workbench

ROWS = 8
SETTINGS = Training(
    examples=ROWS, dev_examples=ROWS, epochs=1, batch_size=4, max_length=64, stride=16, evaluations=1
)  # two batches and more, as long texts make several rows


def run_two_steps(task: Task, data: Data, model: Path, folder: Path) -> None:
    bench = Workbench(Store(folder / "store"), data, model, folder / "cache")
    stages: list[TrainStage | ScoreStage] = []
    parent = bench.model_digest
    if task.trains:
        train, dev = data.examples(task, "train", "en", ROWS), data.examples(task, "dev", "en", ROWS)
        role = Role.TARGET if Role.TARGET in task.roles else Role.INTERMEDIATE
        train_set = TrainSet(task.name, train.digest, dev.digest, train.labels, len(train), SETTINGS)
        stage = TrainStage(parent, role, (train_set,), 1e-3, 0)
        stages.append(stage)
        parent = stage.key
    if Role.TARGET in task.roles:
        language = data.languages(task)[-1]
        tests = (set_to_score(task, language, ROWS, data),)
        texts = texts_to_read(task, language, ROWS, data)
        stages.append(ScoreStage(parent, task.name, tests, SETTINGS, ROWS, None, texts))
    events = [event.as_dict() for event in run_trial(stages, bench)]
    assert events[-1]["kind"] == "finished", events[-1]
    if task.trains:
        assert next(event for event in events if event["kind"] == "evaluated")["steps"] >= 2
    if Role.TARGET in task.roles:
        record = bench.store.record(stages[-1].key)
        assert record is not None
        ((scored, scores),) = record["languages"].items()
        assert scored == language and scores["examples"] == ROWS and 0 <= scores["value"] <= 100


@pytest.mark.parametrize("name", TASKS)
def test_from_the_world(name: str, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from trainables.sources import world

    monkeypatch.setattr(world, "SIZES", {"train": 40, "dev": 40, "test": 40})
    run_two_steps(TASKS[name], Data(WorldSource()), tiny_model, tmp_path)


@pytest.mark.parametrize("name", [task.name for task in TASKS.values() if not task.in_world_only])
def test_from_the_shared_mirror(name: str, shared: Path, tiny_model: Path, tmp_path: Path) -> None:
    if name == "ccg" and not os.environ.get(ccgbank.VARIABLE):
        pytest.skip(f"CCGbank is licensed; set {ccgbank.VARIABLE} to your copy to test on it")
    instead = {"mlqa": "validation", "bucc2018": "validation"}  # the mirror has no test sets of theirs
    data = Data(MirrorSource(shared / "data"), instead)
    run_two_steps(TASKS[name], data, tiny_model, tmp_path)


def test_a_tasks_own_languages_only_are_scored(shared: Path) -> None:
    there = MirrorSource(shared / "data").languages(TASKS["tydiqa"])
    assert there == ("en", "ko", "sw")  # the other languages' answers are blank there
