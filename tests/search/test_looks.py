"""Which look at a question a sweep is."""

from pathlib import Path

import pytest
import yaml

from search.findings import Look
from search.home import Home
from search.looks import looks_of
from search.results import Results
from spaces import Space

FIRST = {"xnli": Look()}


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def space(**more: object) -> Space:
    plain = {"name": "small", "source": "world", "model": "world", "recipes": ["none", "mnli", "qqp"],
             "targets": ["xnli"], "learning_rates": [0.001], "seeds": [0, 1, 2]}  # fmt: skip
    return Space.model_validate(plain | more)


def finish(home: Home, sweep: str, of: Space, looks: dict[str, Look] | None = None) -> None:
    folder = home.sweeps / sweep
    Results(sweep, of.model_dump(mode="json"), [], {}, looks=looks or FIRST).save(folder)
    text = yaml.safe_dump(of.model_dump(mode="json", exclude_defaults=True))
    (folder / "space.yaml").write_text(text, encoding="utf-8")


def test_the_first_sweep_of_a_question_is_the_first_look(home: Home) -> None:
    assert looks_of("small-1", space(), home) == FIRST


def test_the_same_space_with_other_seeds_is_another_look(home: Home) -> None:
    finish(home, "small-1", space())
    assert looks_of("small-2", space(seeds=[0, 1, 2, 3]), home) == {"xnli": Look(2, 2)}
    assert looks_of("small-2", space(seeds=[7, 8, 9], name="other"), home) == {"xnli": Look(2, 2)}
    finish(home, "small-2", space(seeds=[0, 1, 2, 3]))
    assert looks_of("small-3", space(seeds=[0, 1]), home) == {"xnli": Look(3, 2)}


@pytest.mark.parametrize(
    "changes",
    [
        {"recipes": ["none", "mnli"]},
        {"recipes": ["qqp", "mnli", "none"]},
        {"recipes": ["none", "qqp", "squad_v1"]},
        {"targets": ["xquad", "xnli"]},
        {"learning_rates": [0.001, 0.01]},
        {"description": "again"},
    ],
    ids=str,
)
def test_a_question_stays_the_same_whatever_stands_beside_it(home: Home, changes: dict[str, object]) -> None:
    finish(home, "small-1", space())
    assert looks_of("small-2", space(seeds=[3, 4, 5], **changes), home)["xnli"] == Look(2, 2)


@pytest.mark.parametrize(
    "changes",
    [
        {"targets": ["xquad"]},
        {"recipes": ["none", "squad_v1"]},
        {"training": {"target": {"epochs": 9}}},
        {"training": {"intermediate": {"epochs": 9}}},
    ],
    ids=str,
)
def test_another_question_is_no_look_at_this_one(home: Home, changes: dict[str, object]) -> None:
    finish(home, "small-1", space(seeds=[3, 4, 5], **changes))
    assert looks_of("small-2", space(), home) == FIRST


def test_the_same_seeds_are_the_same_look_under_any_name(home: Home) -> None:
    finish(home, "small-1", space())
    assert looks_of("other-1", space(name="other", description="the same"), home) == {"xnli": Look(1, 2)}


def test_a_recipe_that_an_earlier_look_compared_still_counts(home: Home) -> None:
    finish(home, "small-1", space(recipes=["none", "mnli", "qqp", "snli", "squad_v1", "squad_v2"]))
    assert looks_of("small-2", space(recipes=["none", "mnli"], seeds=[5]), home) == {"xnli": Look(2, 5)}


def test_a_sweep_that_is_run_again_keeps_its_number(home: Home) -> None:
    finish(home, "small-1", space())
    finish(home, "small-2", space(seeds=[0, 1, 2, 3]), {"xnli": Look(2, 2)})
    assert looks_of("small-1", space(), home) == FIRST


def test_a_sweep_of_too_few_seeds_for_a_verdict_was_no_look(home: Home) -> None:
    finish(home, "small-1", space(seeds=[0]))
    finish(home, "small-2", space(seeds=[0, 1]))
    assert looks_of("small-3", space(), home) == {"xnli": Look(1, 2)}


def test_a_sweep_that_never_finished_was_not_looked_at(home: Home) -> None:
    finish(home, "small-1", space())
    (home.sweeps / "small-1" / "results.json").unlink()
    assert looks_of("small-2", space(seeds=[5]), home) == FIRST


@pytest.mark.parametrize("text", ["{", "[]", "name: 3", ""])
def test_a_damaged_space_beside_it_does_not_stop_a_sweep(home: Home, text: str) -> None:
    finish(home, "small-1", space())
    (home.sweeps / "small-1" / "space.yaml").write_text(text, encoding="utf-8")
    assert looks_of("small-2", space(seeds=[5]), home) == FIRST
