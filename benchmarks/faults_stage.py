"""What stands in for the stages of most cages while faults happen: quick, and it forgets nothing.

Each row it writes depends on the segment's file and on all that the real stage would read of the
neighbours, so a segment that was done twice, out of order or with other inputs gives other rows.
"""

from __future__ import annotations

import hashlib
import time
from pathlib import Path

import numpy as np
import pyarrow as pa

from mousepose.errors import FileError
from mousepose.monitor.records import FrameCount, Outcome, Segment, Stage, Task, Written
from mousepose.monitor.sources.look import look_at
from mousepose.monitor.stages import CageWork, run_stage
from mousepose.monitor.store.store import TIME, Store

#: Seconds that a stage takes: long enough to be killed in its middle.
PAUSE = 0.05
#: Cages whose names begin so go through the real stages.
REAL = "real"
_TABLE = {Stage.POINTS: "points", Stage.POSES: "poses", Stage.MEASURES: "strides"}
#: What a stage needs of the segments next to its own, and of its own.
_NEEDS = {Stage.POINTS: ("carry",), Stage.POSES: ("points",), Stage.MEASURES: ("poses",)}


def run_either(task: Task, cage: CageWork, store: Store) -> Outcome:
    """Do a stage, really for some cages."""
    if task.segment.cage.startswith(REAL):
        return run_stage(task, cage, store)
    return run_light(task, cage, store)


def run_light(task: Task, cage: CageWork, store: Store) -> Outcome:
    """Write rows that tell all that a stage was made of. Raises `FileError` as POINTS does."""
    segment = task.segment
    count = segment.frames
    if task.stage == Stage.POINTS:
        path = Path(segment.path)
        if not path.exists():
            raise FileError(f"{path}: the segment is gone")
        count = look_at(path).frames
        if count != segment.frames:
            raise FileError(f"{path}: has {count} frames, and had {segment.frames}")
    time.sleep(PAUSE)
    mark = _mark(task, store)
    written = [store.write(_TABLE[task.stage], segment, _rows(segment, mark, count), "mouse0")]
    time.sleep(PAUSE)
    if task.stage == Stage.POINTS:
        written.append(store.write_bytes("carry", segment, mark.encode(), ".npz"))
    if task.stage == Stage.POSES and not _files(task, None, ("animal",)):
        written.append(store.write_bytes("animal", segment, mark.encode(), ".json", "mouse0"))
    frames = FrameCount(total=count, seen=count) if task.stage == Stage.POINTS else FrameCount()
    return Outcome(segment.id, task.stage, task.token, frames, tuple(written))


def _files(task: Task, segment: Segment | None, tables: tuple[str, ...]) -> list[Written]:
    """Return the inputs of a segment, or of all segments."""
    found = task.inputs.values() if segment is None else [task.inputs.get(segment.id, ())]
    return [one for files in found for one in files if one.table in tables]


def _mark(task: Task, store: Store) -> str:
    """Return a mark of everything that the stage's result depends on."""
    mark = hashlib.sha256(f"{task.segment.id} {task.segment.digest} {task.stage}".encode())
    near = [task.before, None if task.stage == Stage.POINTS else task.segment, task.after]
    for segment in near:
        mark.update(b"-" if segment is None else segment.id.encode())
        if segment is not None:
            for written in _files(task, segment, _NEEDS[task.stage]):
                if written.table == "carry":
                    mark.update(store.read_bytes(written))
                else:
                    mark.update(store.read(written)["mark"][0].as_py().encode())
    return mark.hexdigest()


def _rows(segment: Segment, mark: str, count: int) -> pa.Table:
    start = round(segment.start.timestamp() * 1e6)
    times = start + np.rint(np.arange(count) * 1e6 / segment.fps).astype(np.int64)
    return pa.table({
        TIME.name: pa.array(times).cast(TIME.type),
        "mouse": pa.repeat("mouse0", count),
        "frame": pa.array(np.arange(count)),
        "mark": pa.repeat(mark, count),
    })  # fmt: skip
