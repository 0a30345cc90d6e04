"""What can be combined: tasks, languages, recipes and spaces, as plain checked data."""

from spaces.catalogue import TASKS, task_named
from spaces.errors import UserError
from spaces.languages import LANGUAGES, Language, language_named
from spaces.recipes import Recipe, parse_recipe
from spaces.space import Space, library_names, load_space
from spaces.tasks import Format, Role, Table, Task

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
    "UserError",
    "language_named",
    "library_names",
    "load_space",
    "parse_recipe",
    "task_named",
]
