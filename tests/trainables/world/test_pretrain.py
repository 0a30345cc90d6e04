"""The world's encoder: made once, the same every time, and already likening translations."""

from pathlib import Path

import pytest
import torch
from transformers import AutoModel, AutoTokenizer

from trainables.digest import digest_of_folder
from trainables.model_files import find_model
from trainables.world import LANGUAGES, monolingual, pretrain
from trainables.world.tokenizer import build_tokenizer


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pretrain, "MASK_STEPS", 5)
    monkeypatch.setattr(pretrain, "SENTENCES", 100)


@pytest.mark.usefixtures("short")
def test_the_same_seed_gives_the_same_folder(tmp_path: Path) -> None:
    first, second, other = (
        digest_of_folder(pretrain.pretrain(tmp_path / name, seed), ("*",))
        for name, seed in (("a", 0), ("b", 0), ("c", 1))
    )
    assert first == second != other


@pytest.mark.usefixtures("short")
def test_it_is_made_once_and_progress_is_told(tmp_path: Path) -> None:
    told: list[tuple[str, int, int]] = []
    folder = find_model("world", tmp_path / "model", progress=lambda *progress: told.append(progress))
    assert told[-1][1:] == (5, 5)
    written = (folder / "model.safetensors").stat().st_mtime_ns
    assert find_model("world", tmp_path / "model") == folder
    assert (folder / "model.safetensors").stat().st_mtime_ns == written
    assert [path.name for path in tmp_path.iterdir()] == ["model"]  # no drafts are left


@pytest.mark.usefixtures("short")
def test_transformers_load_it_as_any_model(tmp_path: Path) -> None:
    folder = pretrain.pretrain(tmp_path / "model")
    tokens = AutoTokenizer.from_pretrained(folder)(["a b", "c"], padding=True, return_tensors="pt")
    assert AutoModel.from_pretrained(folder)(**tokens).last_hidden_state.shape[:2] == tokens["input_ids"].shape


@pytest.mark.usefixtures("short")
def test_the_callers_random_numbers_are_left_alone(tmp_path: Path) -> None:
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    pretrain.pretrain(tmp_path / "model")
    assert torch.equal(torch.rand(3), expected)


def test_the_tokenizer_loses_no_word() -> None:
    tokenizer = build_tokenizer()
    for code in LANGUAGES:
        texts = monolingual(code, 200)
        ids = tokenizer(texts)["input_ids"]
        assert tokenizer.unk_token_id not in {token for row in ids for token in row}
        assert [tokenizer.decode(row, skip_special_tokens=True) for row in ids] == texts
