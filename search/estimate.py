"""What a plan will cost in computing: operations, and device-hours at a stated pace."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from search.costs import tokens
from search.halving import Halving
from search.plan import Plan
from search.simulator import SimulatedStore, simulate
from search.strategies.grid import Grid
from spaces import Space
from spaces.encoders import ENCODERS, Shape
from trainables.stages import ScoreStage, Stage, TrainSet, TrainStage
from trainables.store import Store

# Assumed of one GPU on small batches in bf16, where nothing was measured: about a sixth of an A100's peak.
USUAL_PACE = 50e12


@dataclass(frozen=True)
class Estimate:
    """Operations of all stages: if every trial did all its work, with sharing, and of those not in the store yet.

    `longest` are those of the longest chain of stages, the critical path: what no number of devices makes faster.
    `pace` is in operations a second and device; `measured` says how many stages of the plan it was measured on, 0
    where it is only `USUAL_PACE`.
    """

    alone: float
    shared: float
    left: float
    longest: float
    pace: float
    measured: int

    def hours(self, operations: float) -> float:
        """Device-hours of some operations."""
        return operations / self.pace / 3600


def hours_on(plan: Plan, space: Space, shape: Shape, store: Store, devices: int, pace: float) -> float:
    """Hours until all of a plan is done on so many devices of a pace (operations a second), without early stopping:
    played through as a grid."""
    played = simulate(
        plan,
        Halving(None),
        Grid(space),
        devices,
        seconds=lambda stage: _of_stage(stage, shape) / pace,
        dev=lambda trial, share: 0.0,
        store=SimulatedStore(store),
    )
    return played.seconds / 3600


def estimate(plan: Plan, shape: Shape, store: Store) -> Estimate:
    """The estimate for a plan. Early stopping, which lowers it, and scoring English dev are left out."""
    records = store.records(plan.stages)
    timed = {
        key: records[key]["seconds"]
        for key, stage in plan.stages.items()
        if isinstance(stage, TrainStage) and "seconds" in records.get(key, {})
    }
    seconds = sum(timed.values())
    pace = _operations((plan.stages[key] for key in timed), shape) / seconds if seconds else USUAL_PACE
    return Estimate(
        alone=sum(_operations(stages, shape) for stages in plan.chains.values()),
        shared=_operations(plan.stages.values(), shape),
        left=_operations((stage for key, stage in plan.stages.items() if key not in records), shape),
        longest=max((_operations(stages, shape) for stages in plan.chains.values()), default=0.0),
        pace=pace,
        measured=len(timed),
    )


def shape_of(model: str, folder: Path | None) -> Shape | None:
    """An encoder's shape from its folder, else from the list of known ones; None for one that neither knows."""
    if folder is None:
        return ENCODERS.get(model)
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    try:
        return Shape(config["num_hidden_layers"], config["hidden_size"], config["intermediate_size"])
    except KeyError:
        return ENCODERS.get(model)


def _operations(stages: Iterable[Stage], shape: Shape) -> float:
    return sum(_of_stage(stage, shape) for stage in stages)


def _of_stage(stage: Stage, shape: Shape) -> float:
    if isinstance(stage, TrainStage):  # forward, and twice that backward
        return 3 * sum(one.examples * _of_example(one, shape) for one in stage.sets)
    return _of_example(stage, shape) * stage.texts


def _of_example(of: TrainSet | ScoreStage, shape: Shape) -> float:
    return tokens(of) * shape.flop_per_token(tokens(of))
