import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from spaces import TASKS, Table, UserError
from tests.conftest import REPOSITORY
from tests.made_data import NLI, nli, write_split
from trainables.examples import Data
from trainables.sources.hub import HubSource


@pytest.fixture
def on_disk(tmp_path: Path):
    """MNLI with a dataset repository in a folder, which `datasets` reads as it reads the hub's."""
    write_split(tmp_path, "mnli", "train", nli(9), label=list(reversed(NLI)))
    (tmp_path / "README.md").write_text(
        "---\nconfigs:\n- config_name: mnli\n  data_files:\n  - split: train\n    path: mnli/train.parquet\n---\n"
    )
    table = Table(str(tmp_path), "mnli", "train", TASKS["mnli"].parts("train")[0].columns)
    return replace(TASKS["mnli"], tables={"train": table})


def test_rows_and_class_names_come_through_datasets(on_disk) -> None:
    examples = Data(HubSource()).examples(on_disk, "train")
    assert examples.table["text_b"].to_pylist()[:2] == ["yes yes yes yes the cat", "maybe maybe maybe maybe the cat"]
    assert examples.table["label"].to_pylist()[:4] == [2, 1, 0, 2]  # the dataset's own order is the reverse


def test_a_split_that_the_repository_lacks_is_named(on_disk) -> None:
    task = replace(on_disk, tables={"dev": replace(on_disk.parts("train")[0], split="validation")})
    with pytest.raises(UserError, match="validation"):
        HubSource().read(task, "dev", "en")


def test_offline_the_error_comes_at_once_and_names_the_mirror_option() -> None:
    began = time.perf_counter()
    with pytest.raises(UserError) as caught:
        HubSource().read(TASKS["xnli"], "test", "de")
    assert time.perf_counter() - began < 10
    message = str(caught.value)
    assert message.startswith("xnli: facebook/xnli (de, test) cannot be loaded")
    assert message.endswith("without internet give --mirror FOLDER or set STOPOVER_MIRROR")
    assert "\n" not in message


def test_every_language_of_a_task_is_on_the_hub() -> None:
    assert HubSource().languages(TASKS["pawsx"]) == TASKS["pawsx"].languages


ASK = """
from spaces import TASKS, UserError
from trainables.sources.hub import HubSource
try:
    HubSource().read(TASKS["xnli"], "test", "de")
except UserError as error:
    print(error)
"""


def test_an_unreachable_hub_is_given_up_within_seconds() -> None:
    environment = {name: value for name, value in os.environ.items() if name != "HF_HUB_OFFLINE"}
    environment["HF_ENDPOINT"] = "http://127.0.0.1:9"  # the discard port: nobody answers here
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", ASK], cwd=REPOSITORY, env=environment, capture_output=True, text=True, timeout=60
    )
    assert time.perf_counter() - began < 20
    assert "neither cached nor reachable" in done.stdout
    assert "--mirror FOLDER" in done.stdout
