"""The tasks that Stopover knows. Adding one is one declaration; docs/add-a-task.md shows it."""

from spaces.catalogue.intermediate import INTERMEDIATE_TASKS
from spaces.catalogue.targets import TARGET_TASKS
from spaces.errors import UserError, did_you_mean
from spaces.tasks import Role, Task

__all__ = ["TASKS", "task_named"]

TASKS: dict[str, Task] = {task.name: task for task in (*INTERMEDIATE_TASKS, *TARGET_TASKS)}


def task_named(name: str, role: Role) -> Task:
    """The task of a name that can play a role; raises `UserError` with the nearest known name."""
    fitting = [task.name for task in TASKS.values() if role in task.roles]
    if name not in TASKS:
        raise UserError(f"unknown {role} task '{name}': {did_you_mean(name, fitting)}")
    if role not in TASKS[name].roles:
        raise UserError(f"'{name}' is not a {role} task: {did_you_mean(name, fitting)}")
    return TASKS[name]
