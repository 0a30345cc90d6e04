import json
import shutil
import time
from pathlib import Path

import pytest

from spaces import UserError
from trainables.model_files import find_model, model_digest, tokenizer_digest


@pytest.fixture
def model(tiny_model: Path, tmp_path: Path) -> Path:
    """A copy of the tiny model that a test may damage."""
    return Path(shutil.copytree(tiny_model, tmp_path / "model"))


def test_a_folder_is_taken_as_it_is(model: Path, tmp_path: Path) -> None:
    assert find_model(str(model), tmp_path / "world") == model


@pytest.mark.parametrize(
    ("missing", "fault"),
    [
        ("config.json", "no config.json"),
        ("model.safetensors", r"no \*.safetensors"),
        ("tokenizer.json", "no tokenizer.json"),
    ],
)
def test_a_folder_that_lacks_a_file_is_refused_with_its_name(
    model: Path, tmp_path: Path, missing: str, fault: str
) -> None:
    (model / missing).unlink()
    with pytest.raises(UserError, match=fault) as caught:
        find_model(str(model), tmp_path / "world")
    assert str(model) in str(caught.value)


def test_pickled_weights_do_not_count(model: Path, tmp_path: Path) -> None:
    (model / "model.safetensors").rename(model / "pytorch_model.bin")
    with pytest.raises(UserError, match="as pickles"):
        find_model(str(model), tmp_path / "world")


@pytest.mark.parametrize("name", ["./nowhere", "/nowhere/at/all", "some/deep/folder"])
def test_a_folder_that_is_not_there_is_no_hub_id(name: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="does not exist; give --model FOLDER or set STOPOVER_MODEL"):
        find_model(name, tmp_path / "world")


def test_offline_a_hub_id_that_is_not_cached_is_told_within_seconds(tmp_path: Path) -> None:
    began = time.perf_counter()
    with pytest.raises(UserError, match="give --model FOLDER or set STOPOVER_MODEL") as caught:
        find_model("stopover/no-such-model", tmp_path / "world")
    assert time.perf_counter() - began < 10
    assert "\n" not in str(caught.value)


def test_a_made_world_is_not_made_again(model: Path) -> None:
    assert find_model("world", world_folder=model) == model


def test_the_model_digest_tells_configuration_weights_and_tokenizer(model: Path, tmp_path: Path) -> None:
    before = model_digest(model)
    assert model_digest(Path(shutil.copytree(model, tmp_path / "copy"))) == before
    (model / "README.md").write_text("notes")
    assert model_digest(model) == before
    for name in ("config.json", "tokenizer.json"):
        whole = (model / name).read_text()
        (model / name).write_text(json.dumps(json.loads(whole) | {"changed": True}))
        assert model_digest(model) != before
        (model / name).write_text(whole)
    weights = bytearray((model / "model.safetensors").read_bytes())
    weights[-1] ^= 1
    (model / "model.safetensors").write_bytes(bytes(weights))
    assert model_digest(model) != before


def test_the_tokenizer_digest_tells_the_tokenizer_alone(model: Path) -> None:
    before = tokenizer_digest(model)
    (model / "config.json").write_text("{}")
    assert tokenizer_digest(model) == before
    (model / "tokenizer.json").write_text("{}")
    assert tokenizer_digest(model) != before
