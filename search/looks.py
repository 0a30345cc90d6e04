"""How often a target's question was looked at: sweeps of the same recipes on it with other seeds.

Whoever adds seeds until a verdict comes has more chances of a false one; the verdict's error rate is divided between
the looks (`search.significance.error_rate_of_look`). It is the same question where model, target and settings are the
same and a recipe is: other recipes, targets or learning rates beside it make it no other.
"""

from collections.abc import Iterator
from pathlib import Path

import yaml
from pydantic import ValidationError

from search.evidence import FEWEST_SEEDS
from search.findings import Look
from search.home import Home
from search.results import RESULTS_FILE, Results
from spaces import Role, Space, UserError
from spaces.recipes import NONE, parse_recipe
from spaces.training import Training

_Arm = tuple[str, tuple[tuple[str, Training], ...]]  # a recipe, and how its tasks and the target train


def looks_of(sweep: str, space: Space, home: Home) -> dict[str, Look]:
    """By target which look a sweep is, as this home knows it: it comes after all finished sweeps of its question.

    Sweeps of too few seeds for a verdict are no looks. A sweep that is run again keeps its number, and one of the same
    seeds under another name is the same look.
    """
    try:
        return dict(Results.load(home.sweeps / sweep).looks)
    except UserError:  # it is new, or of another version
        others = [other for other in _finished(home, sweep) if _of_one_model(other, space)]
        return {target: _look(target, space, others) for target in space.targets}


def _look(target: str, space: Space, others: list[Space]) -> Look:
    arms = _arms(space, target)
    before = [other for other in others if target in other.targets and arms & _arms(other, target)]
    enough = (frozenset(other.seeds) for other in before if len(set(other.seeds)) >= FEWEST_SEEDS)  # for a verdict
    seeds = set(enough) - {frozenset(space.seeds)}
    compared = max((len(_arms(other, target)) for other in before), default=0)
    return Look(1 + len(seeds), compared)


def _arms(space: Space, target: str) -> set[_Arm]:
    own = (target, space.training.of(target, Role.TARGET))
    recipes = (parse_recipe(recipe) for recipe in space.recipes if recipe != NONE)
    return {
        (str(recipe), (own, *((task, space.training.of(task, Role.INTERMEDIATE)) for task in sorted(recipe.tasks))))
        for recipe in recipes
    }


def _of_one_model(one: Space, other: Space) -> bool:
    return (Path(one.model).name, one.source) == (Path(other.model).name, other.source)


def _finished(home: Home, sweep: str) -> Iterator[Space]:
    """The spaces of the home's other sweeps that have results."""
    for path in sorted(home.sweeps.glob(f"*/{RESULTS_FILE}")):
        if path.parent.name != sweep:
            try:
                yield Space.model_validate(yaml.safe_load((path.parent / "space.yaml").read_text(encoding="utf-8")))
            except (OSError, ValueError, yaml.YAMLError, ValidationError, UserError):
                continue  # damaged, or of another version
