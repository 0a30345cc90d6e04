"""The board: who may start, who waits for whose stage, what a result changes. Stages are real, training is played."""

from pathlib import Path

import pytest

from search.board import Board, State
from search.halving import Halving
from search.plan import Plan, make_plan
from search.strategies import strategy_for
from spaces import Space
from spaces.trial import Trial
from tests.made_data import small_space
from trainables.examples import Data
from trainables.sources.mirror import MirrorSource
from trainables.store import Store

SPACE = small_space(recipes=["none", "mnli"], targets=["xnli", "udpos", "tatoeba"], learning_rates=[0.003])


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def plan_of(space: Space, mirror: Path) -> Plan:
    return make_plan(space, Data(MirrorSource(mirror)), "model")


def board_of(space: Space, mirror: Path, store: Store, clock: Clock | None = None) -> Board:
    plan = plan_of(space, mirror)
    return Board(plan, Halving(space.stopping), strategy_for(space), store, clock or Clock())


def started(board: Board) -> list[Trial]:
    trials = []
    while (trial := board.next_trial()) is not None:
        trials.append(trial)
    return trials


def evaluated(board: Board, trial: Trial, step: int, dev: float, steps: int = 4) -> bool:
    stage = board.plan.target_stage(trial)
    assert stage is not None
    point = {"step": step, "steps": steps, "examples": step, "loss": 1.0, "dev": dev}
    return board.happened(trial, {"kind": "evaluated", "stage": stage.key, **point})


def done(board: Board, trial: Trial, stage: str) -> None:
    board.happened(trial, {"kind": "stage_done", "stage": stage, "reused": False, "examples": 10, "seconds": 1.0})


def finish(board: Board, trial: Trial) -> None:
    for stage in board.plan.chains[trial]:
        if stage.key not in board.done:
            done(board, trial, stage.key)
    board.happened(trial, {"kind": "finished", "stage": board.plan.chains[trial][-1].key})
    board.ended(trial)


def test_the_leader_of_the_stage_that_unlocks_most_starts_first(mirror: Path, store: Store) -> None:
    assert board_of(SPACE, mirror, store).next_trial().recipe == "mnli"  # type: ignore[union-attr]


def test_followers_of_a_stage_under_way_are_not_started(mirror: Path, store: Store) -> None:
    board = board_of(SPACE, mirror, store)
    running = started(board)
    assert sorted(trial.recipe for trial in running) == ["mnli", "none", "none", "none"]
    assert len(board.in_state(State.WAITING)) == 2


def test_followers_start_once_the_shared_stage_is_done(mirror: Path, store: Store) -> None:
    board = board_of(SPACE, mirror, store)
    leader = board.next_trial()
    assert leader is not None
    started(board)
    done(board, leader, board.plan.chains[leader][0].key)
    assert [trial.recipe for trial in started(board)] == ["mnli", "mnli"]


def test_a_follower_takes_over_when_the_leader_dies(mirror: Path, store: Store) -> None:
    board = board_of(SPACE, mirror, store)
    leader = board.next_trial()
    assert leader is not None
    started(board)
    board.ended(leader)
    assert board.standings[leader].state is State.FAILED
    assert [trial.recipe for trial in started(board)] == ["mnli"]


def test_a_crashed_trial_starts_again_three_times(mirror: Path, store: Store) -> None:
    board = board_of(SPACE, mirror, store)
    while not board.over:
        board.crashed(board.next_trial() or board.in_state(State.RUNNING)[0], "its worker process died")
    assert {standing.state for standing in board.standings.values()} == {State.FAILED}
    assert {standing.reason for standing in board.standings.values()} == {
        "it crashed 4 times, last: its worker process died"
    }
    assert board.over


def test_a_stage_that_fails_for_good_fails_its_followers_with_its_reason(mirror: Path, store: Store) -> None:
    board = board_of(SPACE, mirror, store)
    leader = board.next_trial()
    assert leader is not None
    board.happened(leader, {"kind": "failed", "stage": board.plan.chains[leader][0].key, "reason": "mnli diverged"})
    failed = board.in_state(State.FAILED)
    assert {trial.recipe for trial in failed} == {"mnli"} and len(failed) == 3
    assert {board.standings[trial].reason for trial in failed} == {"mnli diverged"}


def test_a_busy_trial_comes_back_later(mirror: Path, store: Store) -> None:
    clock = Clock()
    board = board_of(small_space(recipes=["none"]), mirror, store, clock)
    (trial,) = started(board)
    board.happened(trial, {"kind": "busy", "stage": board.plan.chains[trial][0].key})
    assert started(board) == [] and not board.over
    clock.now = 60.0
    assert started(board) == [trial]


