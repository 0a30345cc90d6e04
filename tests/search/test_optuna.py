"""What Optuna's studies hold: that its dashboard shows the search as it was, and that nothing in them is lost."""

from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.trial import FrozenTrial, TrialState

from search.strategies import Outcome, Strategy, strategy_for
from spaces import Space, UserError
from spaces.trial import Trial
from tests.made_data import small_space


def space_of(**changes: Any) -> Space:
    given = {
        "strategy": "optuna",
        "budget": {"trials": 9},
        "recipes": ["none", "mnli", "squad_v1"],
        "learning_rates": {"low": 0.0001, "high": 0.01},
    }
    return small_space(**given | changes)


class Place:
    def __init__(self, folder: Path, **changes: Any) -> None:
        self.path = folder / "optuna.db"
        self.space = space_of(**changes)

    def strategy(self) -> Strategy:
        return strategy_for(self.space, "small-1", f"sqlite:///{self.path}")

    def rows(self, target: str = "xnli") -> list[FrozenTrial]:
        return optuna.load_study(study_name=f"small-1/{target}", storage=f"sqlite:///{self.path}").trials


def asked(strategy: Strategy) -> Trial:
    (trial,) = strategy.ask(lambda trial: 1)
    return trial


def test_each_target_has_a_study_of_its_own(tmp_path: Path) -> None:
    place = Place(tmp_path, targets=["xnli", "udpos", "tatoeba"])
    one = place.strategy()
    led = [one.ask(lambda trial: 1)[0] for _ in range(6)]
    assert [trial.target for trial in led] == ["xnli", "udpos"] * 3
    studies = optuna.get_all_study_summaries(f"sqlite:///{place.path}")
    assert {study.study_name for study in studies} == {"small-1/xnli", "small-1/udpos"}
    assert [row.user_attrs["trial"] for row in place.rows("udpos")] == [one.id for one in led if one.target == "udpos"]


def test_the_rate_of_the_intermediate_phase_is_there_where_there_is_one(tmp_path: Path) -> None:
    place = Place(tmp_path, intermediate_learning_rates=[0.001, 0.002])
    one = place.strategy()
    trials = [asked(one) for _ in range(12)]
    assert {trial.recipe for trial in trials} == {"none", "mnli", "squad_v1"}
    for trial, row in zip(trials, place.rows(), strict=True):
        split = {"intermediate_learning_rate": trial.intermediate_learning_rate} if trial.recipe != "none" else {}
        assert row.params == {"recipe": trial.recipe, "learning_rate": trial.learning_rate} | split


def test_results_and_ends_are_told_as_optuna_knows_them(tmp_path: Path) -> None:
    place = Place(tmp_path)
    one = place.strategy()
    done, stopped, failed, running = (asked(one) for _ in range(4))
    for share, dev in ((0.25, 40.0), (0.5, 55.0), (1.0, 50.0)):
        one.tell(done, share, dev)
    one.ended(done, Outcome.FINISHED, "")
    one.tell(stopped, 0.25, 30.0)
    one.ended(stopped, Outcome.STOPPED, "stopped early at rung 0.25 of the target stage")
    one.ended(failed, Outcome.FAILED, "it diverged")
    one.tell(running, 0.25, 20.0)
    rows = place.rows()
    states = [TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL, TrialState.RUNNING]
    assert [row.state for row in rows] == states
    assert rows[0].value == 55.0  # the weights that are kept are those of the best evaluation
    assert rows[0].intermediate_values == {25: 40.0, 50: 55.0, 100: 50.0}
    assert rows[2].user_attrs["ended"] == "it diverged"
    assert rows[3].intermediate_values == {25: 20.0}


def test_a_result_just_before_the_end_is_not_the_end(tmp_path: Path) -> None:
    place = Place(tmp_path)
    one = place.strategy()
    trial = asked(one)
    one.tell(trial, 0.998, 40.0)
    assert place.rows()[0].state is TrialState.RUNNING
    one.tell(trial, 1.0, 41.0)
    assert (place.rows()[0].state, place.rows()[0].value) == (TrialState.COMPLETE, 41.0)


