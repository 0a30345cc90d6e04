"""The plan: merged stages and the examples that merging saves, reckoned by hand."""

from pathlib import Path

from search.plan import make_plan
from tests.made_data import small_space
from trainables.examples import Data
from trainables.sources.mirror import MirrorSource

# In the made mirror an epoch of MNLI is 60 examples, of udpos 16, of SQuAD 24; both phases take two epochs.


def test_a_shared_intermediate_stage_counts_once(mirror: Path) -> None:
    space = small_space(recipes=["none", "mnli"], targets=["xnli", "udpos", "tatoeba"])
    plan = make_plan(space, Data(MirrorSource(mirror)), "model")
    # Alone: none: 120 + 32 + 0; mnli: 120 before each of 120, 32 and 0.
    assert plan.examples_alone == (120 + 32) + (3 * 120 + 120 + 32)
    assert plan.examples_shared == (120 + 32) + (120 + 120 + 32)
    # Stages: mnli, 2 x xnli, 2 x udpos, and 6 to score.
    assert len(plan.stages) == 11


def test_sequential_recipes_share_their_prefix(mirror: Path) -> None:
    space = small_space(recipes=["mnli", "mnli>squad_v1", "mnli>ud_xpos"], targets=["tatoeba"])
    plan = make_plan(space, Data(MirrorSource(mirror)), "model")
    first_stages = {stages[0].key for stages in plan.chains.values()}
    assert len(first_stages) == 1
    assert plan.users[first_stages.pop()] == 3


def test_none_before_retrieval_is_one_stage_whatever_the_rate_and_seed(mirror: Path) -> None:
    space = small_space(recipes=["none"], targets=["tatoeba"], learning_rates=[0.1, 0.01], seeds=[0, 1])
    plan = make_plan(space, Data(MirrorSource(mirror)), "model")
    assert (len(plan.chains), len(plan.stages)) == (4, 1)


def test_split_rates_share_the_intermediate_stage_between_target_rates(mirror: Path) -> None:
    space = small_space(
        recipes=["mnli"], targets=["udpos"], learning_rates=[0.1, 0.01], intermediate_learning_rates=[0.001]
    )
    plan = make_plan(space, Data(MirrorSource(mirror)), "model")
    assert plan.examples_shared == 120 + 2 * 32


def test_cost_leaves_out_what_is_free(mirror: Path) -> None:
    space = small_space(recipes=["mnli"], targets=["udpos"])
    plan = make_plan(space, Data(MirrorSource(mirror)), "model")
    (trial,) = plan.chains
    assert plan.cost(trial, free=[]) == 120 + 32
    assert plan.cost(trial, free=[plan.chains[trial][0].key]) == 32


def test_a_trial_outside_the_plan_has_a_cost_and_stays_outside(mirror: Path) -> None:
    space = small_space(recipes=["none", "mnli"], targets=["udpos"])
    whole = make_plan(space, Data(MirrorSource(mirror)), "model")
    none, mnli = whole.chains
    plan = whole.emptied()
    plan.add(none)
    assert plan.cost(mnli, free=[]) == 120 + 32
    assert list(plan.chains) == [none] and plan.examples_alone == 32