def test_an_outdone_trial_stops_at_its_rung_and_can_go_on_later(mirror: Path, store: Store) -> None:
    rates = [0.001, 0.002, 0.003, 0.004]
    stopping = {"rungs": [0.5], "reduction": 2, "keep": "best"}
    board = board_of(small_space(recipes=["none"], learning_rates=rates, stopping=stopping), mirror, store)
    first, second, third, fourth = sorted(started(board))
    assert evaluated(board, first, 2, dev=60.0)
    assert not evaluated(board, second, 2, dev=50.0)
    assert board.standings[second].state is State.STOPPED
    assert "rung 0.5" in board.standings[second].reason
    assert not evaluated(board, third, 2, dev=40.0)
    assert board.next_trial() is None
    assert not evaluated(board, fourth, 2, dev=30.0)
    assert board.next_trial() == second  # two of four go on: the second best is one of them now


def test_a_trial_at_a_rung_gives_way_to_those_that_have_yet_to_come_there(mirror: Path, store: Store) -> None:
    stopping = {"rungs": [0.5], "reduction": 2, "keep": "best"}
    space = small_space(recipes=["none"], learning_rates=[0.001, 0.002], stopping=stopping)
    board = board_of(space, mirror, store)
    first = board.next_trial()
    assert first is not None
    assert evaluated(board, first, 1, dev=10.0)  # no rung
    assert not evaluated(board, first, 2, dev=50.0)
    assert board.standings[first].state is State.WAITING
    second = board.next_trial()
    assert second is not None and second != first
    assert evaluated(board, second, 2, dev=60.0)  # nobody is left that could outdo it
    assert board.standings[first].state is State.STOPPED


def test_a_trial_at_its_end_gives_way_to_nobody(mirror: Path, store: Store) -> None:
    space = small_space(recipes=["none"], learning_rates=[0.001, 0.002], stopping={"rungs": [0.5]})
    board = board_of(space, mirror, store)
    first = board.next_trial()
    assert first is not None and evaluated(board, first, 4, dev=10.0)


def test_an_intermediate_stage_tells_of_those_whose_target_stage_it_is(mirror: Path, store: Store) -> None:
    board = board_of(small_space(recipes=["none", "squad_v1"], targets=["xquad"]), mirror, store)
    none, squad = board.plan.chains
    shared = board.plan.chains[squad][0].key
    assert board.plan.chains[none][0].key == shared
    assert board.next_trial() is not None and board.next_trial() is None
    point = {"step": 1, "steps": 4, "examples": 1, "loss": 1.0, "dev": 7.0}
    board.happened(board.in_state(State.RUNNING)[0], {"kind": "evaluated", "stage": shared, **point})
    assert [one["dev"] for one in board.standings[none].history] == [7.0]
    assert board.standings[squad].history == []


def below_chance(stage: str, step: int) -> dict[str, object]:
    point = {"step": step, "steps": 4, "examples": step, "loss": 1.0, "dev": 20.0, "chance": 33.0, "error": 2.0}
    return {"kind": "evaluated", "stage": stage, **point}


def test_followers_of_an_intermediate_stage_below_chance_are_given_up(mirror: Path, store: Store) -> None:
    plan = plan_of(SPACE, mirror)
    board = Board(plan, Halving(SPACE.stopping), strategy_for(SPACE), store, Clock(), grace=0.5)
    leader = board.next_trial()
    assert leader is not None and leader.recipe == "mnli"
    stage = plan.chains[leader][0].key
    assert board.happened(leader, below_chance(stage, step=1))  # its grace is not over
    assert not board.happened(leader, below_chance(stage, step=2))
    failed = board.in_state(State.FAILED)
    assert {trial.recipe for trial in failed} == {"mnli"} and len(failed) == 3
    assert "mnli is below chance on English dev after 50%" in board.standings[leader].reason
    assert board.next_trial() is not None  # none, on the same targets


def test_what_was_given_up_stays_so_in_a_new_board(mirror: Path, store: Store) -> None:
    plan = plan_of(SPACE, mirror)
    leader = next(trial for trial in SPACE.trials() if trial.recipe == "mnli")
    point = below_chance("", step=2)
    store.save_snapshot(plan.chains[leader][0].key, {"history": [point], "seconds": 0.0, "step": 2}, {})
    board = Board(plan, Halving(SPACE.stopping), strategy_for(SPACE), store, Clock(), grace=0.5)
    assert {trial.recipe for trial in board.in_state(State.FAILED)} == {"mnli"}


def test_a_target_may_be_below_chance(mirror: Path, store: Store) -> None:
    space = small_space(recipes=["none", "squad_v1"], targets=["xquad"])
    board = Board(plan_of(space, mirror), Halving(None), strategy_for(space), store, Clock(), grace=0.5)
    none, squad = board.plan.chains
    board.next_trial()
    running = board.in_state(State.RUNNING)[0]
    goes_on = board.happened(running, below_chance(board.plan.chains[none][0].key, step=2))
    assert goes_on == (running == none)
    assert board.standings[squad].state is State.FAILED
    assert board.standings[none].state is not State.FAILED  # its own training is the same stage


