from pathlib import Path

import torch
from torch import nn

from trainables.weights import copy_of, part, random_state, read_tensors, restore_random_state, to_bytes, under


def test_tensors_pass_through_a_file_unchanged(tmp_path: Path) -> None:
    tensors = {"a": torch.randn(3, 2), "b": torch.arange(4), "turned": torch.randn(2, 3).T}
    (tmp_path / "t.safetensors").write_bytes(to_bytes(tensors))
    read = read_tensors(tmp_path / "t.safetensors")
    assert read.keys() == tensors.keys()
    assert all(torch.equal(read[name], tensors[name]) for name in tensors)


def test_a_copy_is_safe_from_further_training() -> None:
    layer = nn.Linear(2, 2)
    before = layer.weight.detach().clone()
    copy = copy_of(layer)
    with torch.no_grad():
        layer.weight.add_(1)
    assert torch.equal(copy["weight"], before)


def test_parts_are_put_under_a_prefix_and_taken_out_again() -> None:
    one, two = torch.zeros(1), torch.ones(1)
    joined = under("model.", {"w": one}) | under("best.", {"w": two})
    assert sorted(joined) == ["best.w", "model.w"]
    assert part(joined, "best.") == {"w": two}


def test_a_restored_generator_draws_the_same_again() -> None:
    state = random_state(torch.device("cpu"))
    first = torch.rand(4)
    restore_random_state(state)
    assert torch.equal(torch.rand(4), first)
