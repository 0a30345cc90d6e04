"""The report as one HTML file that needs nothing else: to be read offline, on a phone, in the dark, on paper."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml
from jinja2 import Environment, PackageLoader, StrictUndefined

from search.best_of import best_row, from_to
from search.curves import curves
from search.evidence_report import group_rows
from search.findings import Finding, Scope, Verdict
from search.gains import Cell, TransferMatrix
from search.report import warnings
from search.results import Results
from search.tables import AT_CHANCE, number, signed
from spaces import LANGUAGES
from spaces.recipes import NONE

_MARKS = {Verdict.HELPS: "▲", Verdict.HURTS: "▼", Verdict.NO_EVIDENCE: "○", Verdict.TOO_FEW: "?", Verdict.FAILED: "!"}
_DEEPEST = 0.75  # opacity of the largest gain, so that text stays readable on it


@dataclass(frozen=True)
class View:
    """One table of the matrix: recipes down, and across targets, or one target's languages, families or scripts."""

    scope: str
    target: str
    title: str
    columns: Sequence[str]
    rows: Sequence[Mapping[str, Any]]


def write_html(results: Results, matrix: TransferMatrix, environment: Mapping[str, Any], path: Path) -> None:
    """Writes the report; nothing in it asks for anything from anywhere. `environment` is where the sweep ran."""
    templates = Environment(loader=PackageLoader("search"), autoescape=True, undefined=StrictUndefined)
    template = templates.get_template("report.html.j2")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(template.render(**_told(results, matrix, environment)), encoding="utf-8")


def _told(results: Results, matrix: TransferMatrix, environment: Mapping[str, Any]) -> dict[str, Any]:
    space = dict(results.space)
    return {
        "sweep": results.sweep,
        "description": space.get("description", ""),
        "model": space["model"],
        "space_name": space["name"],
        "trials": len(results.trials),
        "made": datetime.now(UTC).strftime("%Y-%m-%d"),
        "best": [best_row(matrix, target) for target in matrix.targets],
        "groups": group_rows(matrix),
        "warnings": [str(line) for line in warnings(results, matrix)],
        "views": views(results, matrix),
        "scopes": ["target", *(scope.value for scope in Scope if scope is not Scope.ALL)],
        "figures": curves(results),
        "behind": [_behind(matrix, recipe, target) for target in matrix.targets for recipe in matrix.recipes],
        "cost": list(_cost(results)),
        "space": yaml.safe_dump(space, sort_keys=False, allow_unicode=True),
        "environment": yaml.safe_dump(dict(environment), sort_keys=False),
    }


def views(results: Results, matrix: TransferMatrix) -> list[View]:
    """The matrix by target, then for every target by language, family and script."""
    found = {(one.recipe, one.target, one.scope, one.name): one for one in results.findings}
    reach = max([1.0, *(abs(one.gain) for one in results.findings if one.scope is Scope.ALL)])
    rows = []
    for recipe in matrix.recipes:
        here = {target: found.get((recipe, target, Scope.ALL, "")) for target in matrix.targets}
        cells = [_cell(matrix.cells[recipe, to], one, f"{recipe} on {to}", reach) for to, one in here.items()]
        rows.append({"recipe": recipe, "cells": cells})
    made = [View("target", "", "Mean over each target's languages", matrix.targets, rows)]
    for target in matrix.targets:
        for scope in (Scope.LANGUAGE, Scope.FAMILY, Scope.SCRIPT):
            made += _by(scope, target, results.findings, matrix, reach)
    return made


def _by(scope: Scope, target: str, findings: Sequence[Finding], matrix: TransferMatrix, reach: float) -> Iterator[View]:
    of = [one for one in findings if one.target == target and one.scope is scope]
    names = list(dict.fromkeys(one.name for one in of))
    found = {(one.recipe, one.name): one for one in of}
    rows = []
    for recipe in matrix.recipes:
        if recipe != NONE:
            here = {name: f"{recipe} on {target}, {_spelled(scope, name)}" for name in names}
            cells = [_cell(None, found.get((recipe, name)), where, reach) for name, where in here.items()]
            rows.append({"recipe": recipe, "cells": cells})
    columns = [_spelled(scope, name) for name in names]
    yield View(scope.value, target, f"{target}, by {scope}", columns, rows)


def _cell(cell: Cell | None, finding: Finding | None, where: str, reach: float) -> dict[str, Any]:
    if finding is None:
        score = (
            "-" if cell is None or cell.score is None else f"{cell.score:.1f}{'' if cell.above_chance else AT_CHANCE}"
        )
        return {"gain": None, "text": score}
    chance = "" if cell is None or cell.above_chance else AT_CHANCE
    told = "\n".join(_tip(finding))
    return {
        "gain": finding.gain,
        "depth": f"{_DEEPEST * min(1.0, math.sqrt(abs(finding.gain) / reach)):.2f}",
        "text": f"{finding.gain:+.1f}{chance}",
        "mark": _MARKS[finding.verdict],
        "tip": told,
        "spoken": f"{where}: {told.replace(chr(10), ', ')}",
    }


def _tip(finding: Finding) -> Iterator[str]:
    """A finding's numbers, line by line."""
    more = f"; {finding.more_seeds} more would likely tell" if finding.more_seeds and finding.seeds > 1 else ""
    yield f"{finding.gain:+.1f} points"
    if finding.failures:
        yield f"{finding.failures}, counted as chance; {signed(finding.learned_gain)} between the others"
    yield f"95%: {from_to(finding.interval())}"
    p = "p < 0.001" if finding.p < 0.0005 else f"p = {finding.p:.3f}"
    yield f"{p}, {finding.seeds} seeds{more}" if finding.seeds > 1 else f"{finding.seeds} seed{more}"
    yield finding.verdict


def _behind(matrix: TransferMatrix, recipe: str, target: str) -> dict[str, str]:
    """What a mean score does not tell: seeds, and languages."""
    cell = matrix.cells[recipe, target]
    gains = (None, None) if recipe == NONE else (matrix.gain(recipe, target), matrix.best_gain(recipe, target))
    return {
        "target": target,
        "recipe": recipe,
        "failed": f"{cell.failed_runs} of {cell.seeds}",
        "score": number(cell.score),
        "error": number(cell.error),
        "best": number(cell.best_score),
        "gain": signed(gains[0]),
        "best_gain": signed(gains[1]),
        "english": number(cell.english),
        "gap": signed(cell.gap),
        "consistency": number(cell.consistency),
    }


def _cost(results: Results) -> Iterator[tuple[str, str]]:
    cost = results.totals
    alone, trained = cost["examples_alone"], cost["examples_trained"]
    yield "examples, if every trial did all its work", f"{alone:,}"
    yield "with shared stages, at most", f"{cost['examples_planned']:,}"
    yield "trained in all runs", f"{trained:,}"
    if trained:
        yield "times less than alone", f"{alone / trained:.1f}"
    yield "spared by early stopping and failures", f"{cost['examples_spared']:,}"
    yield "device hours in all runs", f"{cost['device_hours']:.3g}"
    states = [one.state for one in results.trials]
    for state in dict.fromkeys(states):
        yield f"trials {state}", f"{states.count(state):,}"


def _spelled(scope: Scope, name: str) -> str:
    return f"{name} {LANGUAGES[name].name}" if scope is Scope.LANGUAGE else name
