"""Two sweeps side by side: what both have measured, and where they differ."""

from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.text import Text

from search.gains import Cell, TransferMatrix
from search.tables import table
from spaces import UserError
from spaces.recipes import NONE


def comparison(names: tuple[str, str], one: TransferMatrix, other: TransferMatrix) -> RenderableType:
    """Scores of `none` and gains of every recipe that both sweeps have, target by target.

    Raises `UserError` where they have no target or no recipe in common.
    """
    targets = [target for target in one.targets if target in other.targets]
    recipes = [recipe for recipe in one.recipes if recipe in other.recipes]
    if not targets or not recipes:
        raise UserError(f"{names[0]} and {names[1]} have no {'target' if not targets else 'recipe'} in common")
    made = table(
        "Gain over none; of none the score",
        ("target", "recipe"),
        ("first", "second", "difference"),
        note="Second less first. Whether it is more than luck takes one sweep: put the recipes into one space.",
    )
    for target in targets:
        for recipe in recipes:
            values = [_value(matrix, recipe, target) for matrix in (one, other)]
            told = ["-" if value is None else f"{value:.1f}" if recipe == NONE else f"{value:+.1f}" for value in values]
            made.add_row(target, recipe, *told, _difference(values))
    first, second = (Text(f"{word}: {name}") for word, name in zip(("First", "Second"), names, strict=True))
    return Group(first, second, Text(), made, *_lines(one, other, targets))


def _value(matrix: TransferMatrix, recipe: str, target: str) -> float | None:
    return matrix.cells[recipe, target].score if recipe == NONE else matrix.gain(recipe, target)


def _difference(values: list[float | None]) -> str:
    first, second = values
    return "-" if first is None or second is None else f"{second - first:+.1f}"


def _lines(one: TransferMatrix, other: TransferMatrix, targets: list[str]) -> Iterator[Text]:
    """Targets whose oracle differs."""
    for target in targets:
        best = one.oracle(target), other.oracle(target)
        if best[0] and best[1] and best[0].recipe != best[1].recipe:
            yield Text(f"Oracle on {target}: first {_named(best[0])}, second {_named(best[1])}.")


def _named(cell: Cell) -> str:
    return f"{cell.recipe} ({cell.score:.1f})"
