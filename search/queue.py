"""The order in which trials start: the one whose next stage most trials wait for first.

Trials that could run are grouped by the next stage of their chain. Of a group one can start at a time, as the others
need the same stage; a group whose stage someone computes, or that sleeps, gives none. Every change costs time that
grows with the logarithm of the groups.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from heapq import heappop, heappush
from itertools import count

from spaces.trial import Trial

_Entry = tuple[int, int, int, str]  # trials that wait (negative), begun or not, order of arrival, stage


class Queue:
    """Trials that could run. `clock` tells seconds; `free` whether nobody computes a stage now."""

    def __init__(self, clock: Callable[[], float], free: Callable[[str], bool]) -> None:
        self._clock = clock
        self._free = free
        self._chains: dict[Trial, Sequence[str]] = {}
        self._next: dict[Trial, str] = {}
        self._groups: dict[str, dict[Trial, bool]] = defaultdict(dict)  # by next stage: trial, and whether it has begun
        self._begun: Counter[str] = Counter()
        self._waiting: Counter[str] = Counter()
        self._heap: list[_Entry] = []
        self._current: dict[str, _Entry] = {}  # of a stage's entries in the heap the one that counts
        self._asleep: list[tuple[float, str]] = []
        self._arrivals = count()

    def __len__(self) -> int:
        return len(self._chains)

    def __contains__(self, trial: Trial) -> bool:
        return trial in self._chains

    def add(self, trial: Trial, chain: Sequence[str], next_stage: str, begun: bool) -> None:
        """Takes a trial in: the stages that it has still to pass, and the first of them."""
        self._chains[trial] = chain
        self._waiting.update(chain)
        self._join(trial, next_stage, begun)

    def remove(self, trial: Trial) -> None:
        """Takes a trial out, if it is in."""
        if trial in self._chains:
            self._waiting.subtract(self._chains.pop(trial))
            stage = self._next.pop(trial)
            self._begun[stage] -= self._groups[stage].pop(trial)

    def move(self, stage: str, next_stage: Callable[[Trial], str]) -> None:
        """The stage is done: those that waited for it come to their next one."""
        for trial, begun in self._groups.pop(stage, {}).items():
            self._join(trial, next_stage(trial), begun)

    def sleep(self, stage: str, seconds: float) -> None:
        """Nobody starts at the stage for a while."""
        heappush(self._asleep, (self._clock() + seconds, stage))

    def look_at(self, stage: str) -> None:
        """Trials may start at the stage (again)."""
        if self._groups.get(stage):
            self._current[stage] = self._entry(stage)
            heappush(self._heap, self._current[stage])

    def first(self) -> Trial | None:
        """The trial to start next, None when none can; it stays in until it is removed."""
        sleeping = self._wake()
        while self._heap:
            entry = self._heap[0]
            stage = entry[-1]
            if entry is not self._current.get(stage):
                heappop(self._heap)
            elif not self._groups.get(stage) or not self._free(stage) or stage in sleeping:
                heappop(self._heap)
                del self._current[stage]
            elif entry[:2] != self._entry(stage)[:2]:  # fewer wait for it than when it was queued
                heappop(self._heap)
                self.look_at(stage)
            else:
                return self._of_group(stage)
        return None

    def _join(self, trial: Trial, stage: str, begun: bool) -> None:
        self._next[trial] = stage
        self._groups[stage][trial] = begun
        self._begun[stage] += begun
        self.look_at(stage)

    def _entry(self, stage: str) -> _Entry:
        # Trials that have begun come first among equals: most of their work is done.
        return -self._waiting[stage], 0 if self._begun[stage] else 1, next(self._arrivals), stage

    def _of_group(self, stage: str) -> Trial:
        group = self._groups[stage]
        if self._begun[stage]:
            return next(trial for trial, begun in group.items() if begun)
        return next(iter(group))

    def _wake(self) -> set[str]:
        while self._asleep and self._asleep[0][0] <= self._clock():
            self.look_at(heappop(self._asleep)[1])
        return {stage for _, stage in self._asleep}
