"""What a sweep has found, trial by trial, as plain data: kept as JSON beside the sweep, read by every report."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from search.board import Board, Records, State, trained_by
from search.findings import Finding, Look, Measurement, Scope
from spaces import UserError
from spaces.trial import Trial
from trainables.doubt import beyond_doubt
from trainables.stages import TrainStage

RESULTS_FILE = "results.json"
SCHEMA = 4
OF_THIS_RUN = {"examples_trained_now", "seconds"}  # of the totals


@dataclass(frozen=True)
class TrialResult:
    """One trial. Scores are 0 to 100.

    `dev` is English dev of the target's training, or, where the target trains nothing, of the last intermediate
    stage; `languages` maps codes to value, chance, error, examples, metrics, above_chance and, of parallel test sets,
    consistency. `selectable` is false for a
    trial that was outdone at a rung: it may not be chosen, though it may have run to its end. `trained` are its
    training stages' task, and, once they are done, history, dev and inputs (what became of long ones). `seconds` are
    those that this trial's own stages took, `chain_seconds` those of all stages that it stands on, whoever computed
    them. `scored` is the key of its scoring stage, whose entry in the store has the predictions.
    """

    trial: Trial
    state: str
    reason: str = ""
    dev: float | None = None
    selectable: bool = True
    languages: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    history: list[dict[str, Any]] = field(default_factory=list)
    trained: list[dict[str, Any]] = field(default_factory=list)
    facts: Mapping[str, Any] = field(default_factory=dict)
    examples_trained: int = 0
    examples_shared: int = 0
    seconds: float = 0.0
    chain_seconds: float = 0.0
    scored: str = ""
    error: float = 0.0

    @property
    def score(self) -> float | None:
        """The target's score: the mean over its languages, as XTREME averages."""
        return _mean([language["value"] for language in self.languages.values()])

    @property
    def gap(self) -> float | None:
        """By how much English scores above the mean of the other languages; None where it is not scored, or alone."""
        others = _mean([language["value"] for code, language in self.languages.items() if code != "en"])
        return None if others is None or "en" not in self.languages else self.languages["en"]["value"] - others

    @property
    def consistency(self) -> float | None:
        """How alike English and the others are answered, the mean over languages; None where it cannot be told."""
        told = [language.get("consistency") for language in self.languages.values()]
        return _mean([alike for alike in told if alike is not None])

    @property
    def intermediate(self) -> list[dict[str, Any]]:
        """Of `trained` those before the target's own."""
        return [stage for stage in self.trained if stage["role"] == "intermediate"]

    @property
    def inputs(self) -> dict[tuple[str, str], dict[str, int]]:
        """What became of long inputs (`trainables.encoded.lengths_told`) by task and set; of test sets the sum."""
        trained = [(stage["task"], stage.get("inputs", {})) for stage in self.trained]
        told = {(task, split): counts for task, sets in trained for split, counts in sets.items()}
        tests = [language["inputs"] for language in self.languages.values() if "inputs" in language]
        if tests:
            told[self.trial.target, "test"] = {name: sum(counts[name] for counts in tests) for name in tests[0]}
        return told

    @property
    def chance(self) -> float | None:
        """What guessing earns, the mean over languages."""
        return _mean([language["chance"] for language in self.languages.values()])

    @property
    def learned(self) -> bool:
        """Whether the target's training came above chance on English dev (one-sided, 95%): if not, the run failed.

        The best evaluation decides, as its weights are the ones that were kept, corrected for how many there were. True
        where that is not known, and where the target trains nothing.
        """
        best = max(self._dev_points, key=lambda point: point["dev"], default=None)
        return best is None or beyond_doubt(best["dev"] - best["chance"], best["error"], len(self._dev_points))

    @property
    def dev_chance(self) -> float:
        """What guessing earns on English dev of the target; 0 where that is not known."""
        return self._dev_points[0]["chance"] if self._dev_points else 0.0

    @property
    def _dev_points(self) -> list[dict[str, Any]]:
        points = [point for stage in self.trained if stage["role"] == "target" for point in stage.get("history", [])]
        return [point for point in points if "chance" in point]


