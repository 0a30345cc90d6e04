"""Optuna's TPE (Bergstra et al. 2011; multivariate: Falkner et al. 2018) over recipe and learning rates, per target.

One study per target, `<sweep>/<target>` in the storage, which Optuna's dashboard opens. The objective is English dev of
the weights that a trial keeps; a result before the end is an intermediate value, its step per cent of the target's
training.
"""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution
from optuna.exceptions import DuplicatedStudyError, ExperimentalWarning, StorageInternalError
from optuna.samplers import TPESampler
from optuna.storages import BaseStorage, InMemoryStorage, RDBStorage
from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial, TrialState, create_trial
from sqlalchemy.exc import SQLAlchemyError

from search.strategies.base import Cost, Outcome, Strategy
from search.strategies.drawing import Followers, draw_trial, drawn_targets, trial_of
from spaces import Space, UserError
from spaces.rates import RateRange
from spaces.recipes import NONE
from spaces.trial import Trial
from trainables.digest import digest_of

_STARTUP = 5  # trials of a target drawn at random before TPE draws: half of Optuna's 10, as a target gets few
_TRIES = 20  # at a trial that was not given yet, by TPE
_DRAWS = 1000  # and then at random
_STATES = {
    Outcome.STOPPED: TrialState.PRUNED,
    Outcome.FAILED: TrialState.FAIL,
    Outcome.FINISHED: TrialState.COMPLETE,
}
optuna.logging.set_verbosity(optuna.logging.WARNING)


class TreeParzen(Strategy):
    """Draws for the target that was given the fewest trials; the seed that had the fewest is part of the trial.

    Of each target and seed `none` comes first, or there would be no gain to tell. Trials that run count by the last
    rung that they reached; before the first as bad, so that parallel ones differ (constant liar).
    """

    def __init__(self, space: Space, sweep: str = "", storage: str | None = None) -> None:
        super().__init__(space, sweep, storage)
        kept = _open(storage)
        self._studies = {target: _Study(space, target, f"{sweep}/{target}", kept) for target in drawn_targets(space)}
        self._followers = Followers(space)
        known = [trial for study in self._studies.values() for trial in study.given]
        self._again = [one for trial in known for one in (trial, *self._followers.of(trial))]

    def ask(self, cost: Cost) -> Sequence[Trial]:
        if self._again:
            again, self._again = self._again, []
            return again
        for study in sorted(self._studies.values(), key=lambda study: len(study.given)):
            drawn = study.draw()
            if drawn is not None:
                return [drawn, *self._followers.of(drawn)]
        return []

    def tell(self, trial: Trial, share: float, dev: float) -> None:
        if trial.target in self._studies:
            self._studies[trial.target].tell(trial, share, dev)

    def ended(self, trial: Trial, outcome: Outcome, reason: str) -> None:
        if trial.target in self._studies:
            self._studies[trial.target].ended(trial, outcome, reason)

    @property
    def finished(self) -> bool:
        return not self._again and all(study.exhausted for study in self._studies.values())


@dataclass
class _Entry:
    """A trial's last row in the study: its id in the storage, state, and dev scores by per cent of the training."""

    id: int
    state: TrialState = TrialState.RUNNING
    devs: dict[int, float] = field(default_factory=dict)


