"""How does the scheduler's own cost grow with the number of trials? Simulated sweeps of up to 20,000 trials.

    python benchmarks/scale.py [--devices 256]

The paper's grid by published sizes, with ever more learning rates and seeds, played through by the real plan, board and
halving on simulated devices; learning curves are random. Prints the time of planning and of running, per trial, and
exit code 1 where the largest takes over a minute or the cost per trial grows faster than log n.
"""

import argparse
import math
import random
import sys
import time

from search.board import State
from search.halving import Halving
from search.simulator import simulate
from search.strategies import strategy_for
from search.sweep import published_plan
from spaces import Space, load_space
from spaces.space import Stopping
from spaces.trial import Trial
from trainables.stages import Stage, TrainStage

LIMIT_SECONDS = 60.0
SIZES = ((5, 3), (10, 6), (15, 15))  # learning rates and seeds: 1,350, 5,400 and 20,250 trials
SECONDS_PER_EXAMPLE = 1 / 300  # of a GPU


def main() -> int:
    """Prints a row per size; 0 when the limits hold."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--devices", type=int, default=256)
    devices = parser.parse_args().devices
    print(f"{'trials':>8} {'stages':>8} {'plan s':>8} {'run s':>8} {'ms/trial':>9} {'stopped':>8} {'simulated':>12}")
    per_trial: dict[int, float] = {}
    for rates, seeds in SIZES:
        trials, spent = play(space_of(rates, seeds), devices)
        per_trial[trials] = spent / trials
        if spent > LIMIT_SECONDS:
            return 1
    (fewest, least), (most, cost) = min(per_trial.items()), max(per_trial.items())
    growth, allowed = cost / least, math.log(most) / math.log(fewest)
    print(f"cost per trial grew {growth:.2f} times; n log n would be {allowed:.2f} times")
    return 0 if growth <= 1.25 * allowed else 1  # a quarter for noise


def play(space: Space, devices: int) -> tuple[int, float]:
    """Simulates a space; trials, and real seconds of planning and running."""
    began = time.perf_counter()
    plan = published_plan(space)
    planned = time.perf_counter() - began
    result = simulate(plan, Halving(space.stopping), strategy_for(space), devices, seconds, dev)
    spent = time.perf_counter() - began
    trials, stopped = len(plan.chains), result.board.count(State.STOPPED)
    assert result.board.over and stopped + result.board.count(State.FINISHED) == trials
    print(
        f"{trials:8,} {len(plan.stages):8,} {planned:8.1f} {spent - planned:8.1f} {1000 * spent / trials:9.2f} "
        f"{stopped:8,} {result.seconds / 3600:10.1f} h",
        flush=True,
    )
    return trials, spent


def space_of(rates: int, seeds: int) -> Space:
    """The paper's grid with more learning rates and seeds, and early stopping."""
    more = {"learning_rates": [1e-6 * 1.3**n for n in range(rates)], "seeds": list(range(seeds))}
    return load_space("paper").model_copy(update=more | {"stopping": Stopping()})


def seconds(stage: Stage) -> float:
    """A training stage by its examples; half a minute to score."""
    return stage.examples * SECONDS_PER_EXAMPLE if isinstance(stage, TrainStage) else 30.0


def dev(trial: Trial, share: float) -> float:
    """A random curve of each trial's own."""
    rng = random.Random(trial.id)
    return 40 + 40 * rng.random() * share ** rng.uniform(0.2, 0.6)


if __name__ == "__main__":
    sys.exit(main())