def test_a_target_stage_that_patience_ended_counts_at_every_rung(mirror: Path, store: Store) -> None:
    stopping = {"rungs": [0.5], "reduction": 2, "keep": "best"}
    board = board_of(small_space(recipes=["none"], learning_rates=[0.1, 0.01], stopping=stopping), mirror, store)
    first, second = started(board)
    assert evaluated(board, first, 1, dev=60.0)
    done(board, first, board.plan.chains[first][0].key)  # without another evaluation
    assert not evaluated(board, second, 2, dev=50.0)


def test_an_evaluation_at_the_step_nearest_to_a_rung_is_at_it(mirror: Path, store: Store) -> None:
    stopping = {"rungs": [0.25], "reduction": 2, "keep": "best"}
    board = board_of(small_space(recipes=["none"], learning_rates=[0.1, 0.01], stopping=stopping), mirror, store)
    first, second = started(board)
    assert evaluated(board, first, 94, dev=60.0, steps=378)  # a quarter is 94.5 steps
    assert not evaluated(board, second, 94, dev=50.0, steps=378)


def test_results_before_the_rung_stop_nobody(mirror: Path, store: Store) -> None:
    stopping = {"rungs": [0.5], "reduction": 2, "keep": "best"}
    board = board_of(small_space(recipes=["none"], learning_rates=[0.1, 0.01], stopping=stopping), mirror, store)
    first, second = started(board)
    assert evaluated(board, first, 1, dev=60.0) and evaluated(board, second, 1, dev=1.0)


def test_what_is_in_the_store_is_not_run_again(mirror: Path, store: Store) -> None:
    plan = plan_of(SPACE, mirror)
    for stage in plan.stages.values():
        store.publish(stage.key, {"history": []}, {})
    board = board_of(SPACE, mirror, store)
    assert board.over
    assert len(board.in_state(State.FINISHED)) == len(SPACE.trials())


def test_a_new_board_stops_whom_the_old_one_stopped(mirror: Path, store: Store) -> None:
    stopping = {"rungs": [0.5], "reduction": 2, "keep": "best"}
    space = small_space(recipes=["none"], learning_rates=[0.1, 0.01], stopping=stopping)
    plan = plan_of(space, mirror)
    better, worse = space.trials()
    for trial, dev in ((better, 60.0), (worse, 50.0)):
        stage = plan.target_stage(trial)
        assert stage is not None
        point = {"step": 2, "steps": 4, "examples": 2, "loss": 1.0, "dev": dev}
        store.save_snapshot(stage.key, {"history": [point], "seconds": 0.0, "step": 2}, {})
    board = board_of(space, mirror, store)
    assert board.in_state(State.STOPPED) == [worse]
    assert started(board) == [better]


def test_the_sweep_is_over_when_nothing_is_left(mirror: Path, store: Store) -> None:
    board = board_of(SPACE, mirror, store)
    while (trial := board.next_trial()) is not None:
        assert not board.over
        finish(board, trial)
    assert board.over
    assert board.examples_trained == 10 * len(board.plan.stages)  # each stage once


def test_a_known_failure_is_not_tried_again(mirror: Path, store: Store) -> None:
    plan = plan_of(SPACE, mirror)
    leader = next(trial for trial in SPACE.trials() if trial.recipe == "mnli")
    store.publish(plan.chains[leader][0].key, {"failed": "mnli diverged"}, {})
    board = board_of(SPACE, mirror, store)
    assert {trial.recipe for trial in board.in_state(State.FAILED)} == {"mnli"}


def test_a_board_tells_how_many_devices_it_could_use(mirror: Path, store: Store) -> None:
    board = board_of(SPACE, mirror, store)
    # Side by side: none on xnli, none on udpos, none on tatoeba, and mnli, which three trials wait for.
    assert board.could_use() == 4
    trials = started(board)
    assert len(trials) == board.could_use() == 4
    leader = next(trial for trial in trials if trial.recipe == "mnli")
    done(board, leader, board.plan.chains[leader][0].key)
    assert board.could_use() == 6  # the other two that waited for mnli can start too


def test_a_lost_machine_is_not_the_trials_fault_but_not_for_ever(mirror: Path, store: Store) -> None:
    board = board_of(small_space(recipes=["none"], targets=["udpos"]), mirror, store)
    for _ in range(20):
        trial = board.next_trial()
        assert trial is not None
        board.crashed(trial, "its machine was lost", machine_lost=True)
        assert board.standings[trial].state is State.WAITING
    trial = board.next_trial()
    assert trial is not None
    board.crashed(trial, "its machine was lost", machine_lost=True)
    assert board.standings[trial].reason == "it crashed 21 times, last: its machine was lost"
