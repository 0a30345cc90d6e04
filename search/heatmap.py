"""The transfer matrix as a picture, as CSV and as a table of MLflow, and the evidence behind it (docs/evidence.md)."""

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
            numbers = {name: _digits(getattr(finding, name)) for name in ("gain", "low", "high", "p")}
            writer.writerow(asdict(finding) | numbers)


def draw_heatmap(matrix: TransferMatrix, title: str, path: Path) -> None:
    """A PNG: recipes down, targets across, gains in colour and digits; signs and marks read in greyscale too."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    import numpy as np

    recipes = [recipe for recipe in matrix.recipes if recipe != "none"]
    gains = np.array([[_or_nan(matrix.gain(recipe, target)) for target in matrix.targets] for recipe in recipes])
    gains = gains.reshape(len(recipes), len(matrix.targets))
    reach = max(1.0, float(np.nanmax(np.abs(gains)))) if np.isfinite(gains).any() else 1.0
    figure, axes = plt.subplots(figsize=(2.8 + 1.3 * len(matrix.targets), 1.8 + 0.55 * len(recipes)), dpi=150)
    image = axes.imshow(gains, cmap="RdBu", vmin=-reach, vmax=reach, aspect="auto")
    for row, recipe in enumerate(recipes):
        for column, target in enumerate(matrix.targets):
            text, colour = _cell_text(matrix, recipe, target, abs(gains[row, column]) > 0.6 * reach)
            axes.text(column, row, text, ha="center", va="center", fontsize=8, color=colour)
    axes.set_xticks(
        range(len(matrix.targets)), [_target_label(matrix, target) for target in matrix.targets], fontsize=8
    )
    axes.set_yticks(range(len(recipes)), recipes, fontsize=9)
    axes.xaxis.tick_top()
    axes.tick_params(length=0)
    axes.set_title(f"{title}\n", fontsize=10)
    axes.text(
        0, -0.04, "± one standard error; (c): not above chance; -: no trial came to its end",
        transform=axes.transAxes, fontsize=7, va="top",
    )  # fmt: skip
    figure.colorbar(image, ax=axes, label="gain over none (points)", shrink=0.9)
    figure.tight_layout()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path)
    plt.close(figure)


def _cell_text(matrix: TransferMatrix, recipe: str, target: str, dark: bool) -> tuple[str, str]:
    gain = matrix.gain(recipe, target)
    if gain is None:
        return "-", "black"
    chance = "" if matrix.cells[recipe, target].above_chance else " (c)"
    return f"{gain:+.1f}{chance}\n±{matrix.gain_error(recipe, target):.1f}", "white" if dark else "black"


def _target_label(matrix: TransferMatrix, target: str) -> str:
    baseline = matrix.cells[("none", target)].score if ("none", target) in matrix.cells else None
    return f"{target}\nnone: {baseline:.1f}" if baseline is not None else target


def _or_nan(value: float | None) -> float:
    return float("nan") if value is None else value


def _digits(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"
