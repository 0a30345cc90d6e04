from pathlib import Path

import pytest
import torch
from torch import nn

from trainables.weights import (
    copy_of,
    in_order,
    numbered,
    part,
    random_state,
    read_tensors,
    restore_random_state,
    to_bytes,
    under,
)


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


def test_tensors_in_a_row_stay_in_their_row_through_a_file(tmp_path: Path) -> None:
    # Twelve, since files and dictionaries may put "10" before "2".
    states = [torch.full((3,), number, dtype=torch.uint8) for number in range(12)]
    (tmp_path / "t.safetensors").write_bytes(to_bytes({"cpu": torch.zeros(1)} | numbered("cuda.", states)))
    read = read_tensors(tmp_path / "t.safetensors")
    assert [tensor.tolist() for tensor in in_order("cuda.", read)] == [[number] * 3 for number in range(12)]
    assert in_order("cuda.", {"cpu": torch.zeros(1)}) == []


def test_a_state_saved_on_more_gpus_than_there_are_is_restored_as_far_as_it_goes() -> None:
    state = random_state(torch.device("cpu"))
    first = torch.rand(4)
    there = [torch.cuda.get_rng_state(number) for number in range(torch.cuda.device_count())]
    restore_random_state(state | numbered("cuda.", [*there, torch.get_rng_state()]))
    assert torch.equal(torch.rand(4), first)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_every_gpus_generator_draws_the_same_again() -> None:
    devices = [torch.device("cuda", number) for number in range(torch.cuda.device_count())]
    state = random_state(devices[0])
    first = [torch.rand(4, device=device) for device in devices]
    restore_random_state(state)
    assert all(torch.equal(torch.rand(4, device=device), drawn) for device, drawn in zip(devices, first, strict=True))


def test_a_restored_generator_draws_the_same_again() -> None:
    state = random_state(torch.device("cpu"))
    first = torch.rand(4)
    restore_random_state(state)
    assert torch.equal(torch.rand(4), first)
