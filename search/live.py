"""The live picture of a running sweep: a table on a terminal, a line now and then elsewhere."""

import time
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from search.board import Board, State
from spaces.trial import Trial
from trainables.events import Evaluated, Finished, Prepared, Progressed, Scored, StageDone
from trainables.stages import Stage, TrainStage

_REDRAW_SECONDS = 0.5
_LINE_SECONDS = 15.0


class LiveTable:
    """Shows a board while it runs; use as a context manager and call `tick` at every event."""

    def __init__(self, board: Board, console: Console) -> None:
        self.board = board
        self.console = console
        self.began = time.monotonic()
        self._drawn = self.began
        self._doing: dict[Trial, str] = {}
        self._progress: dict[str, int] = {}  # examples that stages under way have trained in this run
        self._live = Live(console=console, auto_refresh=False) if console.is_terminal else None

    def __enter__(self) -> "LiveTable":
        if self._live:
            self._live.start()
        return self

    def __exit__(self, *error: object) -> None:
        if self._live:
            self._live.update(self._picture(), refresh=True)
            self._live.stop()

    def tick(self, trial: Trial | None, event: dict[str, Any] | None) -> None:
        """Takes an event in, and redraws when it is time."""
        if trial is not None and event is not None:
            self._take(trial, event)
        now = time.monotonic()
        if self._live and now - self._drawn >= _REDRAW_SECONDS:
            self._drawn = now
            self._live.update(self._picture(), refresh=True)
        elif not self._live and now - self._drawn >= _LINE_SECONDS:
            self._drawn = now
            self.console.print(self._line(), soft_wrap=True)

    def _take(self, trial: Trial, event: dict[str, Any]) -> None:
        match event["kind"]:
            case Evaluated.kind:
                stage = self.board.plan.stages[event["stage"]]
                self._progress[event["stage"]] = event["examples"]
                self._doing[trial] = f"{stage.task} {event['step']}/{event['steps']}, English dev {event['dev']:.1f}"
            case Progressed.kind:
                stage = self.board.plan.stages[event["stage"]]
                self._progress[event["stage"]] = event["examples"]
                self._doing[trial] = f"{stage.task} {event['step']}/{event['steps']}, loss {event['loss']:.3g}"
            case Prepared.kind:
                stage = self.board.plan.stages[event["stage"]]
                self._doing[trial] = f"{stage.task}, tokenised {event['examples']:,} of {event['of']:,} examples"
            case Scored.kind:
                stage = self.board.plan.stages[event["stage"]]
                self._doing[trial] = f"scoring {stage.task}, {event['language']} {event['value']:.1f}"
            case StageDone.kind:
                self._progress.pop(event["stage"], None)
            case Finished.kind:
                self._doing.pop(trial, None)

    def _line(self) -> Text:
        return Text(" | ".join([*self._counts(), self._time_left()]))

    def _picture(self) -> RenderableType:
        done, all_of_it = self._examples()
        bar = ProgressBar(total=max(1, all_of_it), completed=min(done, all_of_it), width=40)
        running = Table("running", "doing", show_edge=False, box=None, header_style="dim")
        for trial in self.board.in_state(State.RUNNING):
            running.add_row(trial.id, self._doing.get(trial, "starting"))
        best = Table("target", "best on English dev so far", "recipe", show_edge=False, box=None, header_style="dim")
        for target, (dev, trial) in self._best().items():
            best.add_row(target, f"{dev:.1f}", f"{trial.recipe} at {trial.learning_rate:g}")
        counts, left = Text("  ".join(self._counts())), Text(self._time_left())
        return Group(counts, bar, left, Text(), running, Text(), best)

    def _counts(self) -> list[str]:
        states = [standing.state for standing in self.board.standings.values()]
        counts = [f"{states.count(state)} {state}" for state in State if state in states]
        stages = self.board.plan.stages
        shared = sum(self.board.plan.users[key] > 1 for key in self.board.done if key in stages)
        done = [", ".join(counts), f"stages {len(self.board.done)}/{len(stages)} done, {shared} of them shared"]
        budget = self.board.budget
        return [*done, f"{self.board.device_hours:.2g} device hours spent, budget {budget}"] if budget else done

    def _time_left(self) -> str:
        done, all_of_it = self._examples()
        gone, left = _duration(time.monotonic() - self.began), self._seconds_left()
        at_most = "?" if left is None else _duration(left)
        return f"{done:,} of at most {all_of_it:,} examples, {gone} gone, at most {at_most} left"

    def _examples(self) -> tuple[int, int]:
        """Examples trained (whenever) of the sweep's stages, and all of those, without what stopped trials leave."""
        stages = {key: one for key, one in self.board.plan.stages.items() if isinstance(one, TrainStage)}
        stopped = self._stopped()
        done = sum(stage.examples for key, stage in stages.items() if key in self.board.done)
        done += sum(self._progress.get(key, 0) for key in stages if key not in stopped | self.board.done)
        return done, sum(stage.examples for key, stage in stages.items() if key not in stopped)

    def _seconds_left(self) -> float | None:
        """By what stages of their kind took, as many side by side as now; None before anything is known of that."""
        board, stopped = self.board, self._stopped()
        left = sum(self._left_of(stage) for key, stage in board.plan.stages.items() if key not in stopped | board.done)
        running = board.count(State.RUNNING)
        return left / running if left and running else None

    def _left_of(self, stage: Stage) -> float:
        part = self._progress.get(stage.key, 0) / stage.examples if isinstance(stage, TrainStage) else 0.0
        return self.board.costs.seconds(stage) * (1 - part)

    def _stopped(self) -> set[str]:
        """Target stages of trials that were stopped early."""
        stages = (self.board.plan.target_stage(trial) for trial in self.board.in_state(State.STOPPED))
        return {stage.key for stage in stages if stage is not None}

    def _best(self) -> dict[str, tuple[float, Trial]]:
        best: dict[str, tuple[float, Trial]] = {}
        for trial, standing in self.board.standings.items():
            dev = max((point["dev"] for point in standing.history), default=None)
            if dev is not None and (trial.target not in best or dev > best[trial.target][0]):
                best[trial.target] = (dev, trial)
        return best


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else (f"{minutes} min {rest:02} s" if minutes else f"{rest} s")
