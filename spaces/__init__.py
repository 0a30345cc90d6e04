"""What can be combined: tasks, languages, recipes and spaces, as plain checked data."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from spaces.catalogue import TASKS, task_named
from spaces.errors import UserError
from spaces.languages import LANGUAGES, Language, language_named
from spaces.recipes import Recipe, parse_recipe
from spaces.tasks import Format, Role, Table, Task
from spaces.training import Training

if TYPE_CHECKING:
    from spaces.space import Space, library_names, load_space
else:

    def __getattr__(name: str) -> Any:
        # Only reading spaces needs pydantic: what a trial does runs without.
        if name in {"Space", "library_names", "load_space"}:
            return getattr(import_module("spaces.space"), name)
        raise AttributeError(f"module 'spaces' has no attribute '{name}'")


__all__ = [
    "LANGUAGES",
    "TASKS",
    "Format",
    "Language",
    "Recipe",
    "Role",
    "Space",
    "Table",
    "Task",
    "Training",
    "UserError",
    "language_named",
    "library_names",
    "load_space",
    "parse_recipe",
    "task_named",
]
