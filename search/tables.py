"""The look of every table in the terminal: light, and narrow enough for 80 columns."""

from rich import box
from rich.table import Table

AT_CHANCE = "≈"  # marks a score that is not above chance
SOME_FAILED = "!"  # marks a score of which some runs failed


def table(title: str, text: tuple[str, ...], numbers: tuple[str, ...] = (), note: str = "") -> Table:
    """A table with text columns, of which only the last may wrap, and number columns, aligned right."""
    made = Table(
        title=title, title_justify="left", title_style="bold", caption=note or None, caption_justify="left",
        box=box.SIMPLE_HEAD, show_edge=False,
    )  # fmt: skip
    for index, name in enumerate(text):
        made.add_column(name, no_wrap=index == 0 or index < len(text) - 1, overflow="fold")
    for name in numbers:
        made.add_column(name, justify="right", overflow="fold")
    return made


def number(value: float | None) -> str:
    """A score as a cell's text."""
    return "-" if value is None else f"{value:.1f}"


def signed(value: float | None) -> str:
    """A difference as a cell's text."""
    return "-" if value is None else f"{value:+.1f}"
