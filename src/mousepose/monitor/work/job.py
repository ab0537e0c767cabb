"""A stage as it is sent to a worker, and how it ended as the worker tells it."""

from __future__ import annotations

import errno
import logging
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from mousepose.monitor.records import Outcome, Stage, Task
from mousepose.monitor.work.limit import time_limit
from mousepose.monitor.work.memory import release_unused

if TYPE_CHECKING:
    from mousepose.monitor.stages import CageWork
    from mousepose.monitor.store.store import Store

#: What does a stage; it can be sent to other processes.
RunStage = Callable[["Task", "CageWork", "Store"], Outcome]

#: Seconds that one stage of a segment may take where nothing else is said.
TIME_LIMIT = 3600.0
#: Lines of a worker's log that go with a fault.
_MOST_LINES = 400


class Ending(StrEnum):
    """How work on a stage ended.

    DONE gave an outcome. FAILED is the segment's own fault, or the program's. The others are of the
    world around it: the disk is FULL, the folder of the videos is AWAY, the video alone is GONE,
    the worker was CUT_OFF in the middle, or the work came back RETURNED as it was sent.
    """

    DONE = "done"
    FAILED = "failed"
    FULL = "full"
    AWAY = "away"
    GONE = "gone"
    CUT_OFF = "cut off"
    RETURNED = "returned"


def run_stage(task: Task, cage: CageWork, store: Store) -> Outcome:
    """Do the stage of a task; only who does one loads what stages need."""
    from mousepose.monitor import stages

    return stages.run_stage(task, cage, store)


@dataclass(frozen=True, eq=False)
class Job:
    """A task with all that a worker needs for it, which may take `limit_s` seconds.

    Its worker is stopped then.
    `run` does a stage; something else may stand in for the stages of `mousepose.monitor.stages`.
    """

    task: Task
    cage: CageWork
    store: Store
    limit_s: float = TIME_LIMIT
    run: RunStage = run_stage


@dataclass(frozen=True)
class Answer:
    """How the stage of a token ended: with an `outcome`, or for a `reason` with the log until then.

    `token` is that of the task.
    """

    token: str
    ending: Ending
    outcome: Outcome | None = None
    reason: str = ""
    log: str = ""


def do(job: Job) -> Answer:
    """Do a job; whatever goes wrong is an answer."""
    with _log() as log:
        try:
            with time_limit(job.limit_s):
                outcome = job.run(job.task, job.cage, job.store)
        except Exception as error:
            ending, reason = _ending(error, job.task)
            told = "\n".join([*log[-_MOST_LINES:], traceback.format_exc()])
            return Answer(job.task.token, ending, None, reason, told)
        finally:
            release_unused()
    return Answer(job.task.token, Ending.DONE, outcome)


def _ending(error: Exception, task: Task) -> tuple[Ending, str]:
    """Return what an error means for the work, and the reason in words."""
    reason = f"{error}" or type(error).__name__
    if _is_full(error):
        return Ending.FULL, reason
    video = Path(task.segment.path)
    if task.stage == Stage.POINTS and not video.exists():
        if video.parent.is_dir():
            return Ending.GONE, "the file is gone"
        return Ending.AWAY, f"the folder {video.parent} is not there"
    return Ending.FAILED, reason


def _is_full(error: BaseException | None) -> bool:
    """Tell whether an error, or one that led to it, says that a disk has no room."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        if isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}:
            return True
        error = error.__cause__ or error.__context__
    return False


class _Lines(logging.Handler):
    """Keeps what is logged as lines."""

    def __init__(self, lines: list[str]) -> None:
        super().__init__(logging.INFO)
        self._lines = lines
        self.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        """Keep one line, the last ones only."""
        self._lines.append(self.format(record))
        del self._lines[: -2 * _MOST_LINES]


@contextmanager
def _log() -> Iterator[list[str]]:
    """Give the lines that are logged in the block, warnings among them."""
    lines: list[str] = []
    handler, root = _Lines(lines), logging.getLogger()
    root.addHandler(handler)
    show = warnings.showwarning

    def keep(
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        lines.append(f"{category.__name__}: {message} ({Path(filename).name}:{lineno})")

    warnings.showwarning = keep
    try:
        yield lines
    finally:
        warnings.showwarning = show
        root.removeHandler(handler)
