"""What to try next: one file per strategy; `strategy_for` gives the one that a space names."""

from search.strategies.base import Strategy
from search.strategies.grid import Grid
from spaces import Space

__all__ = ["Grid", "Strategy", "strategy_for"]

STRATEGIES: dict[str, type[Strategy]] = {"grid": Grid}


def strategy_for(space: Space) -> Strategy:
    """The strategy that the space names."""
    return STRATEGIES[space.strategy](space)
