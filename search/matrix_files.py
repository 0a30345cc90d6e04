"""The transfer matrix and its evidence as files that programs read (their columns: docs/evidence.md)."""

import csv
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from search.findings import Finding
from search.gains import TransferMatrix


def write_csv(matrix: TransferMatrix, path: Path) -> None:
    """One row per recipe and target."""
    rows = list(_rows(matrix))
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(rows[0])
        writer.writerows(["" if value is None else value for value in row.values()] for row in rows)


def write_json(matrix: TransferMatrix, path: Path) -> None:
    """The same as `mlflow.log_table` writes a table: `columns`, and `data` row by row."""
    rows = list(_rows(matrix))
    text = {"columns": list(rows[0]), "data": [list(row.values()) for row in rows]}
    path.write_text(json.dumps(text, indent=1, ensure_ascii=False, allow_nan=False), encoding="utf-8")


def _rows(matrix: TransferMatrix) -> Iterator[dict[str, Any]]:
    """Scores, gains and errors in points, what was chosen, and how many trials came how far."""
    for (recipe, target), cell in matrix.cells.items():
        mean, best = cell.over_rates or (None, None)
        numbers = {
            "gain": matrix.gain(recipe, target),
            "gain_error": matrix.gain_error(recipe, target),
            "best_gain": matrix.best_gain(recipe, target),
            "score": cell.score,
            "score_error": cell.error,
            "best_score": cell.best_score,
            "chance": cell.chance,
            "english": cell.english,
            "gap_to_english": cell.gap,
            "consistency": cell.consistency,
            "mean_over_rates": mean,
            "best_over_rates": best,
        }
        rounded = {name: None if value is None else round(value, 4) for name, value in numbers.items()}
        rates = " ".join(f"{rate:g}" for rate in cell.rates)
        chosen = {"above_chance": cell.above_chance, "learning_rates": rates}
        counts = {name: getattr(cell, name) for name in ("seeds", "failed_runs", "finished", "stopped", "failed")}
        yield {"recipe": recipe, "target": target} | rounded | chosen | counts


def write_evidence(findings: Sequence[Finding], path: Path) -> None:
    """One row per recipe, target and scope: the gain (points), its 95% interval, corrected p, and the verdict."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [field.name for field in fields(Finding)])
        writer.writeheader()
        for finding in findings:
            numbers = {
                name: _digits(getattr(finding, name))
                for name in ("gain", "learned_gain", "error", "freedom", "test_freedom", "low", "high", "p")
            }
            writer.writerow(asdict(finding) | numbers)


def _digits(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"
