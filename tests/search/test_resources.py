import pytest

from search.resources import Resources, resources_of
from spaces import UserError


def test_a_device_is_a_gpu_where_there_is_one_and_else_a_core() -> None:
    assert resources_of(1, gpus=4, cores=8, workers=None) == Resources(cpus=1, gpus=1)
    assert resources_of(0.5, gpus=1, cores=8, workers=None) == Resources(cpus=1, gpus=0.5)
    assert resources_of(2, gpus=4, cores=8, workers=None) == Resources(cpus=1, gpus=2)
    assert resources_of(0.5, gpus=0, cores=8, workers=3) == Resources(cpus=0.5, gpus=0, workers=3)


@pytest.mark.parametrize(("gpus", "what"), [(2, "3 GPUs.*2 of one machine"), (0, "3 cores.*2 of one machine")])
def test_more_devices_than_a_machine_has_are_refused(gpus: int, what: str) -> None:
    with pytest.raises(UserError, match=f"devices_per_trial: .*{what}"):
        resources_of(3, gpus, cores=2, workers=None)
