"""What the test scores of a sweep say of each recipe: gains with intervals, and a verdict in words.

Over all languages of a target, and over each language, family and script. A gain is that of the trials which English
dev chose; the verdict's p-values are corrected for the number of recipes on the target (Holm).
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search.findings import Finding, Scope, Verdict
from search.gains import TransferMatrix
from search.results import TrialResult
from search.significance import (
    LEVEL,
    Estimate,
    Points,
    Variance,
    bootstrap,
    combined,
    holm,
    pooled_over_seeds,
    seeds_needed,
)
from spaces import LANGUAGES
from spaces.recipes import NONE

_FEWEST_SEEDS = 3  # two give a variance, but hardly

PointsOf = Callable[[TrialResult], Points]
_Floats = NDArray[np.float64]


def evidence(matrix: TransferMatrix, points_of: PointsOf) -> list[Finding]:
    """The findings of a sweep; none for targets without a baseline."""
    return [finding for target in matrix.targets for finding in _of_target(matrix, target, points_of)]


def _of_target(matrix: TransferMatrix, target: str, points_of: PointsOf) -> Iterator[Finding]:
    groups = {recipe: matrix.cells[recipe, target].chosen for recipe in matrix.recipes}
    groups = {recipe: chosen for recipe, chosen in groups.items() if chosen}
    if NONE not in groups or len(groups) == 1:
        return
    runs = [result for chosen in groups.values() for result in chosen]
    languages = tuple(runs[0].languages)
    drawn = bootstrap([points_of(result) for result in runs])
    scored = np.array([[result.languages[code]["value"] for code in languages] for result in runs])
    ends = np.cumsum([len(chosen) for chosen in groups.values()]).tolist()
    rows = {recipe: slice(end - len(groups[recipe]), end) for recipe, end in zip(groups, ends, strict=True)}
    for scope, name, members in _scopes(languages):
        columns = [languages.index(code) for code in members]
        for told in _compared(rows, scored[:, columns].mean(1), drawn[:, columns].mean(1)):
            yield Finding(target=target, scope=scope, name=name, **told)


def _compared(rows: dict[str, slice], scored: _Floats, drawn: _Floats) -> Iterator[dict[str, Any]]:
    """What a finding says but for where. `scored` (runs,) and `drawn` (runs, draws) are means over some languages,
    `rows` tells which runs are a recipe's."""
    between_seeds = pooled_over_seeds([scored[of].tolist() for of in rows.values()])
    baseline, baseline_drawn = scored[rows[NONE]], drawn[rows[NONE]].mean(0)
    compared = []
    for recipe, of in rows.items():
        if recipe != NONE:
            of_examples = float(np.var(drawn[of].mean(0) - baseline_drawn))
            gain = float(scored[of].mean() - baseline.mean())
            seeds = len(scored[of]), len(baseline)
            compared.append((recipe, combined(gain, of_examples, between_seeds, *seeds), of_examples, min(seeds)))
    corrected = holm([estimate.p for _, estimate, _, _ in compared])
    for (recipe, estimate, of_examples, fewest), p in zip(compared, corrected, strict=True):
        verdict, more = _verdict(estimate, p, of_examples, between_seeds, fewest)
        low, high = estimate.interval
        yield {"recipe": recipe, "gain": estimate.value, "low": low, "high": high, "p": p,
               "verdict": verdict, "seeds": fewest, "more_seeds": more}  # fmt: skip


def _verdict(
    estimate: Estimate, p: float, of_examples: float, between_seeds: Variance | None, seeds: int
) -> tuple[Verdict, int | None]:
    if between_seeds is None or seeds < 2:
        return Verdict.TOO_FEW, _FEWEST_SEEDS - seeds
    if p < 1 - LEVEL:
        return (Verdict.HELPS if estimate.value > 0 else Verdict.HURTS), None
    needed = seeds_needed(estimate, of_examples, between_seeds)
    if needed is None or needed <= seeds:
        return Verdict.NO_EVIDENCE, None
    return Verdict.TOO_FEW, needed - seeds


def _scopes(languages: Sequence[str]) -> Iterator[tuple[Scope, str, list[str]]]:
    """All languages, each one, and every family and script among them."""
    yield Scope.ALL, "", list(languages)
    for code in languages:
        yield Scope.LANGUAGE, code, [code]
    for scope in (Scope.FAMILY, Scope.SCRIPT):
        groups: dict[str, list[str]] = {}
        for code in languages:
            groups.setdefault(getattr(LANGUAGES[code], scope), []).append(code)
        for name, members in groups.items():
            yield scope, name, members
