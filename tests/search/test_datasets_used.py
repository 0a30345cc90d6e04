import json
from typing import Any

from search.datasets_used import datasets_used
from spaces import load_space
from spaces.trial import Trial
from trainables.examples import Data
from trainables.published import PublishedData
from trainables.sources import open_source
from trainables.stages import Stage, chain

TRIAL = Trial("xnli", "mnli", 0.001, 0.001, 0)


def stages(data: Any, **changes: Any) -> list[Stage]:
    return chain(TRIAL, load_space("quickstart", recipes=["none", "mnli"], **changes), data, "model")


def test_a_trial_stands_on_its_training_dev_and_test_sets() -> None:
    data = Data(open_source("world", None))
    found = {one.name: one for one in datasets_used(stages(data), "world", data)}
    assert list(found) == ["mnli train", "mnli dev", "xnli train", "xnli dev", "xnli test"]
    assert (found["mnli train"].rows, found["xnli train"].rows) == (12_000, 2_500)
    assert [one.context for one in found.values()] == ["train", "dev", "train", "dev", "test"]
    assert "embedded world" in found["xnli test"].source
    assert all(len(one.digest) == 36 for one in found.values())
    fewer = datasets_used(stages(data, evaluation={"test_examples": 5}), "world", data)
    assert fewer[-1].digest != found["xnli test"].digest and fewer[0].digest == found["mnli train"].digest


def test_data_of_the_hub_are_named_as_datasets_loads_them() -> None:
    data = PublishedData()
    (first, *_) = datasets_used(stages(data, source="hub", model="tiny", training={}), "hub", data)
    assert first.source_type == "hugging_face"
    assert json.loads(first.source) == {"path": "nyu-mll/glue", "config_name": "mnli", "split": "train"}
