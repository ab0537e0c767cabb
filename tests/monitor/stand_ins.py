"""What stands in for stages in worker processes: each does one thing that may happen to a stage."""

from __future__ import annotations

import ctypes
import errno
import logging
import os
import time
import warnings
from pathlib import Path
from typing import Any

from mousepose.errors import FileError
from mousepose.monitor.records import FrameCount, Outcome, Task


def well(task: Task, cage: Any, store: Any) -> Outcome:
    """All goes well; the process is told by the events."""
    frames = FrameCount(total=task.segment.frames)
    return Outcome(task.segment.id, task.stage, task.token, frames, seconds={"pid": os.getpid()})


def wrong(task: Task, cage: Any, store: Any) -> Outcome:
    """It fails, after it logged something."""
    logging.getLogger("stage").warning("the picture looks odd")
    warnings.warn("a frame is missing", stacklevel=1)
    raise FileError("no video")


def full(task: Task, cage: Any, store: Any) -> Outcome:
    """The disk is full, as the store tells it."""
    try:
        raise OSError(errno.ENOSPC, "No space left on device")
    except OSError as error:
        raise FileError("points cannot be written") from error


def killed(task: Task, cage: Any, store: Any) -> Outcome:
    """The worker is killed; the second time it is not."""
    mark = Path(task.segment.path)
    if not mark.exists():
        mark.touch()
        os.kill(os.getpid(), 9)
    return well(task, cage, store)


def crash(task: Task, cage: Any, store: Any) -> Outcome:
    """A library crashes."""
    ctypes.string_at(0)
    raise AssertionError


def stuck(task: Task, cage: Any, store: Any) -> Outcome:
    """It takes for ever."""
    time.sleep(1000)
    raise AssertionError


def a_moment(task: Task, cage: Any, store: Any) -> Outcome:
    """It takes a quarter of a second."""
    time.sleep(0.25)
    return well(task, cage, store)


def rows(task: Task, cage: Any, store: Any) -> Outcome:
    """It writes three rows that name the segment."""
    import pyarrow as pa

    from mousepose.monitor.store.store import TIME

    time.sleep(0.1)
    start = [task.segment.start] * 3
    table = pa.table({"time": pa.array(start, TIME.type), "mark": [task.segment.id] * 3})
    name = {"points": "points", "poses": "poses", "measures": "strides"}[task.stage]
    written = store.write(name, task.segment, table)
    time.sleep(0.1)
    frames = FrameCount(total=task.segment.frames if task.stage == "points" else 0)
    return Outcome(task.segment.id, task.stage, task.token, frames, (written,))


def poisoned(task: Task, cage: Any, store: Any) -> Outcome:
    """The video of cage a kills its worker, that of b is none."""
    if task.segment.cage == "a":
        os.kill(os.getpid(), 9)
    if task.segment.cage == "b":
        raise FileError("no video")
    return rows(task, cage, store)
