"""The estimate, reckoned by hand."""

from pathlib import Path

import pytest

from search.estimate import USUAL_PACE, estimate, hours_on, shape_of
from search.plan import make_plan
from spaces import TASKS
from spaces.encoders import ENCODERS, Shape
from tests.made_data import small_space
from trainables.examples import Data
from trainables.sources.mirror import MirrorSource
from trainables.store import Store


def test_operations_are_six_per_weight_and_token_and_attentions_own() -> None:
    shape = Shape(layers=1, hidden=10, feed_forward=40)
    assert shape.flop_per_token(0) == 2 * (4 * 100 + 2 * 10 * 40)
    assert shape.flop_per_token(5) - shape.flop_per_token(0) == 4 * 5 * 10


def test_training_costs_three_passes_and_scoring_one(tmp_path: Path, mirror: Path) -> None:
    space = small_space(recipes=["none"], targets=["xnli"])
    plan = make_plan(space, Data(MirrorSource(mirror)), "model")
    shape = Shape(2, 16, 64)
    tokens = TASKS["xnli"].tokens
    each = tokens * shape.flop_per_token(tokens)
    cost = estimate(plan, shape, Store(tmp_path))
    assert cost.shared == pytest.approx(each * (3 * 120 + 24))  # two epochs of 60 pairs; 12 in English, 12 in German
    assert cost.left == cost.shared
    assert (cost.pace, cost.measured) == (USUAL_PACE, 0)


def test_the_pace_is_that_of_the_stages_in_the_store(tmp_path: Path, mirror: Path) -> None:
    space = small_space(recipes=["mnli"], targets=["xnli"])
    plan = make_plan(space, Data(MirrorSource(mirror)), "model")
    (chain,) = plan.chains.values()
    store = Store(tmp_path)
    store.publish(chain[0].key, {"seconds": 10.0}, {})
    shape = Shape(2, 16, 64)
    cost = estimate(plan, shape, store)
    trained = 3 * 120 * TASKS["mnli"].tokens * shape.flop_per_token(TASKS["mnli"].tokens)
    assert cost.measured == 1
    assert cost.pace == pytest.approx(trained / 10)
    assert cost.left == pytest.approx(cost.shared - trained)
    assert cost.hours(trained) == pytest.approx(10 / 3600)


def test_the_shape_comes_from_the_folder_else_from_the_known_encoders(tiny_model: Path) -> None:
    assert shape_of("anything", tiny_model).hidden == 32  # type: ignore[union-attr]
    assert shape_of("FacebookAI/xlm-roberta-large", None) is ENCODERS["FacebookAI/xlm-roberta-large"]
    assert shape_of("nobody/knows", None) is None


def test_hours_on_many_devices_are_those_of_the_longest_chain(tmp_path: Path, mirror: Path) -> None:
    space = small_space(recipes=["none", "mnli"], targets=["xnli"])
    plan, shape, store = make_plan(space, Data(MirrorSource(mirror)), "model"), Shape(2, 16, 64), Store(tmp_path)
    cost = estimate(plan, shape, store)
    assert hours_on(plan, space, shape, store, 1, cost.pace) == pytest.approx(cost.hours(cost.left))
    first, after_mnli = (make_plan(small_space(recipes=[recipe], targets=["xnli"]), Data(MirrorSource(mirror)), "model")
                         for recipe in ("none", "mnli"))  # fmt: skip
    longest = estimate(after_mnli, shape, store)
    assert hours_on(plan, space, shape, store, 9, cost.pace) == pytest.approx(longest.hours(longest.left))
    assert estimate(first, shape, store).left < longest.left
