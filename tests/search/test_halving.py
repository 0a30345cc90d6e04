"""Successive halving within a target: who goes on, and that the order of arrival plays no part in the end."""

from itertools import permutations
from random import Random

import pytest

from search.halving import Halving
from spaces.space import Stopping
from spaces.trial import Trial


def trial(recipe: str, rate: float = 0.001, target: str = "xnli", seed: int = 0) -> Trial:
    return Trial(target, recipe, rate, rate, seed)


def halving(keep: str = "best", reduction: float = 2) -> Halving:
    return Halving(Stopping(rungs=[0.25, 0.5], reduction=reduction, keep=keep))


def test_without_stopping_every_trial_goes_on() -> None:
    free = Halving(None)
    free.record(trial("none"), 0.5, 1.0)
    assert free.goes_on(trial("none"))
    assert free.selectable(trial("none"))


def test_a_trial_that_reached_no_rung_goes_on() -> None:
    board = halving()
    board.record(trial("none"), 0.2, 1.0)
    assert board.rung_reached(trial("none")) is None
    assert board.goes_on(trial("none"))


def test_the_best_half_goes_on() -> None:
    board = halving()
    scores = {"none": 40.0, "mnli": 60.0, "snli": 50.0, "qqp": 30.0}
    for recipe, dev in scores.items():
        board.record(trial(recipe), 0.25, dev)
    assert {one.recipe for one in board.survivors("xnli", 0)} == {"mnli", "snli"}
    assert not board.goes_on(trial("none"))


def test_a_stopped_trial_goes_on_when_worse_ones_arrive() -> None:
    board = halving()
    board.record(trial("mnli"), 0.25, 60.0)
    board.record(trial("none"), 0.25, 40.0)
    assert not board.goes_on(trial("none"))
    board.record(trial("snli"), 0.25, 30.0)
    board.record(trial("qqp"), 0.25, 20.0)
    assert board.goes_on(trial("none"))


def test_only_trials_of_one_target_are_compared() -> None:
    board = halving()
    board.record(trial("none", target="xnli"), 0.25, 90.0)
    board.record(trial("none", target="udpos"), 0.25, 10.0)
    assert board.goes_on(trial("none", target="udpos"))


def test_keep_recipe_keeps_the_best_rate_of_each_recipe_and_seed() -> None:
    board = halving(keep="recipe", reduction=4)
    board.record(trial("mnli", 0.001), 0.25, 60.0)
    board.record(trial("mnli", 0.01), 0.25, 61.0)
    board.record(trial("none", 0.001), 0.25, 20.0)
    board.record(trial("none", 0.01), 0.25, 10.0)
    board.record(trial("none", 0.01, seed=1), 0.25, 5.0)
    assert board.survivors("xnli", 0) == {trial("mnli", 0.01), trial("none", 0.001), trial("none", 0.01, seed=1)}


def test_a_later_evaluation_stands_for_rungs_that_were_passed_without_one() -> None:
    board = halving()
    board.record(trial("none"), 0.6, 33.0)
    assert board.rung_reached(trial("none")) == 1
    board.record(trial("none"), 0.8, 99.0)  # the first result at a rung stays
    board.record(trial("mnli"), 0.5, 50.0)
    assert not board.goes_on(trial("none"))


def test_one_that_ran_on_too_early_is_no_survivor_of_later_rungs() -> None:
    board = halving()
    early = trial("none")
    board.record(early, 0.25, 10.0)
    assert board.goes_on(early)  # nobody else is known yet
    board.record(early, 0.5, 99.0)
    for recipe, dev in {"mnli": 60.0, "snli": 50.0}.items():
        board.record(trial(recipe), 0.25, dev)
    board.record(trial("mnli"), 0.5, 55.0)
    assert not board.selectable(early)
    assert board.survivors("xnli", 1) == {trial("mnli")}


def test_survivors_do_not_depend_on_the_order_of_arrival() -> None:
    devs = {"none": (40.0, 41.0), "mnli": (60.0, 50.0), "snli": (50.0, 70.0), "qqp": (40.0, 90.0)}
    points = [(trial(recipe), 0.25, first) for recipe, (first, _) in devs.items()]
    points += [(trial(recipe), 0.5, second) for recipe, (_, second) in devs.items()]
    outcomes = set()
    for order in _orders(points):
        board = halving()
        for point in order:
            board.record(*point)
        outcomes.add(frozenset(board.survivors("xnli", 1)))
    assert outcomes == {frozenset({trial("snli")})}


@pytest.mark.parametrize("seed", range(20))
def test_results_in_any_number_give_what_sorting_them_all_anew_gives(seed: int) -> None:
    rng = Random(seed)
    stopping = Stopping(rungs=[0.2, 0.4, 0.6], reduction=rng.choice([1.5, 2, 3]), keep=rng.choice(["best", "recipe"]))
    board, trials = Halving(stopping), [trial(rng.choice("abcd"), rate=n / 1000, seed=n % 2) for n in range(1, 40)]
    known: list[dict[Trial, float]] = [{} for _ in stopping.rungs]
    reached = dict.fromkeys(trials, 0)
    fates = dict.fromkeys(trials, True)
    for _ in range(80):
        one = rng.choice([one for one in trials if reached[one] < 3])
        rung, dev = reached[one], rng.randint(0, 20)  # few values, so that there are ties
        reached[one] += 1
        known[rung][one] = dev
        changed = board.record(one, stopping.rungs[rung], dev)
        survivors = _sorted_anew(known, stopping)
        assert [board.survivors("xnli", rung) for rung in range(3)] == survivors
        for other in trials:
            goes_on = reached[other] == 0 or other in survivors[reached[other] - 1]
            assert board.goes_on(other) == goes_on
            assert goes_on == fates[other] or other in changed
            fates[other] = goes_on


def _sorted_anew(known: list[dict[Trial, float]], stopping: Stopping) -> list[set[Trial]]:
    """The definition of who survives which rung, whatever it costs."""
    survivors: list[set[Trial]] = []
    for results in known:
        candidates = set(results) & survivors[-1] if survivors else set(results)
        ranked = sorted(candidates, key=lambda one: (-results[one], one))
        going = set(ranked[: max(1, int(len(ranked) / stopping.reduction))])
        if stopping.keep == "recipe":
            of_recipe = {(one.recipe, one.seed): one for one in reversed(ranked)}
            going |= set(of_recipe.values())
        survivors.append(going)
    return survivors


def _orders(points: list[tuple[Trial, float, float]]) -> list[list[tuple[Trial, float, float]]]:
    # A trial reaches its rungs in order; the trials come in any.
    by_trial = [[point for point in points if point[0] == one] for one in dict.fromkeys(point[0] for point in points)]
    return [[point for group in order for point in group] for order in permutations(by_trial)]
