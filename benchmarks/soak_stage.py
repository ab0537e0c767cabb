"""What stands in for POINTS in a soak: keypoints that were found once, played again and again."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from mousepose.monitor.records import FrameCount, Outcome, Stage, Task
from mousepose.monitor.stages import CageWork, run_stage
from mousepose.monitor.store.store import TIME, Store


@dataclass(frozen=True)
class Played:
    """Does stages: POINTS of segments whose path is `template` are rows of that file, in turns.

    Played forwards and backwards, so that the mouse does not jump. Segments of any other path are
    really looked at.
    """

    template: Path

    def __call__(self, task: Task, cage: CageWork, store: Store) -> Outcome:
        """Return what the stage gave."""
        if task.stage != Stage.POINTS or task.segment.path != str(self.template):
            return run_stage(task, cage, store)
        segment = task.segment
        first = _before(task, store)
        rows = _template(self.template)
        turn = np.arange(first, first + segment.frames) % (2 * len(rows))
        place = np.where(turn < len(rows), turn, 2 * len(rows) - 1 - turn)
        within = np.arange(segment.frames) / segment.fps
        start = round(segment.start.timestamp() * 1e6)
        own = {
            TIME.name: pa.array(start + np.rint(within * 1e6).astype(np.int64)).cast(TIME.type),
            "frame": pa.array(np.arange(first, first + segment.frames)),
            "time_s": pa.array(np.arange(first, first + segment.frames) / segment.fps),
        }
        table = rows.take(pa.array(place))
        for name, values in own.items():
            table = table.set_column(table.schema.get_field_index(name), name, values)
        written = store.write("points", segment, table, "mouse0")
        count = FrameCount(total=segment.frames, seen=segment.frames)
        return Outcome(segment.id, task.stage, task.token, count, (written,))


def _before(task: Task, store: Store) -> int:
    """Return how many frames the chain has before this segment."""
    if task.before is None:
        return 0
    for written in task.inputs.get(task.before.id, ()):
        if written.table == "points":
            return int(store.read(written, ["frame"])["frame"][-1].as_py()) + 1
    return 0


@lru_cache(maxsize=1)
def _template(path: Path) -> pa.Table:
    return pq.read_table(path)
