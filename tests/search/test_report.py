"""What the report says beside the numbers: group scores, missing languages, chance, long inputs."""

import io
from typing import Any

from rich.console import Console

from search.evidence import weigh
from search.findings import Look
from search.gains import transfer_matrix
from search.report import full_report, warnings
from search.results import Results, TrialResult
from spaces.trial import Trial
from tests.search.test_gains import failing_recipe, result, results_of, units_of

COST = {
    "examples_alone": 10, "examples_planned": 10, "examples_trained": 10, "examples_trained_now": 0,
    "examples_spared": 0, "device_hours": 1.256, "seconds": 1.0,
}  # fmt: skip


def scored(value: float, chance: float = 33.0, **more: Any) -> dict[str, Any]:
    return {"value": value, "chance": chance, "error": 1.0, "examples": 100, "metrics": {"accuracy": value},
            "above_chance": value > chance + 2, **more}  # fmt: skip


def report_of(scores: dict[str, dict[str, dict[str, Any]]], **more: Any) -> str:
    """The report of one recipe, `none`, on targets by language."""
    trials = [
        TrialResult(Trial(target, "none", 0.1, 0.1, 0), "finished", dev=1.0, languages=languages, **more)
        for target, languages in scores.items()
    ]
    space = {"recipes": ["none"], "targets": list(scores), "source": "mirror", "evaluation": {}}
    results = weigh(Results("s-1", space, trials, COST), units_of)
    text = io.StringIO()
    Console(file=text, width=140).print(full_report(results, transfer_matrix(results)))
    return text.getvalue()


def test_a_group_is_scored_where_all_its_targets_are() -> None:
    both = report_of({"xnli": {"en": scored(60.0)}, "pawsx": {"en": scored(80.0)}})
    assert "XTREME's scores by group" in both and "classification" in both and "70.0" in both
    assert "overall" not in both
    assert "XTREME's scores by group" not in report_of({"xnli": {"en": scored(60.0)}})


def test_languages_that_were_not_scored_are_counted() -> None:
    text = report_of({"pawsx": {"en": scored(60.0), "de": scored(60.0)}})
    assert "Scored in fewer languages than XTREME has: pawsx 2 of 7." in text


def test_english_at_chance_is_named_even_where_the_mean_is_not() -> None:
    text = report_of({"xnli": {"en": scored(34.0), "de": scored(90.0)}})
    assert "Not above chance (English): xnli: every recipe." in text
    assert "Not above chance (mean over languages)" not in text


def test_what_became_of_long_inputs_is_told_per_task_and_set() -> None:
    told = {"examples": 1_000, "split": 7, "cut": 3}
    text = report_of(
        {"xnli": {code: scored(60.0, inputs=told) for code in ("en", "de")}},
        trained=[{"task": "xnli", "role": "target", "inputs": {"train": told}}],
    )
    rows = [line.split() for line in text.splitlines() if line.startswith(" xnli")]
    assert ["xnli", "train", "1,000", "7", "3"] in rows
    assert ["xnli", "test", "2,000", "14", "6"] in rows


def test_what_the_budget_left_out_is_told_and_what_to_do() -> None:
    reason = "not run: the budget of 1.25 device hours is spent"
    trials = [
        TrialResult(Trial("xnli", "none", 0.1, 0.1, 0), "finished", dev=1.0, languages={"en": scored(60.0)}),
        TrialResult(Trial("xnli", "mnli", 0.1, 0.1, 0), "not run", reason),
        TrialResult(Trial("xnli", "snli", 0.1, 0.1, 0), "not run", reason),
    ]
    budget = {"trials": None, "device_hours": 1.25, "money": None, "price": 2.0}
    space = {"recipes": ["none", "mnli", "snli"], "targets": ["xnli"], "source": "mirror", "budget": budget}
    results = Results("s-1", space, trials, COST)
    text = io.StringIO()
    Console(file=text, width=140).print(full_report(results, transfer_matrix(results)))
    lines = text.getvalue().splitlines()
    assert "Budget: 1.25 device hours. Spent in all runs: 1.26 device hours, which cost 2.51." in lines
    assert f"Trials {reason}; raise it and run the sweep again to go on." in lines
    assert any(line.split() == ["mnli", "not", "run"] for line in lines)
    assert "Trials: 3 (1 finished, 2 not run). Time of this run: 1 s." in lines


def test_seeds_and_languages_have_tables_of_their_own_where_there_is_something_to_say() -> None:
    one = report_of({"tatoeba": {"de": scored(60.0)}})
    assert "Over seeds" not in one and "Between languages" not in one
    two = report_of({"xnli": {"en": scored(60.0), "de": scored(40.0, consistency=71.3)}})
    assert "Between languages" in two and "+20.0" in two and "71.3" in two


def test_trials_that_failed_are_counted() -> None:
    trials = [TrialResult(Trial("xnli", "none", 0.1, 0.1, seed), "failed", "RuntimeError: no") for seed in (0, 1)]
    results = Results("s-1", {"recipes": ["none"], "targets": ["xnli"], "source": "world"}, trials, COST)
    assert "Trials that failed: none on xnli 2." in str(warnings(results, transfer_matrix(results))[0])


def full(results: Results) -> str:
    text = io.StringIO()
    Console(file=text, width=140).print(full_report(results, transfer_matrix(results)))
    return text.getvalue()


def test_runs_that_failed_are_marked_counted_and_explained() -> None:
    none = [result("none", 0.1, dev=60, scores={"en": 60}, seed=seed) for seed in range(5)]
    mnli = [result("mnli", 0.1, dev=64, scores={"en": 64}, seed=seed) for seed in range(2)]
    lost = [result("mnli", 0.1, dev=None, scores={}, seed=seed, state="failed") for seed in (2, 3, 4)]
    made = results_of(*none, *mnli, *lost)
    space = {**made.space, "source": "world", "evaluation": {}}
    text = full(weigh(Results("s-1", space, made.trials, COST), units_of))
    (row,) = [line for line in text.splitlines() if line.split()[:1] == ["mnli"] and "±" in line]
    assert "-14.6" in row and "!" in row
    assert "Runs that failed: mnli on xnli 3 of 5." in text
    assert failing_recipe(end="lost").findings["mnli", "xnli"].verdict == "runs failed"


def test_a_later_look_is_named() -> None:
    made = results_of(result("none", 0.1, dev=60, scores={"en": 60}))
    space = {**made.space, "source": "world", "evaluation": {}}
    text = full(weigh(Results("s-1", space, made.trials, COST, looks={"xnli": Look(2)}), units_of))
    assert "Not the first look at a question: xnli 2." in text and "0.80%" in text


def test_what_english_dev_picks_stands_before_the_oracle() -> None:
    made = results_of(
        result("none", 0.1, dev=60, scores={"en": 50}),
        result("mnli", 0.1, dev=70, scores={"en": 60}),
        result("qqp", 0.1, dev=65, scores={"en": 80}),
    )
    space = {**made.space, "source": "world", "evaluation": {}}
    lines = full(weigh(Results("s-1", space, made.trials, COST), units_of)).splitlines()
    (row,) = [line.split() for line in lines if line.split()[:2] == ["xnli", "mnli"] and "qqp" in line]
    assert row[:5] == ["xnli", "mnli", "qqp", "+10.0", "+30.0"]
