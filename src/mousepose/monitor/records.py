"""What all parts of the monitor speak of: segments, the work on them, and what comes of it.

A *segment* is one video file of one cage. Three stages are done on each: POINTS (2D keypoints),
POSES (3D), MEASURES (minutes, strides, bouts). Times are UTC, with their zone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from mousepose.errors import InputError


class Stage(StrEnum):
    """What is done on a segment, in this order."""

    POINTS = "points"
    POSES = "poses"
    MEASURES = "measures"


class State(StrEnum):
    """How far a stage of a segment is.

    FAILED ones are tried again, PARKED ones were tried often enough; LOST: the file was gone before
    it was read.
    """

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    PARKED = "parked"
    LOST = "lost"


#: States in which nothing more is done, unless someone asks for it.
FINISHED = frozenset({State.DONE, State.PARKED, State.LOST})


@dataclass(frozen=True)
class Segment:
    """One complete video file of a cage: `frames` from `start` on at `fps`, `seconds` long.

    `digest` is of the file's content. `follows` tells that its first frame comes one frame after
    the last one of the segment before, of the same size and rate.
    """

    cage: str
    start: datetime
    path: str
    frames: int
    fps: float
    seconds: float
    digest: str
    follows: bool = False

    def __post_init__(self) -> None:
        if self.start.tzinfo is None:
            raise InputError(f"{self.path}: a segment's start needs a time zone, got {self.start}")

    @property
    def id(self) -> str:
        """The segment's name in the ledger and the store: the cage and the start in UTC."""
        return f"{self.cage}/{stamp(self.start)}"

    @property
    def end(self) -> datetime:
        """When the segment's last frame ends."""
        return self.start + timedelta(seconds=self.seconds)


@dataclass(frozen=True)
class Gap:
    """A time of a cage of which there is no picture, and why."""

    cage: str
    start: datetime
    stop: datetime
    reason: str


@dataclass(frozen=True)
class Event:
    """What happened in a cage or to its camera: `kind` is one word, `text` plain words.

    `level` is "info", "warning" or "error".
    """

    cage: str
    time: datetime
    kind: str
    text: str
    level: str = "info"


@dataclass(frozen=True)
class Written:
    """Rows of `table` from `first` to `last` in a file of the store, or bytes that are no table.

    `key` is the file's name below the store's root, with "/" between folders; `bytes` and `digest`
    are of the whole file, `columns` is a digest of the names and types of its columns, "" for what
    is no table. The rows are those from row `offset` of the file on.
    """

    table: str
    key: str
    rows: int
    bytes: int
    digest: str
    first: datetime
    last: datetime
    columns: str = ""
    offset: int = 0


@dataclass(frozen=True)
class FrameCount:
    """What became of a segment's frames: `seen` of `total` show a mouse.

    `damaged` ones could not be decoded, `skipped` ones were left out to catch up.
    """

    total: int = 0
    damaged: int = 0
    skipped: int = 0
    seen: int = 0


@dataclass(frozen=True)
class Task:
    """A stage of a segment to be done by the holder of `token`.

    `before` and `after` are the neighbours without a gap between, None where there is none or what
    is needed of it could not be made. `inputs` are the files of these three in the store and those
    of the cage's animals, by the id of the segment that they are of, in the order of time. Every
    `every`-th frame is looked at. `tries` counts those that failed.
    """

    segment: Segment
    stage: Stage
    token: str
    before: Segment | None = None
    after: Segment | None = None
    inputs: Mapping[str, tuple[Written, ...]] = field(default_factory=dict)
    every: int = 1
    tries: int = 0


@dataclass(frozen=True)
class Outcome:
    """What a stage of a segment gave; `seconds` it took by what they were spent on."""

    segment_id: str
    stage: Stage
    token: str
    frames: FrameCount = field(default_factory=FrameCount)
    written: tuple[Written, ...] = ()
    events: tuple[Event, ...] = ()
    seconds: Mapping[str, float] = field(default_factory=dict)


def stamp(time: datetime) -> str:
    """Return a time in UTC as part of a file's name, in microseconds."""
    return time.astimezone(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
