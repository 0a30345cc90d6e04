from pathlib import Path

import pytest

from search.costs import Costs, work, work_of
from search.plan import make_plan
from spaces import TASKS
from tests.made_data import small_space
from trainables.examples import Data
from trainables.sources.mirror import MirrorSource
from trainables.stages import Stage


@pytest.fixture
def stages(mirror: Path) -> list[Stage]:
    space = small_space(recipes=["mnli"], targets=["xnli"])
    (found,) = make_plan(space, Data(MirrorSource(mirror)), "model").chains.values()
    return list(found)


def test_work_is_examples_times_length_three_times_in_training(stages: list[Stage]) -> None:
    _, target, score = stages
    length = min(TASKS["xnli"].tokens, target.settings.max_length)
    assert work(target) == 3 * 120 * length
    assert work(score) == 24 * length
    assert work_of([target, score]) == work(target) + work(score)


def test_nothing_is_known_before_a_stage_was_seen(stages: list[Stage]) -> None:
    assert Costs().seconds(stages[0]) == 0.0


def test_a_stage_goes_at_the_pace_of_its_kind_and_an_unseen_one_at_that_of_the_others(stages: list[Stage]) -> None:
    first, target, score = stages
    costs = Costs()
    costs.learn(first, 10.0)
    assert costs.seconds(first) == pytest.approx(10.0)
    assert costs.seconds(score) == pytest.approx(10.0 * work(score) / work(first))
    costs.learn(target, 40.0)
    costs.learn(target, 20.0)
    assert costs.seconds(target) == pytest.approx(30.0)
    assert costs.seconds(first) == pytest.approx(10.0)


def test_a_stage_from_the_store_that_says_no_time_teaches_nothing(stages: list[Stage]) -> None:
    costs = Costs()
    costs.learn(stages[0], 0.0)
    assert costs.seconds(stages[0]) == 0.0
