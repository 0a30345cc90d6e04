"""The plan in the terminal: trials, stages, what is shared, and the examples that sharing saves."""

from collections import Counter

from rich.console import Group, RenderableType
from rich.text import Text

from search.estimate import Estimate, estimate, hours_on
from search.plan import Plan
from search.tables import table
from spaces import Space
from spaces.encoders import Shape
from trainables.stages import ScoreStage, TrainStage
from trainables.store import Store


def plan_report(
    sweep: str, plan: Plan, space: Space, store: Store, shape: Shape | None, devices: int
) -> RenderableType:
    """A table of the training stages by task and role, the sums, and what it will cost an encoder of a shape."""
    made = table(
        f"Plan of {sweep}",
        ("stage",),
        ("stages", "trials", "each", "in all", "done"),
        note="Trials: that need these stages. Each, in all: examples to train. Done: in the store.",
    )
    finished = store.records(plan.stages)
    trained = [stage for stage in plan.stages.values() if isinstance(stage, TrainStage)]
    scored = [stage for stage in plan.stages.values() if isinstance(stage, ScoreStage)]
    for (role, task), count in Counter((stage.role, stage.task) for stage in trained).items():
        stages = [stage for stage in trained if (stage.role, stage.task) == (role, task)]
        users = sum(plan.users[stage.key] for stage in stages)
        each = f"{stages[0].examples:,}"
        done = sum(stage.key in finished for stage in stages)
        cells = (str(count), str(users), each, f"{sum(stage.examples for stage in stages):,}", str(done))
        made.add_row(f"{task} ({role})", *cells)
    done = sum(stage.key in finished for stage in scored)
    users = sum(plan.users[stage.key] for stage in scored)
    made.add_row("scoring", str(len(scored)), str(users), "-", "-", str(done))
    sums = [*_sums(plan), *([Text(f"{what_is_drawn(space)}.")] if space.budget else [])]
    if shape is None:
        return Group(made, Text(), *sums, Text("No estimate: the encoder's shape is not known."))
    cost = estimate(plan, shape, store)
    sums.append(_cost(cost))
    if devices > 1:
        hours = _hours(hours_on(plan, space, shape, store, devices, cost.pace))
        sums.append(Text(f"On {devices} devices, without early stopping: about {hours}."))
    return Group(made, Text(), *sums)


def what_is_drawn(space: Space) -> str:
    """How much of the plan will be run, where that is not all of it."""
    if space.strategy == "grid":
        return f"The grid ends with the budget, {space.budget}"
    rates = ", at the middle of a range of learning rates" if space.endless else ""
    return (
        f"Strategy {space.strategy} draws trials until the budget, {space.budget}, is spent; "
        f"the plan has every combination once{rates}"
    )


def _sums(plan: Plan) -> list[Text]:
    alone, shared = plan.examples_alone, plan.examples_shared
    used = [key for key, users in plan.users.items() if users > 1]
    ratio = alone / shared if shared else 1.0
    return [
        Text(f"{len(plan.chains)} trials, {len(plan.stages)} stages, {len(used)} of them shared by several trials."),
        Text(
            f"Examples to train: {alone:,} if every trial did all its work, at most {shared:,} with sharing "
            f"({ratio:.2f} times less); early stopping lowers it further."
        ),
    ]


def _cost(cost: Estimate) -> Text:
    pace = f"{cost.pace / 1e12:.3g} TFLOP/s"
    where = (
        f"one device at the pace of the {cost.measured} stages trained here, {pace}"
        if cost.measured
        else f"one GPU at an assumed {pace}, a sixth of an A100's peak in bf16"
    )
    return Text(
        f"Computing, about: {_operations(cost.alone)} if every trial did all its work, {_operations(cost.shared)} with "
        f"sharing, {_operations(cost.left)} left. That is {_hours(cost.hours(cost.left))} of {where}. "
        f"The longest chain of stages takes {_hours(cost.hours(cost.longest))}, however many devices there are."
    )


def _operations(flop: float) -> str:
    return f"{flop / 1e18:.3g} EFLOP" if flop >= 1e17 else f"{flop / 1e15:.3g} PFLOP"


def _hours(hours: float) -> str:
    if hours < 1 / 60:
        return "under a minute"
    return f"{hours:.1f} hours" if hours >= 1 else f"{hours * 60:.0f} minutes"
