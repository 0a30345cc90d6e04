"""The order in which trials start: the one whose next stage most trials wait for first, then as the board ranks stages.

Trials that could run are grouped by the next stage of their chain. Of a group one can start at a time, as the others
need the same stage; a group whose stage someone computes, or that sleeps, gives none. Every change costs time that
grows with the logarithm of the groups.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from heapq import heappop, heappush

from spaces.trial import Trial

Rank = tuple[float, ...]  # lower comes first
_Entry = tuple[int, Rank, str]  # trials that wait (negative), the rank of the stage, the stage


class Queue:
    """Trials that could run. `clock` tells seconds; `free` whether nobody computes a stage now; `rank` which of two
    stages comes first among equals. A stage's rank may only fall behind."""

    def __init__(self, clock: Callable[[], float], free: Callable[[str], bool], rank: Callable[[str], Rank]) -> None:
        self._clock = clock
        self._free = free
        self._rank = rank
        self._chains: dict[Trial, Sequence[str]] = {}
        self._next: dict[Trial, str] = {}
        self._groups: dict[str, dict[Trial, None]] = defaultdict(dict)  # by next stage
        self._waiting: Counter[str] = Counter()
        self._heap: list[_Entry] = []
        self._current: dict[str, _Entry] = {}  # of a stage's entries in the heap the one that counts
        self._asleep: list[tuple[float, str]] = []

    def __len__(self) -> int:
        return len(self._chains)

    def __contains__(self, trial: Trial) -> bool:
        return trial in self._chains

    def add(self, trial: Trial, chain: Sequence[str], next_stage: str) -> None:
        """Takes a trial in: the stages that it has still to pass, and the first of them."""
        self._chains[trial] = chain
        self._waiting.update(chain)
        self._join(trial, next_stage)

    def remove(self, trial: Trial) -> None:
        """Takes a trial out, if it is in."""
        if trial in self._chains:
            self._waiting.subtract(self._chains.pop(trial))
            del self._groups[self._next.pop(trial)][trial]

    def move(self, stage: str, next_stage: Callable[[Trial], str]) -> None:
        """The stage is done: those that waited for it come to their next one."""
        for trial in self._groups.pop(stage, {}):
            self._join(trial, next_stage(trial))

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
            elif entry != self._entry(stage):  # fewer wait for it than when it was queued, or it fell behind
                heappop(self._heap)
                self.look_at(stage)
            else:
                return next(iter(self._groups[stage]))
        return None

    def could_start(self) -> int:
        """How many trials could start side by side now: one of each group whose stage is free and awake."""
        sleeping = self._wake()
        return sum(bool(of) and self._free(stage) and stage not in sleeping for stage, of in self._groups.items())

    def prefers_another(self, stage: str) -> bool:
        """Whether someone would start before a trial that came into the queue and needed this stage next."""
        first = self.first()
        if first is None:
            return False
        waiting = self._waiting[stage] + 1
        return self._entry(self._next[first]) < (-waiting, self._rank(stage), stage)

    def _join(self, trial: Trial, stage: str) -> None:
        self._next[trial] = stage
        self._groups[stage][trial] = None
        self.look_at(stage)

    def _entry(self, stage: str) -> _Entry:
        return -self._waiting[stage], self._rank(stage), stage

    def _wake(self) -> set[str]:
        while self._asleep and self._asleep[0][0] <= self._clock():
            self.look_at(heappop(self._asleep)[1])
        return {stage for _, stage in self._asleep}
