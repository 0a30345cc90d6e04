import pytest
import torch

from trainables.device import autocast, choose_device

no_gpu = pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")


@no_gpu
def test_without_a_gpu_a_trial_computes_on_one_thread() -> None:
    torch.set_num_threads(2)
    assert choose_device() == torch.device("cpu")
    assert torch.get_num_threads() == 1


def test_a_narrow_encoder_stays_in_float32_on_cpu() -> None:
    with autocast(torch.device("cpu"), hidden=64):
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype is torch.float32
