from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from trainables.weights import ENCODER_FILE, copy_of, to_bytes
from trainables.workbench import MissingParent, Workbench

MakeBench = Callable[..., Workbench]


def same(some: dict[str, Tensor], others: dict[str, Tensor]) -> bool:
    return some.keys() == others.keys() and all(torch.equal(some[name], others[name]) for name in some)


def publish_shifted(bench: Workbench) -> dict[str, Tensor]:
    """Puts a stage into the store that added one to every weight."""
    from trainables.encoder import load_encoder

    shifted = {name: tensor + 1 for name, tensor in copy_of(load_encoder(bench.model)).items()}
    bench.store.publish("ab" * 32, {}, {ENCODER_FILE: to_bytes(shifted)})
    return shifted


def test_the_encoder_is_as_pretraining_or_the_parent_left_it(make_bench: MakeBench) -> None:
    bench = make_bench()
    shifted = publish_shifted(bench)
    pretrained = copy_of(bench.encoder_after(bench.model_digest))
    assert not same(pretrained, shifted)
    assert same(copy_of(bench.encoder_after("ab" * 32)), shifted)
    assert same(copy_of(bench.encoder_after(bench.model_digest)), pretrained)


def test_pretraining_is_remembered_by_a_process_that_began_with_a_later_stage(make_bench: MakeBench) -> None:
    pretrained = copy_of(make_bench().encoder_after(make_bench().model_digest))
    bench = make_bench()
    publish_shifted(bench)
    bench.encoder_after("ab" * 32)
    assert same(copy_of(bench.encoder_after(bench.model_digest)), pretrained)


def test_there_is_one_encoder_per_process(make_bench: MakeBench) -> None:
    bench = make_bench()
    publish_shifted(bench)
    assert bench.encoder_after(bench.model_digest) is bench.encoder_after("ab" * 32)


def test_a_parent_that_is_not_in_the_store_is_told(make_bench: MakeBench) -> None:
    with pytest.raises(MissingParent):
        make_bench().encoder_after("cd" * 32)
