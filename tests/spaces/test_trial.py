import pytest

from spaces.trial import Trial


@pytest.mark.parametrize(
    ("trial", "name"),
    [
        (Trial("xquad", "mnli>squad_v1", 0.001, 0.001, 0), "xquad/mnli>squad_v1/lr=0.001/seed=0"),
        (Trial("xnli", "none", 1e-5, 1e-5, 12), "xnli/none/lr=1e-05/seed=12"),
        (Trial("xnli", "mnli", 3e-5, 1e-4, 1), "xnli/mnli/lr=0.0001>3e-05/seed=1"),
    ],
)
def test_the_id_says_target_recipe_rates_and_seed(trial: Trial, name: str) -> None:
    assert trial.id == name


def test_the_steps_are_the_parsed_recipe() -> None:
    assert Trial("xnli", "qqp>mnli+snli", 1e-5, 1e-5, 0).steps.steps == (("qqp",), ("mnli", "snli"))
