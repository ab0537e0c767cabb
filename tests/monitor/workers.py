"""A ledger with segments, and workers that a test moves by hand."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from mousepose.monitor.ledger.ledger import Ledger
from mousepose.monitor.records import FrameCount, Outcome, Segment, Stage, Task
from mousepose.monitor.work.job import Answer, Ending, Job

START = datetime(2026, 5, 1, 8, tzinfo=UTC)


class Now:
    """A clock that goes when it is told to: seconds when called, `utc` for the ledger."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds

    def utc(self) -> datetime:
        return START + timedelta(seconds=self.seconds)


class Hand:
    """Workers that do nothing until the test says how a job ended."""

    def __init__(self, workers: int = 2, now: Now | None = None) -> None:
        self.workers, self.now = workers, now
        self.jobs: list[Job] = []
        self.ready: list[Answer] = []
        self.waiting = 0  #: the last so many of the jobs were not begun
        self.closed = False

    def submit(self, job: Job) -> None:
        self.jobs.append(job)

    def answers(self, wait_s: float) -> list[Answer]:
        if self.now is not None and not self.ready:
            self.now.seconds += wait_s
        found, self.ready = self.ready, []
        return found

    def withdraw(self) -> list[str]:
        kept = len(self.jobs) - self.waiting
        taken, self.jobs = self.jobs[kept:], self.jobs[:kept]
        return [job.task.token for job in taken]

    def close(self) -> None:
        self.closed = True

    def end(self, number: int = 0, ending: Ending = Ending.DONE, **told: Any) -> Task:
        """End a job that was sent."""
        task = self.jobs.pop(number).task
        outcome = done(task) if ending == Ending.DONE else None
        self.ready.append(Answer(task.token, ending, outcome, **told))
        return task


def done(task: Task) -> Outcome:
    """What a stage gives that saw nothing and wrote nothing."""
    count = FrameCount(total=task.segment.frames) if task.stage == Stage.POINTS else FrameCount()
    return Outcome(task.segment.id, task.stage, task.token, count)


def minute(number: int, cage: str = "a", follows: bool = True) -> Segment:
    """The n-th minute of a cage's film."""
    start = START + timedelta(minutes=number)
    path = f"/films/{cage}/{number:04}.mp4"
    return Segment(cage, start, path, 1800, 30.0, 60.0, f"{cage}{number}", follows and number > 0)


def fill(ledger: Ledger, minutes: int, cages: str = "a") -> None:
    """Add minutes of film of some cages, the last one's border closed."""
    for cage in cages:
        ledger.add_cages({cage: 1})
        for number in range(minutes):
            ledger.add_segment(minute(number, cage))
        ledger.close_border(minute(minutes - 1, cage).id)


def job_maker(store: Any = None, cage: Any = None, **settings: Any) -> Callable[[Task], Job]:
    """What makes jobs of tasks."""
    return lambda task: Job(task, cage, store, **settings)
