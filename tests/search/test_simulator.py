"""Simulated sweeps, reckoned by hand."""

from pathlib import Path

import pytest

from search.board import State
from search.halving import Halving
from search.plan import Plan, make_plan
from search.simulator import Simulated, simulate
from search.strategies import strategy_for
from spaces import Space
from spaces.trial import Trial
from tests.made_data import small_space
from trainables.examples import Data
from trainables.sources.mirror import MirrorSource
from trainables.stages import Stage, TrainStage


def ten_to_train(stage: Stage) -> float:
    return 10.0 if isinstance(stage, TrainStage) else 1.0


def by_rate(trial: Trial, share: float) -> float:
    return 100 * trial.learning_rate + share


def simulated(space: Space, mirror: Path, devices: int) -> tuple[Plan, Simulated]:
    plan = make_plan(space, Data(MirrorSource(mirror)), "model")
    result = simulate(plan, Halving(space.stopping), strategy_for(space), devices, ten_to_train, by_rate)
    return plan, result


SPACE = small_space(recipes=["none", "mnli"], targets=["xnli", "udpos", "tatoeba"], stopping=None)


def test_one_device_takes_the_sum_of_all_stages(mirror: Path) -> None:
    plan, result = simulated(SPACE, mirror, devices=1)
    # Five training stages (mnli; xnli and udpos after none and after mnli) and six to score.
    assert result.seconds == result.device_seconds == 56.0
    assert result.board.count(State.FINISHED) == len(plan.chains) == 6


def test_many_devices_take_the_longest_chain(mirror: Path) -> None:
    _, result = simulated(SPACE, mirror, devices=99)
    assert result.seconds == 21.0  # mnli, then a target, then its score
    assert result.device_seconds == 56.0


def test_followers_wait_without_a_device(mirror: Path) -> None:
    space = small_space(recipes=["mnli"], targets=["xnli", "udpos"], stopping=None)
    _, result = simulated(space, mirror, devices=2)
    assert result.seconds == 21.0
    assert result.device_seconds == 32.0  # the second device idles while mnli is trained


def test_weak_trials_are_stopped_at_their_rung(mirror: Path) -> None:
    stopping = {"rungs": [0.5], "reduction": 4, "keep": "best"}
    space = small_space(recipes=["none"], learning_rates=[0.04, 0.03, 0.02, 0.01], stopping=stopping)
    _, result = simulated(space, mirror, devices=4)
    assert result.board.count(State.FINISHED) == 1 and result.board.count(State.STOPPED) == 3
    assert result.device_seconds == 10.0 + 1.0 + 3 * 5.0


def test_a_stopped_trial_goes_on_from_where_it_was(mirror: Path) -> None:
    stopping = {"rungs": [0.5], "reduction": 2, "keep": "best"}
    space = small_space(recipes=["none"], learning_rates=[0.04, 0.03, 0.02, 0.01], stopping=stopping)
    _, result = simulated(space, mirror, devices=1)
    # One after the other: the second stops at first, and goes on once two worse ones are known.
    assert result.board.count(State.FINISHED) == 2
    assert result.device_seconds == 2 * 11.0 + 2 * 5.0


@pytest.mark.parametrize("devices", [1, 3, 64])
def test_whatever_the_number_of_devices_the_same_trials_may_be_chosen(mirror: Path, devices: int) -> None:
    rates = [n / 1000 for n in range(1, 20)]
    space = small_space(recipes=["none", "mnli"], targets=["xnli", "udpos"], learning_rates=rates)
    _, result = simulated(space, mirror, devices)
    chosen = {trial for trial in result.board.in_state(State.FINISHED) if result.board.halving.selectable(trial)}
    _, alone = simulated(space, mirror, 1)
    assert chosen == {one for one in alone.board.in_state(State.FINISHED) if alone.board.halving.selectable(one)}
