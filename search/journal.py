"""What a sweep must not forget when it is killed: its trials, which have started, and the time they held a device.

One line of JSON each, appended as it happens. Results are not in it: the store has those.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from spaces.trial import Trial


class Journal:
    """A sweep's journal in a file, over all its runs; without a path it lasts as long as the process.

    `trials` are those that the strategy gave, in order; `counted` the ids of those that a budget of trials counts;
    `running` the ids of those that held a device when the last line was written; `seconds` device time in all.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self.trials: dict[Trial, None] = {}
        self.counted: set[str] = set()
        self.running: dict[str, None] = {}
        self.seconds = 0.0
        for line in _lines(path):
            self._take(line)

    def given(self, trials: Iterable[Trial]) -> None:
        """The sweep has these trials, as it had before or from now on."""
        self._write([{"given": asdict(trial)} for trial in trials if trial not in self.trials])

    def started(self, trial: Trial, counts: bool) -> None:
        """A trial is given a device; whether it counts from now on."""
        self._write([{"started": trial.id, "counts": counts}])

    def held(self, trial: Trial, seconds: float) -> None:
        """A trial has held its device for so long since this was last told, or since it started."""
        self._write([{"held": trial.id, "seconds": round(seconds, 3)}])

    def left(self, trial: Trial) -> None:
        """A trial has given its device away."""
        self._write([{"left": trial.id}])

    def _write(self, lines: Sequence[dict[str, Any]]) -> None:
        for line in lines:
            self._take(line)
        if self._path is not None and lines:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("a", encoding="utf-8") as file:
                # A kill may have cut the last line short: it is ended, so that it spoils no other.
                file.write("".join(f"\n{json.dumps(line)}" for line in lines))

    def _take(self, line: dict[str, Any]) -> None:
        match line:
            case {"given": trial}:
                self.trials[Trial(**trial)] = None
            case {"started": trial, "counts": counts}:
                self.running[trial] = None
                if counts:
                    self.counted.add(trial)
            case {"held": _, "seconds": seconds}:
                self.seconds += seconds
            case {"left": trial}:
                self.running.pop(trial, None)


def _lines(path: Path | None) -> Iterator[dict[str, Any]]:
    if path is None or not path.exists():
        return
    for text in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            yield json.loads(text)
        except ValueError:
            continue  # empty, or cut short by a kill