@dataclass(frozen=True)
class Results:
    """A sweep's trials, what it cost, and what the test scores say of the recipes.

    `looks` say by target how often its question was looked at, with this sweep (`search.looks`).
    """

    sweep: str
    space: Mapping[str, Any]
    trials: list[TrialResult]
    totals: Mapping[str, Any]
    findings: list[Finding] = field(default_factory=list)
    measurements: list[Measurement] = field(default_factory=list)
    looks: Mapping[str, Look] = field(default_factory=dict)

    def finding(self, recipe: str, target: str) -> Finding | None:
        """What is said of a recipe on a target, over all its languages."""
        wanted = (recipe, target, Scope.ALL)
        return next((one for one in self.findings if (one.recipe, one.target, one.scope) == wanted), None)

    def save(self, folder: Path) -> Path:
        """Writes `results.json`, whole or not at all."""
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / RESULTS_FILE
        draft = path.with_suffix(".part")
        text = {"schema": SCHEMA, **asdict(self)}
        draft.write_text(json.dumps(text, indent=1, ensure_ascii=False, allow_nan=False), encoding="utf-8")
        draft.replace(path)
        return path

    @classmethod
    def load(cls, folder: Path) -> "Results":
        """Reads what `save` wrote; raises `UserError` where it is missing or damaged."""
        path = folder / RESULTS_FILE
        try:
            saved = json.loads(path.read_text(encoding="utf-8"))
            if saved["schema"] != SCHEMA:
                raise UserError(
                    f"{path} is of another version of Stopover; run the sweep again, what still holds is in the store"
                )
            trials = [TrialResult(**(one | {"trial": Trial(**one["trial"])})) for one in saved["trials"]]
            findings = [Finding.from_plain(one) for one in saved["findings"]]
            measured = [Measurement.from_plain(one) for one in saved["measurements"]]
            looks = {target: Look(**one) for target, one in saved["looks"].items()}
            return cls(saved["sweep"], saved["space"], trials, saved["totals"], findings, measured, looks)
        except FileNotFoundError:
            raise UserError(f"{folder.name}: no results yet under {folder}; run the sweep first") from None
        except (OSError, ValueError, KeyError, TypeError):
            raise UserError(f"{path} is damaged; run the sweep again, finished stages come from the store") from None


def trial_result(trial: Trial, board: Board) -> TrialResult:
    """A trial's result as the board and the store have it now."""
    standing = board.standings[trial]
    chain = board.plan.chains[trial]
    trained = [stage for stage in chain if isinstance(stage, TrainStage)]
    records = {stage.key: board.store.record(stage.key) or {} for stage in trained}
    scored = (board.store.record(chain[-1].key) or {}) if standing.state is State.FINISHED else {}
    computed = [stage for stage in trained if stage.key in standing.computed]
    reused = [stage for stage in trained if stage.key in standing.reused and stage.key not in standing.computed]
    under_way = standing.history[-1]["examples"] if standing.history and standing.state is State.STOPPED else 0
    return TrialResult(
        trial=trial,
        state=standing.state.value,
        reason=standing.reason,
        dev=_dev(trained[-1], records, board.store) if trained else None,
        selectable=board.halving.selectable(trial),
        languages=scored.get("languages", {}),
        history=standing.history,
        trained=[{"task": stage.task, "role": str(stage.role), **_told(records[stage.key])} for stage in trained],
        facts={name: scored[name] for name in ("layer", "pooling") if name in scored} | _parts(records),
        # of a stage that patience ended fewer than planned
        examples_trained=sum(int(records[stage.key].get("examples", 0)) for stage in computed) + under_way,
        examples_shared=sum(stage.examples for stage in reused),
        seconds=round(standing.seconds, 3),
        chain_seconds=round(sum(one.get("seconds", 0.0) for one in (*records.values(), scored)), 3),
        scored=chain[-1].key if scored else "",
        error=scored.get("error", 0.0),
    )


def totals(board: Board, seconds: float) -> dict[str, Any]:
    """The sweep's cost: examples if every trial did all its work, with sharing, trained in all runs and in this one,
    and not trained at all; device hours in all runs; seconds of this run."""
    trained = trained_by(board.plan, board.store)
    return {
        "examples_alone": board.plan.examples_alone,
        "examples_planned": board.plan.examples_shared,
        "examples_trained": trained,
        "examples_trained_now": trained - board.trained_before,
        "examples_spared": board.plan.examples_shared - trained,
        "device_hours": round(board.device_hours, 4),
        "seconds": round(seconds, 1),
    }


def _told(record: Mapping[str, Any]) -> dict[str, Any]:
    return {name: record[name] for name in ("history", "dev", "inputs") if name in record}


def _parts(records: Mapping[str, Mapping[str, Any]]) -> dict[str, int]:
    """In how many parts batches went through the device, where its memory did not hold them whole."""
    parts = max((record.get("parts_of_a_batch", 1) for record in records.values()), default=1)
    return {"parts_of_a_batch": parts} if parts > 1 else {}


def _dev(stage: TrainStage, records: Mapping[str, Mapping[str, Any]], store: Records) -> float | None:
    record = records[stage.key] or store.snapshot_record(stage.key) or {}
    return max((point["dev"] for point in record.get("history", [])), default=None)


def _mean(values: list[float]) -> float | None:
    return sum(values) / len(values) if values else None
