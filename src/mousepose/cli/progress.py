"""How far a run is: a bar on a terminal, JSON lines where something else reads."""

from __future__ import annotations

import json
import sys
import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskID, TextColumn
from rich.progress import TimeRemainingColumn as TimeLeft
from rich.text import Text

#: Seconds between two JSON lines of one stage.
_LINE_SECONDS = 1.0


class ProgressReport:
    """Shows stages on stderr; call it with (stage, frames done, frames in all or 0).

    On a terminal one bar with frames/s and the time left, else one JSON line a second and one at
    the end of a stage: {"stage", "done", "total", "frames_per_second", "seconds_left"}.
    """

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(stderr=True)
        self._terminal = self._console.is_terminal
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            _Count(),
            _Speed(),
            TimeLeft(),
            console=self._console,
            transient=True,
            disable=not self._terminal,
        )
        self._task: TaskID | None = None
        self._stage = ""
        self._first = self._last = 0
        self._began = self._told = 0.0

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.stop()

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Tell that `done` frames of `total` (0: not known) of a stage are done."""
        now = time.monotonic()
        new = stage != self._stage
        if new:
            # Speed counts from the first report: what was found done took no time.
            self._stage, self._first, self._began = stage, done, now
        if self._terminal:
            self._show(new, done, total)
        elif new or now - self._told >= _LINE_SECONDS or (done == total != self._last):
            self._told, self._last = now, done
            self._write_line(done, total, now - self._began)

    def _show(self, new: bool, done: int, total: int) -> None:
        if new or self._task is None:
            if self._task is not None:
                self._bar.remove_task(self._task)
            self._task = self._bar.add_task(self._stage, total=None)
        self._bar.update(self._task, completed=done, total=total or None)

    def _write_line(self, done: int, total: int, seconds: float) -> None:
        speed = (done - self._first) / seconds if seconds > 0 and done > self._first else None
        left = (total - done) / speed if speed and total else None
        line = {
            "stage": self._stage,
            "done": done,
            "total": total or None,
            "frames_per_second": None if speed is None else round(speed, 1),
            "seconds_left": None if left is None else round(left, 1),
        }
        print(json.dumps(line), file=sys.stderr, flush=True)


class _Count(ProgressColumn):
    """Frames done, and of how many where that is known."""

    def render(self, task: Task) -> Text:
        """Return the frames of `task` in words."""
        of = "" if task.total is None else f" of {task.total:,.0f}"
        return Text(f"{task.completed:,.0f}{of} frames" if of or task.completed else "")


class _Speed(ProgressColumn):
    """Frames a second, over the last seconds."""

    def render(self, task: Task) -> Text:
        """Return the speed of `task` in words."""
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else f"{speed:,.0f} frames/s", style="cyan")
