"""A room without cameras: made-up segments, work done in an instant, a clock that is set."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa

from mousepose.monitor.ledger.ledger import Ledger
from mousepose.monitor.records import (
    Event,
    FrameCount,
    Outcome,
    Segment,
    Stage,
    State,
    Task,
    Written,
)
from mousepose.monitor.store.layout import segment_key
from mousepose.monitor.store.store import TIME, Store

START = datetime(2026, 5, 1, 8, tzinfo=UTC)
SECONDS, FPS = 60.0, 24.0
FRAMES = int(SECONDS * FPS)
#: What a stage writes in these tests.
TABLE = {Stage.POINTS: "points", Stage.POSES: "poses", Stage.MEASURES: "strides"}
LEASE = 60.0


class Clock:
    """A clock that goes only when it is told to."""

    def __init__(self, now: datetime = START) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def pass_(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


def segment(cage: str = "A1", number: int = 0, follows: bool | None = None) -> Segment:
    """The `number`-th minute of a cage; each but the first follows the one before."""
    return Segment(
        cage,
        START + timedelta(seconds=SECONDS * number),
        f"videos/{cage}/{number}.mp4",
        FRAMES,
        FPS,
        SECONDS,
        hashlib.sha256(f"{cage} {number}".encode()).hexdigest(),
        number > 0 if follows is None else follows,
    )


def opened(folder: Path, clock: Clock | None = None, **options: int) -> Ledger:
    return Ledger.open(f"sqlite:///{folder / 'ledger.db'}", clock or Clock(), **options)


def filled(ledger: Ledger, cages: Iterable[str] = ("A1",), count: int = 3) -> list[str]:
    """Add `count` segments of each cage, the last with its border closed; return their ids."""
    added = []
    for cage in cages:
        ledger.add_cages({cage: 1})
        for number in range(count):
            assert ledger.add_segment(segment(cage, number))
            added.append(segment(cage, number).id)
        ledger.close_border(added[-1])
    return added


def rows(one: Segment, count: int = 5) -> pa.Table:
    """Rows of a table that tell which segment they are of."""
    times = [one.start + timedelta(seconds=k * one.seconds / count) for k in range(count)]
    return pa.table(
        {
            "time": pa.array(times, TIME.type),
            "mouse": pa.array(["mouse0"] * count),
            "segment": pa.array([one.id] * count),
            "x": pa.array([float(k) for k in range(count)]),
        }
    )


def done(task: Task, store: Store | None = None, events: tuple[Event, ...] = ()) -> Outcome:
    """What a task gives; its files are written where there is a store."""
    one = task.segment
    frames = FrameCount(one.frames, 2, 3, one.frames - 10)
    table = TABLE[task.stage]
    file = claimed(table, one) if store is None else store.write(table, one, rows(one))
    written = [file]
    learned = any(w.table == "animal" for files in task.inputs.values() for w in files)
    if task.stage == Stage.POSES and not learned:
        written.append(claimed("animal", one, "mouse0"))
    return Outcome(one.id, task.stage, task.token, frames, tuple(written), events, {"work": 1.5})


def claimed(table: str, one: Segment, part: str = "") -> Written:
    """A file that is written nowhere."""
    digest = hashlib.sha256(f"{table} {one.id} {part}".encode()).hexdigest()
    key = segment_key(table, "study", one.cage, one.start, part, digest, ".parquet")
    return Written(table, key, 5, 100, digest, one.start, one.end, "c")


def finish(ledger: Ledger, store: Store | None = None, worker: str = "w", limit: int = 4) -> int:
    """Do all that there is to be done; return how many stages that were."""
    count = 0
    while tasks := ledger.claim(worker, limit, LEASE):
        for task in tasks:
            assert ledger.commit(done(task, store))
            count += 1
    return count


def all_states(ledger: Ledger, ids: Iterable[str]) -> set[State]:
    return {state for one in ids for state in ledger.states(one).values()}
