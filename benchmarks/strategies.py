"""Which strategy finds good recipes and learning rates for the fewest device hours? Simulated sweeps, 20 landscapes.

    python benchmarks/strategies.py [--seeds 20] [--devices 8]

XTREME's targets and the paper's recipes by published sizes, played through by the real board, halving and strategies.
What a trial scores is made up: a recipe helps or hurts each target by a random amount, and each has a best learning
rate of its own. Regret is how far the trial that English dev picks is from the best there is, in points, the mean over
the targets that train; the table has its median over the landscapes, and quartiles.
"""

import argparse
import math
import random
from statistics import fmean, quantiles

from rich.console import Console
from rich.progress import track

from search.board import Board, State
from search.halving import Halving
from search.plan import Plan
from search.simulator import simulate
from search.strategies import STRATEGIES, strategy_for
from search.sweep import published_plan
from search.tables import table
from spaces import Space, load_space
from spaces.space import Stopping
from spaces.trial import Trial
from trainables.stages import Stage, TrainStage

LOW, HIGH = 1e-6, 1e-4
GRID = [1e-6, 3.2e-6, 1e-5, 3.2e-5, 1e-4]
HOURS = (15, 30, 60, 120)
SECONDS_PER_EXAMPLE = 1 / 300  # of a GPU
NOISE = 0.5  # points on English dev, from seed to seed


class Landscape:
    """Made-up scores on English dev (0 to 100), the same for all strategies."""

    def __init__(self, space: Space, seed: int) -> None:
        rng = random.Random(seed)
        self.seed = seed
        self._at_best = {
            (recipe, target): 65 + (rng.gauss(0, 3) if recipe != "none" else 0)
            for target in space.targets
            for recipe in space.recipes
        }
        of_target = {target: rng.gauss(-5, 0.3) for target in space.targets}
        self._best_rate = {(recipe, target): rng.gauss(of_target[target], 0.1) for recipe, target in self._at_best}

    def best(self, target: str) -> float:
        """The best that a target can reach."""
        return max(score for (_, one), score in self._at_best.items() if one == target)

    def score(self, trial: Trial) -> float:
        """What a trial is worth at its end: ten points less at ten times the best rate, and no less than nothing."""
        off = math.log10(trial.learning_rate) - self._best_rate[trial.recipe, trial.target]
        return max(0.0, self._at_best[trial.recipe, trial.target] - 10 * off**2)

    def dev(self, trial: Trial, share: float) -> float:
        """Its score on English dev on the way there, with noise."""
        noise = random.Random(f"{self.seed}/{trial.id}/{share}").gauss(0, NOISE)
        return self.score(trial) * (1 - 0.4 * math.exp(-4 * share)) + noise


def main() -> None:
    """Prints a row per budget."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--devices", type=int, default=8)
    arguments = parser.parse_args()
    plans = {strategy: published_plan(space_of(strategy, 1, 0)) for strategy in STRATEGIES}
    made = table("Regret in points, median and quartiles", ("device hours",), tuple(STRATEGIES))
    runs = [(hours, strategy) for hours in HOURS for strategy in STRATEGIES]
    cells: dict[tuple[float, str], str] = {}
    for hours, strategy in track(runs, "simulating", transient=True):
        regrets = [play(strategy, plans[strategy], hours, seed, arguments.devices) for seed in range(arguments.seeds)]
        low, median, high = quantiles(regrets, n=4)
        cells[hours, strategy] = f"{median:.2f} [{low:.2f}, {high:.2f}]"
    for hours in HOURS:
        made.add_row(str(hours), *(cells[hours, strategy] for strategy in STRATEGIES))
    Console().print(made)


def play(strategy: str, plan: Plan, hours: float, seed: int, devices: int) -> float:
    """The regret of one simulated sweep."""
    space = space_of(strategy, hours, seed)
    landscape = Landscape(space, seed)
    chosen = strategy_for(space)
    played = simulate(plan, Halving(space.stopping), chosen, devices, seconds, landscape.dev, budget=space.budget)
    return fmean(regret(played.board, landscape, target) for target in space.trained_targets)


def regret(board: Board, landscape: Landscape, target: str) -> float:
    """What the trial that English dev picks lacks to the best; all that could be had where none came to its end."""
    finished = [one for one in board.in_state(State.FINISHED) if one.target == target]
    picked = max(
        (one for one in finished if board.halving.selectable(one)),
        key=lambda one: max(point["dev"] for point in board.standings[one].history),
        default=None,
    )
    return landscape.best(target) - (landscape.score(picked) if picked else 0.0)


def space_of(strategy: str, hours: float, seed: int) -> Space:
    """The paper's recipes and targets; five rates for the grid, a range for those that draw."""
    rates = GRID if strategy == "grid" else {"low": LOW, "high": HIGH}
    paper = load_space("paper", strategy=strategy, budget={"device_hours": hours}, learning_rates=rates, seeds=[seed])
    return paper.model_copy(update={"stopping": Stopping(keep="best")})


def seconds(stage: Stage) -> float:
    """A training stage by its examples; half a minute to score."""
    return stage.examples * SECONDS_PER_EXAMPLE if isinstance(stage, TrainStage) else 30.0


if __name__ == "__main__":
    main()