class _Study:
    """The study of one target, as it is in the storage."""

    def __init__(self, space: Space, target: str, name: str, storage: BaseStorage) -> None:
        self.exhausted = False
        self.given: dict[Trial, _Entry] = {}
        self._space = space
        self._target = target
        self._storage = storage
        self._id = _study_id(name, storage)
        for row in storage.get_all_trials(self._id, deepcopy=False):
            trial = self._trial(row.params, row.user_attrs["seed"])
            row_id = storage.get_trial_id_from_study_id_trial_number(self._id, row.number)
            self.given[trial] = _Entry(row_id, row.state, dict(row.intermediate_values))

    def draw(self) -> Trial | None:
        """A trial that was not given yet, now a running one of the study; None where there is none left."""
        if self.exhausted:
            return None
        seed = min(self._space.seeds, key=[trial.seed for trial in self.given].count)
        trial = next((one for one in self._candidates(seed) if one not in self.given), None)
        if trial is None:
            self.exhausted = True
        else:
            self._add(trial, {})
        return trial

    def tell(self, trial: Trial, share: float, dev: float) -> None:
        """A result; a share of 1 completes the trial."""
        step = 100 if share == 1 else min(99, round(100 * share))
        entry = self.given.get(trial) or self._add(trial, {})
        if step in entry.devs or entry.state is TrialState.COMPLETE:
            return
        if entry.state.is_finished():  # a row that has ended stays as it is: the trial goes on in a new one
            entry = self._add(trial, entry.devs)
        entry.devs[step] = dev
        self._storage.set_trial_intermediate_value(entry.id, step, dev)
        if step == 100:
            self._end(entry, TrialState.COMPLETE)

    def ended(self, trial: Trial, outcome: Outcome, reason: str) -> None:
        """The end of a trial that is not told of already."""
        entry = self.given.get(trial)
        if entry is not None and not entry.state.is_finished():
            self._storage.set_trial_user_attr(entry.id, "ended", reason)
            self._end(entry, _STATES[outcome])

    def _end(self, entry: _Entry, state: TrialState) -> None:
        if state is TrialState.COMPLETE and not entry.devs:  # its scores are in the store, its training no longer
            state = TrialState.PRUNED
        best = [max(entry.devs.values())] if entry.devs and state is not TrialState.FAIL else None
        entry.state = state
        self._storage.set_trial_state_values(entry.id, state, best)

    def _add(self, trial: Trial, devs: dict[int, float]) -> _Entry:
        row = self._row(trial, TrialState.RUNNING, devs)
        self.given[trial] = _Entry(self._storage.create_new_trial(self._id, row), devs=dict(devs))
        return self.given[trial]

    def _row(self, trial: Trial, state: TrialState, devs: Mapping[int, float]) -> FrozenTrial:
        params: dict[str, Any] = {"recipe": trial.recipe, "learning_rate": trial.learning_rate}
        distributions: dict[str, BaseDistribution] = {
            "recipe": CategoricalDistribution(self._space.recipes),
            "learning_rate": _distribution(self._space.learning_rates),
        }
        if self._space.intermediate_learning_rates is not None and trial.recipe != NONE:
            params["intermediate_learning_rate"] = trial.intermediate_learning_rate
            distributions["intermediate_learning_rate"] = _distribution(self._space.intermediate_learning_rates)
        return create_trial(
            state=state,
            value=max(devs.values()) if state is TrialState.COMPLETE else None,
            params=params,
            distributions=distributions,
            user_attrs={"trial": trial.id, "seed": trial.seed},
            intermediate_values=dict(devs),
        )

    def _trial(self, params: Mapping[str, Any], seed: int) -> Trial:
        rate = params["learning_rate"]
        intermediate_rate = params.get("intermediate_learning_rate", rate)
        return trial_of(self._space, self._target, params["recipe"], rate, intermediate_rate, seed)

    # Drawing -----------------------------------------------------------------------------------------------------

    def _candidates(self, seed: int) -> Iterator[Trial]:
        """TPE's trials, the best first, then random ones: of a finite space all, each once.

        They depend on the trials given and told alone, so that a search which was killed goes on as it would have.
        """
        space, number = self._space, digest_of([self._space.seeds[0], self._target, len(self.given)])
        study = self._as_known(int(number[:8], 16))
        if NONE in space.recipes and not any((one.recipe, one.seed) == (NONE, seed) for one in self.given):
            study.enqueue_trial({"recipe": NONE})
        for _ in range(_TRIES):
            # One that is passed over stays in this study as running, so that the next one differs (constant liar).
            yield self._trial(self._suggested(study.ask()), seed)
        rng = Random(number)
        if space.endless:
            yield from (draw_trial(space, self._target, rng.choice(space.recipes), seed, rng) for _ in range(_DRAWS))
        else:
            everything = [one for one in space.trials() if (one.target, one.seed) == (self._target, seed)]
            yield from rng.sample(everything, len(everything))

    def _as_known(self, seed: int) -> Study:
        """What TPE is to draw by: each trial once, by the best that is known of it."""
        with warnings.catch_warnings(action="ignore", category=ExperimentalWarning):
            sampler = TPESampler(
                n_startup_trials=_STARTUP, multivariate=True, group=True, constant_liar=True, seed=seed
            )
        study = optuna.create_study(direction="maximize", sampler=sampler)
        for trial, entry in self.given.items():
            match entry.state:
                case TrialState.COMPLETE:
                    row = self._row(trial, TrialState.COMPLETE, entry.devs)
                case TrialState.FAIL:  # the worst there is: Optuna would forget it, and might draw it again
                    row = self._row(trial, TrialState.PRUNED, {})
                case _:
                    known = TrialState.PRUNED if entry.devs else TrialState.RUNNING
                    row = self._row(trial, known, entry.devs)
            study.add_trial(row)
        return study

    def _suggested(self, trial: optuna.Trial) -> dict[str, Any]:
        params = {
            "recipe": trial.suggest_categorical("recipe", self._space.recipes),
            "learning_rate": _suggested_rate(trial, "learning_rate", self._space.learning_rates),
        }
        own = self._space.intermediate_learning_rates
        if own is not None and params["recipe"] != NONE:
            params["intermediate_learning_rate"] = _suggested_rate(trial, "intermediate_learning_rate", own)
        return params


def _suggested_rate(trial: optuna.Trial, name: str, rates: list[float] | RateRange) -> float:
    if isinstance(rates, RateRange):
        return rates.rounded(trial.suggest_float(name, rates.low, rates.high, log=True))
    return float(trial.suggest_categorical(name, rates))


def _distribution(rates: list[float] | RateRange) -> BaseDistribution:
    if isinstance(rates, RateRange):
        return FloatDistribution(rates.low, rates.high, log=True)
    return CategoricalDistribution(rates)


def _open(url: str | None) -> BaseStorage:
    if url is None:
        return InMemoryStorage()
    try:
        return RDBStorage(url)
    except (SQLAlchemyError, StorageInternalError, RuntimeError) as error:
        first = str(error).splitlines()[0]
        raise UserError(f"{url} cannot be used as an Optuna database ({first}); move it away, trials that have "
                        "ended come from the store") from None  # fmt: skip


def _study_id(name: str, storage: BaseStorage) -> int:
    try:
        return storage.create_new_study([StudyDirection.MAXIMIZE], name)
    except DuplicatedStudyError:
        return storage.get_study_id_from_name(name)
