"""What every strategy has to do, driven by the real board in simulated time. To register one is to test it."""

import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any, get_args

import pytest

from search.board import Board, State
from search.halving import Halving
from search.journal import Journal
from search.plan import Plan, make_plan
from search.simulator import Simulated, SimulatedStore, simulate
from search.strategies import STRATEGIES, Outcome, strategy_for
from spaces import Space
from spaces.rates import RateRange
from spaces.trial import Trial
from tests.made_data import small_space
from trainables.examples import Data
from trainables.sources.mirror import MirrorSource
from trainables.stages import Stage, TrainStage

LIST, RANGE = [0.0001, 0.001, 0.01], {"low": 0.0001, "high": 0.01}
RATES: dict[str, dict[str, Any]] = {
    "lists": {"learning_rates": LIST, "intermediate_learning_rates": [0.001, 0.003]},
    "range": {"learning_rates": RANGE},
}
FINITE = [(strategy, "lists") for strategy in STRATEGIES]
ENDLESS = [(strategy, rates) for strategy in STRATEGIES if strategy != "grid" for rates in RATES if "range" in rates]
every_kind = pytest.mark.parametrize(("strategy", "rates"), FINITE + ENDLESS)
every_finite_kind = pytest.mark.parametrize(("strategy", "rates"), FINITE)


def space_of(strategy: str, rates: str, **changes: Any) -> Space:
    given: dict[str, Any] = {
        "strategy": strategy,
        "recipes": ["none", "mnli", "squad_v1"],
        "targets": ["xnli", "xquad", "udpos", "tatoeba"],
        "seeds": [0, 1],
        "budget": {"trials": 12},
        "stopping": {"rungs": [0.5], "reduction": 2, "keep": "best"},
        **RATES[rates],
    }
    return small_space(**given | changes)


class Killed(BaseException):
    """As if the driver had been killed."""