def test_a_trial_that_finished_without_a_result_teaches_nothing(tmp_path: Path) -> None:
    place = Place(tmp_path)
    one = place.strategy()
    one.ended(asked(one), Outcome.FINISHED, "")
    assert asked(one) != asked(one)
    assert [row.state for row in place.rows()] == [TrialState.PRUNED, TrialState.RUNNING, TrialState.RUNNING]


def test_a_stopped_trial_that_goes_on_does_so_in_a_row_of_its_own(tmp_path: Path) -> None:
    place = Place(tmp_path)
    one = place.strategy()
    trial = asked(one)
    one.tell(trial, 0.25, 30.0)
    one.ended(trial, Outcome.STOPPED, "stopped early")
    again = place.strategy()  # which is told all of it again, by a board that takes it up
    again.tell(trial, 0.25, 30.0)
    again.ended(trial, Outcome.STOPPED, "stopped early")
    again.tell(trial, 1.0, 60.0)
    again.ended(trial, Outcome.FINISHED, "")
    first, second = place.rows()
    assert (first.state, second.state, second.value) == (TrialState.PRUNED, TrialState.COMPLETE, 60.0)
    assert first.params == second.params and second.intermediate_values == {25: 30.0, 100: 60.0}
    assert place.strategy().ask(lambda trial: 1) == [trial]  # one trial all the same


def test_a_new_instance_gives_what_was_given_and_then_what_the_old_one_would_have(tmp_path: Path) -> None:
    killed, alone = Place(tmp_path), strategy_for(space_of())
    expected = []
    for n in range(25):
        one = killed.strategy()
        if n:
            assert one.ask(lambda trial: 1) == expected
        trial = asked(one)
        assert trial == asked(alone), n
        for strategy in (one, alone):
            strategy.tell(trial, 0.5, 100 * trial.learning_rate)
            if n % 3:
                strategy.ended(trial, Outcome.STOPPED, "stopped early")
            else:
                strategy.tell(trial, 1.0, 200 * trial.learning_rate)
        expected.append(trial)


def test_results_are_taken_in_again_where_the_database_is_gone(tmp_path: Path) -> None:
    place = Place(tmp_path)
    trial = asked(place.strategy())
    place.path.unlink()
    one = place.strategy()
    one.tell(trial, 1.0, 44.0)
    (row,) = place.rows()
    assert (row.state, row.value, row.user_attrs["trial"]) == (TrialState.COMPLETE, 44.0, trial.id)


def test_rates_that_fail_are_not_tried_again_and_again() -> None:
    one = strategy_for(space_of(recipes=["none"]))
    rates = []
    for _ in range(40):
        trial = asked(one)
        rates.append(trial.learning_rate)
        if trial.learning_rate > 0.001:
            one.ended(trial, Outcome.FAILED, "it diverged")
        else:
            one.tell(trial, 1.0, 50.0)
    assert sum(rate > 0.001 for rate in rates[-20:]) <= 5  # of which random search would have ten


def test_running_trials_keep_the_next_ones_away() -> None:
    one = strategy_for(space_of(recipes=["none"]))
    for _ in range(12):
        trial = asked(one)
        one.tell(trial, 1.0, 60 - abs(trial.learning_rate - 0.002) * 1000)
    at_once = [asked(one).learning_rate for _ in range(8)]
    assert len(set(at_once)) == 8 and max(at_once) / min(at_once) > 1.5


def test_a_file_that_is_no_database_is_told_in_one_line(tmp_path: Path) -> None:
    place = Place(tmp_path)
    place.path.write_text("no database, but a text that is long enough to be taken for one" * 50)
    with pytest.raises(UserError, match=r"optuna.db cannot be used as an Optuna database .*move it away") as caught:
        place.strategy()
    assert "\n" not in str(caught.value)
