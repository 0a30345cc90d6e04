"""Pictures of a sweep's trials: scores over learning rates, and who was stopped early where. Inline SVG."""

import io
from collections.abc import Mapping, Sequence
from itertools import cycle
from typing import TYPE_CHECKING, Any

from search.results import Results, TrialResult

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_INK = "#010203"  # stands for the page's own text colour
_LISTED = 8  # learning rates that have a place of their own on the axis
_STYLES = tuple((marker, line) for line in ("-", "--", ":") for marker in "osD^vP*X")  # told apart in grey as well


def curves(results: Results) -> list[dict[str, str]]:
    """A picture per target: `svg` and `caption`."""
    return [_of_target(results, target) for target in results.space["targets"]]


def _of_target(results: Results, target: str) -> dict[str, str]:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    trials = [one for one in results.trials if one.trial.target == target]
    trained = any(one.history for one in trials)
    looks = _looks(list(results.space["recipes"]))
    with matplotlib.rc_context():
        matplotlib.rc("svg", fonttype="none", hashsalt=target)
        matplotlib.rc("text", color=_INK)
        matplotlib.rc("axes", edgecolor=_INK, labelcolor=_INK)
        for ticks in ("xtick", "ytick"):
            matplotlib.rc(ticks, color=_INK)
        figure, panels = plt.subplots(1, 2 if trained else 1, figsize=(9.5 if trained else 5.5, 3.4), squeeze=False)
        _draw_rates(panels[0][0], trials, looks)
        if trained:
            _draw_stopping(panels[0][1], trials, looks)
        handles, labels = panels[0][0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside right center", fontsize=8, frameon=False)
        figure.tight_layout(rect=(0, 0, 0.84 if trained else 0.72, 1))
        text = io.StringIO()
        figure.savefig(text, format="svg", transparent=True)
        plt.close(figure)
    svg = text.getvalue()
    svg = svg[svg.index("<svg") :].replace(_INK, "currentColor")
    caption = f"{target}: test score over learning rates"
    if trained:
        stopped = sum(one.state == "stopped early" for one in trials)
        caption += f"; English dev over the target's training, {stopped} of {len(trials)} trials stopped early (×)"
    label = f'<svg role="img" aria-label="{caption}" '
    return {"svg": svg.replace("<svg ", label, 1), "caption": caption}


def _draw_rates(axes: "Axes", trials: Sequence[TrialResult], looks: Mapping[str, Mapping[str, Any]]) -> None:
    rates = sorted({one.trial.learning_rate for one in trials})
    listed = len(rates) <= _LISTED  # else they were drawn from a range
    for recipe, look in looks.items():
        finished = [one for one in trials if one.trial.recipe == recipe and one.score is not None]
        points = sorted((one.trial.learning_rate, one.score or 0.0) for one in finished)
        at = [rates.index(rate) if listed else rate for rate, _ in points]
        axes.plot(at, [score for _, score in points], label=recipe, markersize=4, linewidth=1, **look)
    if listed:
        axes.set_xticks(range(len(rates)), [f"{rate:g}" for rate in rates])
        axes.set_xlim(-0.5, len(rates) - 0.5)
    else:
        axes.set_xscale("log")
    axes.set_xlabel("learning rate")
    axes.set_ylabel("test score, mean over languages")


def _draw_stopping(axes: "Axes", trials: Sequence[TrialResult], looks: Mapping[str, Mapping[str, Any]]) -> None:
    for one in trials:
        if not one.history:
            continue
        look = looks[one.trial.recipe]
        shares = [point["step"] / point["steps"] for point in one.history]
        devs = [point["dev"] for point in one.history]
        axes.plot(shares, devs, linewidth=0.9, color=look["color"], linestyle=look["linestyle"])
        if one.state == "stopped early":
            axes.plot(shares[-1], devs[-1], marker="x", color=look["color"], markersize=5)
    axes.set_xlabel("share of the target's training")
    axes.set_ylabel("English dev")


def _looks(recipes: Sequence[str]) -> dict[str, dict[str, Any]]:
    """A colour, marker and line for every recipe."""
    import matplotlib

    colours = matplotlib.colormaps["tab10"].colors  # type: ignore[attr-defined]
    return {
        recipe: {"color": colour, "marker": marker, "linestyle": line}
        for recipe, colour, (marker, line) in zip(recipes, cycle(colours), cycle(_STYLES), strict=False)
    }
