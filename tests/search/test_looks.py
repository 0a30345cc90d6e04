"""Which look at a question a sweep is."""

from pathlib import Path

import pytest
import yaml

from search.home import Home
from search.looks import look_of
from search.results import Results
from spaces import Space


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def space(**more: object) -> Space:
    plain = {"name": "small", "source": "world", "model": "world", "recipes": ["none", "mnli"], "targets": ["xnli"],
             "learning_rates": [0.001]}  # fmt: skip
    return Space.model_validate(plain | more)


def finish(home: Home, sweep: str, of: Space, look: int) -> None:
    folder = home.sweeps / sweep
    Results(sweep, of.model_dump(mode="json"), [], {}, look=look).save(folder)
    text = yaml.safe_dump(of.model_dump(mode="json", exclude_defaults=True))
    (folder / "space.yaml").write_text(text, encoding="utf-8")


def test_the_first_sweep_of_a_question_is_the_first_look(home: Home) -> None:
    assert look_of("small-1", space(), home) == 1


def test_the_same_space_with_more_seeds_is_another_look(home: Home) -> None:
    finish(home, "small-1", space(seeds=[0, 1, 2]), look=1)
    assert look_of("small-2", space(seeds=[0, 1, 2, 3]), home) == 2
    assert look_of("small-2", space(seeds=[7, 8, 9], name="other"), home) == 2
    finish(home, "small-2", space(seeds=[0, 1, 2, 3]), look=2)
    assert look_of("small-3", space(seeds=[0, 1]), home) == 3


def test_a_sweep_that_is_run_again_keeps_its_number(home: Home) -> None:
    finish(home, "small-1", space(seeds=[0]), look=1)
    finish(home, "small-2", space(seeds=[0, 1]), look=2)
    assert look_of("small-1", space(seeds=[0]), home) == 1


def test_another_question_is_no_look_at_this_one(home: Home) -> None:
    finish(home, "small-1", space(targets=["xquad"]), look=1)
    finish(home, "small-2", space(learning_rates=[0.01]), look=1)
    assert look_of("small-3", space(), home) == 1


def test_a_sweep_that_never_finished_was_not_looked_at(home: Home) -> None:
    finish(home, "small-1", space(), look=1)
    (home.sweeps / "small-1" / "results.json").unlink()
    assert look_of("small-2", space(seeds=[5]), home) == 1


def test_a_damaged_space_beside_it_does_not_stop_a_sweep(home: Home) -> None:
    finish(home, "small-1", space(), look=1)
    (home.sweeps / "small-1" / "space.yaml").write_text("{", encoding="utf-8")
    assert look_of("small-2", space(seeds=[5]), home) == 1
