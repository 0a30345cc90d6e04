"""Recipes: what happens to the pretrained encoder before the target.

    recipe := "none" | step (">" step)*        sequential
    step   := task ("+" task)*                 trained together

Equal recipes have one spelling: no blanks, tasks trained together in alphabetical order.
"""

import re
from dataclasses import dataclass

from spaces.catalogue import task_named
from spaces.errors import UserError
from spaces.tasks import Role

NONE = "none"


@dataclass(frozen=True)
class Recipe:
    """A checked recipe: its canonical spelling and the tasks of each step, in order."""

    steps: tuple[tuple[str, ...], ...] = ()

    def __str__(self) -> str:
        return ">".join("+".join(step) for step in self.steps) or NONE

    @property
    def tasks(self) -> frozenset[str]:
        """The tasks of all steps."""
        return frozenset(task for step in self.steps for task in step)

    @property
    def is_none(self) -> bool:
        """Whether the target is trained straight from the pretrained encoder."""
        return not self.steps


def parse_recipe(text: str) -> Recipe:
    """Reads a recipe in any spelling; raises `UserError` that names the recipe and the fault."""
    squeezed = re.sub(r"\s+", "", text)
    if squeezed == NONE:
        return Recipe()
    return Recipe(tuple(_parse_step(step, text) for step in squeezed.split(">")))


def _parse_step(step: str, recipe: str) -> tuple[str, ...]:
    names = step.split("+")
    for name in names:
        _check_source(name, recipe)
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise UserError(f"recipe '{recipe}': '{repeated[0]}' stands twice in one step; name each task once")
    return tuple(sorted(names))


def _check_source(name: str, recipe: str) -> None:
    if not name:
        raise UserError(f"recipe '{recipe}': a task is missing beside '+' or '>'; write for example 'mnli>squad_v1'")
    if name == NONE:
        raise UserError(f"recipe '{recipe}': 'none' stands alone, it is no task to combine")
    if "@" in name or name == "mlm":
        raise UserError(
            f"recipe '{recipe}': languages (@) and 'mlm' cannot be trained yet; use English tasks with '>' or '+'"
        )
    try:
        task_named(name, Role.INTERMEDIATE)
    except UserError as error:
        raise UserError(f"recipe '{recipe}': {error}") from None
