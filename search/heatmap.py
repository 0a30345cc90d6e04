"""The transfer matrix as a picture."""

from pathlib import Path

from search.gains import TransferMatrix


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
        0, -0.04, "± one standard error, of runs that did not fail; (c): not above chance; -: no trial came to its end",
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
    error = matrix.gain_error(recipe, target)
    failures = matrix.cells[recipe, target].failures
    told = (f"\n±{error:.1f}" if error is not None else "") + (f"\n{failures}" if failures else "")
    return f"{gain:+.1f}{chance}{told}", "white" if dark else "black"


def _target_label(matrix: TransferMatrix, target: str) -> str:
    baseline = matrix.cells[("none", target)].score if ("none", target) in matrix.cells else None
    return f"{target}\nnone: {baseline:.1f}" if baseline is not None else target


def _or_nan(value: float | None) -> float:
    return float("nan") if value is None else value
