"""What to try next: one file per strategy; `strategy_for` gives the one that a space names."""

from collections.abc import Mapping
from importlib import import_module

from search.strategies.base import Outcome, Strategy
from spaces import Space

__all__ = ["STRATEGIES", "Outcome", "Strategy", "strategy_for"]

# By the name that a space gives, which is the file's too: its class. A file is loaded when its strategy is named.
STRATEGIES: Mapping[str, str] = {"grid": "Grid", "random": "Random", "optuna": "TreeParzen"}


def strategy_for(space: Space, sweep: str = "", storage: str | None = None) -> Strategy:
    """The strategy that the space names, for the sweep of this id.

    `storage` is the URL of the Optuna database that it may keep things in, None where nothing is to be kept.
    """
    module = import_module(f"search.strategies.{space.strategy}")
    made: Strategy = getattr(module, STRATEGIES[space.strategy])(space, sweep, storage)
    return made