class Place:
    """What a sweep leaves behind when it ends or is killed: a store, its journal, Optuna's database."""

    def __init__(self, folder: Path, mirror: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.store = SimulatedStore()
        self.journal = folder / "journal.jsonl"
        self.storage = f"sqlite:///{folder}/optuna.db"
        self.mirror = mirror
        self.trained: set[Trial] = set()  # the trials that trained their target themselves

    def run(
        self, space: Space, devices: int = 1, kill_at: int = 0, make_journal: Callable[[Path], Journal] = Journal
    ) -> Simulated:
        """Runs a sweep, or goes on with it; it is killed when something is computed for the `kill_at`th time."""
        left = kill_at

        def maybe_kill() -> None:
            nonlocal left
            left -= 1
            if left == 0:
                raise Killed

        def seconds(stage: Stage) -> float:
            maybe_kill()
            return ten_to_train(stage)

        def dev(trial: Trial, share: float) -> float:
            maybe_kill()
            self.trained.add(trial)
            return score(trial) * share

        strategy = strategy_for(space, "sweep-1", self.storage)
        journal = make_journal(self.journal)
        plan, halving = plan_of(space, self.mirror), Halving(space.stopping)
        return simulate(plan, halving, strategy, devices, seconds, dev, 4, self.store, space.budget, journal)


def plan_of(space: Space, mirror: Path) -> Plan:
    return make_plan(space, Data(MirrorSource(mirror)), "model")


def ten_to_train(stage: Stage) -> float:
    return 10.0 if isinstance(stage, TrainStage) else 1.0


def score(trial: Trial) -> float:
    """Some landscape: `mnli` helps, a rate of 0.002 is best, and no two trials are the same."""
    best = RateRange(low=0.0001, high=0.01).low * 20
    return 50 + 20 * (trial.recipe == "mnli") - abs(trial.learning_rate - best) * 1000 - trial.seed / 10


def fates(result: Simulated) -> dict[str, str]:
    return {trial.id: standing.state.value for trial, standing in result.board.standings.items()}


def is_in(space: Space, trial: Trial) -> bool:
    first = space.intermediate_learning_rates if trial.recipe != "none" else None
    rates = [(space.learning_rates, trial.learning_rate)]
    rates += [(first, trial.intermediate_learning_rate)] if first is not None else []
    return (
        (trial.target in space.targets and trial.recipe in space.recipes and trial.seed in space.seeds)
        and all(_holds(given, rate) for given, rate in rates)
        and (first is not None or trial.intermediate_learning_rate == trial.learning_rate)
    )


def _holds(rates: list[float] | RateRange, rate: float) -> bool:
    return rates.low <= rate <= rates.high if isinstance(rates, RateRange) else rate in rates


def test_every_strategy_can_be_named_in_a_space() -> None:
    assert set(STRATEGIES) == set(get_args(Space.model_fields["strategy"].annotation))


@every_kind
def test_it_gives_trials_of_the_space_and_none_twice(strategy: str, rates: str) -> None:
    space = space_of(strategy, rates)
    one = strategy_for(space)
    given: list[Trial] = []
    for _ in range(60):
        for trial in one.ask(lambda trial: 1):
            assert is_in(space, trial), trial
            given.append(trial)
            one.tell(trial, 0.5, score(trial) / 2)
            one.tell(trial, 1.0, score(trial))
            one.ended(trial, Outcome.FINISHED, "")
    assert len(given) >= 60 or one.finished
    assert len(given) == len(set(given)) == len({trial.id for trial in given})


@every_finite_kind
@pytest.mark.parametrize("devices", [1, 7])
def test_it_comes_to_an_end_having_tried_everything(
    strategy: str, rates: str, devices: int, tmp_path: Path, mirror: Path
) -> None:
    space = space_of(strategy, rates, budget={"trials": 1000}, stopping=None)
    board = Place(tmp_path, mirror).run(space, devices).board
    assert board.over and board.strategy.finished
    assert board.count(State.FINISHED) == len(board.standings)
    whole = plan_of(space, mirror)
    assert set(board.plan.stages) == set(whole.stages)


@every_kind
@pytest.mark.parametrize("devices", [1, 5])
def test_it_ends_with_a_budget_of_trials_and_goes_on_when_that_is_raised(
    strategy: str, rates: str, devices: int, tmp_path: Path, mirror: Path
) -> None:
    place = Place(tmp_path, mirror)
    first = place.run(space_of(strategy, rates, budget={"trials": 5}), devices).board
    assert first.over and len(place.trained) == 5
    left = {standing.reason for standing in first.standings.values() if standing.state is State.NOT_RUN}
    assert left == ({"not run: the budget of 5 trials is spent"} if strategy == "grid" else set())
    again = place.run(space_of(strategy, rates, budget={"trials": 5}), devices)
    assert again.device_seconds == 0 and fates(again) == fates(Simulated(first))
    more = place.run(space_of(strategy, rates, budget={"trials": 8}), devices).board
    assert more.over and len(place.trained) == 8
    assert list(first.standings) == list(more.standings)[: len(first.standings)]


@every_kind
@pytest.mark.parametrize("limit", [{"device_hours": 95 / 3600}, {"money": 190 / 3600, "price": 2}], ids=str)
@pytest.mark.parametrize("devices", [1, 3])
def test_it_ends_with_a_budget_of_hours_or_money(
    strategy: str, rates: str, limit: dict[str, float], devices: int, tmp_path: Path, mirror: Path
) -> None:
    place = Place(tmp_path, mirror)
    space = space_of(strategy, rates, budget=limit)
    try:
        spent = place.run(space, devices, kill_at=15).device_seconds
    except Killed:
        spent = Journal(place.journal).seconds
    result = place.run(space, devices)
    assert result.board.over
    total = spent + result.device_seconds
    assert total == pytest.approx(result.board.device_hours * 3600)
    assert 95 <= total < 95 + devices * 21  # those that ran came to their end, no other began
    reasons = {standing.reason for standing in result.board.standings.values() if standing.state is State.NOT_RUN}
    assert all("is spent" in reason for reason in reasons) and (reasons or strategy != "grid")
    again = place.run(space, devices)
    assert again.device_seconds == 0 and again.board.over


@every_kind
def test_a_search_that_was_killed_goes_on_as_if_it_had_not_been(
    strategy: str, rates: str, tmp_path: Path, mirror: Path
) -> None:
    space = space_of(strategy, rates)
    undisturbed = Place(tmp_path / "undisturbed", mirror).run(space)
    for kill_at in (1, 3, 8, 20, 50):
        place = Place(tmp_path / str(kill_at), mirror)
        for _ in range(2):  # and killed again as soon
            with pytest.raises(Killed):
                place.run(space, kill_at=kill_at)
                raise Killed  # it came to its end before
        result = place.run(space)
        assert list(fates(result)) == list(fates(undisturbed)), kill_at
        assert fates(result) == fates(undisturbed), kill_at
        assert result.board.journal.seconds == pytest.approx(undisturbed.board.journal.seconds), kill_at


@every_kind
def test_a_trial_that_was_drawn_but_not_noted_is_drawn_again(
    strategy: str, rates: str, tmp_path: Path, mirror: Path
) -> None:
    class Torn(Journal):
        """Is killed before it has noted the fourth time that trials were given."""

        times = 0

        def given(self, trials: Any) -> None:
            trials = [trial for trial in trials if trial not in self.trials]
            self.times += bool(trials)
            if self.times == 4:
                raise Killed
            super().given(trials)

    space = space_of(strategy, rates)
    undisturbed = Place(tmp_path / "undisturbed", mirror).run(space)
    place = Place(tmp_path / "killed", mirror)
    with pytest.raises(Killed):
        place.run(space, make_journal=Torn)
        raise Killed  # the grid gives once only
    assert fates(place.run(space)) == fates(undisturbed)


@every_kind
def test_it_does_not_run_ahead_of_the_devices(strategy: str, rates: str, mirror: Path) -> None:
    space = space_of(strategy, rates)
    board = Board(plan_of(space, mirror).emptied(), Halving(space.stopping), strategy_for(space), SimulatedStore())
    running = [board.next_trial() for _ in range(4)]
    assert None not in running
    if strategy != "grid":
        led = [trial for trial in board.standings if trial.target != "tatoeba"]
        assert len(led) <= 4 + 4  # what runs, and at most as many that wait for a stage of theirs


@every_finite_kind
def test_asking_costs_nothing_while_nothing_can_start(strategy: str, rates: str, mirror: Path) -> None:
    space = space_of(strategy, rates, recipes=["mnli"], seeds=[0], learning_rates=[0.001])
    space = space.model_copy(update={"intermediate_learning_rates": None})
    board = Board(plan_of(space, mirror).emptied(), Halving(space.stopping), strategy_for(space), SimulatedStore())
    assert board.next_trial() is not None  # which trains mnli, and all others wait for it
    board.next_trial()
    known = len(board.standings)
    began = time.perf_counter()
    assert all(board.next_trial() is None for _ in range(500))
    assert time.perf_counter() - began < 1.0
    assert len(board.standings) == known and not board.over


class Poisoned(dict[str, Any]):
    """What a scoring stage reported. Whoever reads a score of it fails."""

    def __getitem__(self, name: str) -> Any:
        raise AssertionError(f"a test score was read: {name}")

    def get(self, name: str, default: Any = None) -> Any:
        raise AssertionError(f"a test score was read: {name}")

    def items(self) -> Any:
        raise AssertionError("test scores were read")

    values = __iter__ = items


class PoisonedStore(SimulatedStore):
    def record(self, key: str) -> dict[str, Any] | None:
        found = super().record(key)
        return found if found is None or found["history"] else Poisoned(languages={})


@every_kind
def test_no_test_score_is_ever_read(strategy: str, rates: str, tmp_path: Path, mirror: Path) -> None:
    space = space_of(strategy, rates)
    undisturbed = Place(tmp_path / "undisturbed", mirror).run(space)
    place = Place(tmp_path / "poisoned", mirror)
    place.store = PoisonedStore()
    assert fates(place.run(space)) == fates(undisturbed)
    assert fates(place.run(space)) == fates(undisturbed)  # all of it from the store this time
    finished = place.run(space).board.in_state(State.FINISHED)[0]
    with pytest.raises(AssertionError, match="a test score was read"):
        (place.store.record(plan_of(space, mirror).add(finished)[-1].key) or {}).get("languages")


@pytest.mark.parametrize("strategy", [name for name in STRATEGIES if name != "grid"])
def test_a_target_that_trains_nothing_follows_for_free(strategy: str, tmp_path: Path, mirror: Path) -> None:
    space = space_of(strategy, "range", seeds=[0])
    board = Place(tmp_path, mirror).run(space).board
    led = {(trial.recipe, trial.learning_rate) for trial in board.standings if trial.target != "tatoeba"}
    followed = [(trial.recipe, trial.learning_rate) for trial in board.standings if trial.target == "tatoeba"]
    assert sorted(one for one in followed if one[0] != "none") == sorted(one for one in led if one[0] != "none")
    assert [one for one in followed if one[0] == "none"] == [("none", 0.001)]  # the same whatever the rate
    assert len(board.journal.counted) == len([trial for trial in board.standings if trial.target != "tatoeba"]) == 12
    assert all(board.standings[one].state is State.FINISHED for one in board.standings if one.target == "tatoeba")


@pytest.mark.parametrize("strategy", [name for name in STRATEGIES if name != "grid"])
def test_every_target_and_seed_has_its_baseline_first(strategy: str, tmp_path: Path, mirror: Path) -> None:
    for rates in ("lists", "range"):
        board = Place(tmp_path / rates, mirror).run(space_of(strategy, rates, budget={"trials": 6})).board
        led = [trial for trial in board.standings if trial.target != "tatoeba"]
        assert {(one.recipe, one.target, one.seed) for one in led} == {
            ("none", target, seed) for target in ("xnli", "xquad", "udpos") for seed in (0, 1)
        }


def test_a_random_trial_depends_on_the_space_and_its_number_alone() -> None:
    space = space_of("random", "range")
    told, untold = strategy_for(space), strategy_for(space)
    for n in range(30):
        (trial, *_), (same, *_) = told.ask(lambda trial: 1), untold.ask(lambda trial: 2)
        told.tell(trial, 1.0, float(n))
        assert trial == same
    other = strategy_for(space.model_copy(update={"seeds": [7]}))
    assert other.ask(lambda trial: 1)[0].learning_rate != strategy_for(space).ask(lambda trial: 1)[0].learning_rate


def test_a_range_is_drawn_from_log_uniformly() -> None:
    one = strategy_for(space_of("random", "range", recipes=["none"], targets=["xnli"], seeds=[0]))
    rates = [one.ask(lambda trial: 1)[0].learning_rate for _ in range(400)]
    low, middle, high = (sum(rate < at for rate in rates) for at in (0.0003162, 0.001, 0.003162))
    assert (low, middle, high) == (pytest.approx(100, abs=25), pytest.approx(200, abs=30), pytest.approx(300, abs=25))


def test_a_range_of_a_few_rates_comes_to_an_end() -> None:
    narrow = {"recipes": ["none"], "targets": ["xnli"], "seeds": [0], "learning_rates": {"low": 0.001, "high": 0.00102}}
    for strategy in ("random", "optuna"):
        one = strategy_for(space_of(strategy, "range", **narrow))
        given = [trial.learning_rate for _ in range(10) for trial in one.ask(lambda trial: 1)]
        assert sorted(given) == [0.001, 0.00101, 0.00102] and one.finished


def test_optuna_finds_what_is_planted_for_less_than_random_search() -> None:
    # One recipe of six helps, at rates within a factor of 1.6 of the best: a random trial hits one time in 30.
    recipes = ["none", "mnli", "squad_v1", "ud_xpos", "mnli>squad_v1", "mnli>ud_xpos"]

    def trials_until_found(strategy: str, seed: int) -> int:
        changes = {"recipes": recipes, "targets": ["xnli"], "seeds": [seed], "stopping": None}
        space = space_of(strategy, "range", **changes)
        one = strategy_for(space)
        for n in range(1, 200):
            (trial,) = one.ask(lambda trial: 1)
            off = abs(RateRange(low=0.0001, high=0.01).low * 20 / trial.learning_rate - 1)
            if trial.recipe == "squad_v1" and off < 0.25:
                return n
            one.tell(trial, 1.0, 50 + 10 * (trial.recipe == "squad_v1") - min(20.0, 8 * off))
            one.ended(trial, Outcome.FINISHED, "")
        return 200

    seeds = range(9)
    needed = {name: median(trials_until_found(name, seed) for seed in seeds) for name in ("random", "optuna")}
    assert needed["optuna"] < 0.75 * needed["random"], needed
