"""What a source gives: segments that are complete, gaps between them, and what was odd."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from mousepose.errors import FileError
from mousepose.monitor.records import Event, Gap, Segment
from mousepose.monitor.sources.look import Film, look_at
from mousepose.monitor.sources.names import FileNames
from mousepose.run.keypoint_files import digest_of

#: Frames that may be missing between two segments that follow each other.
_FRAMES_APART = 2.0
#: Rates that differ by more than this share are two rates.
_SAME_RATE = 0.01
#: Segments that are remembered, to tell a file that came twice.
_REMEMBERED = 2000
#: Endings of files of video.
VIDEO_SUFFIXES = frozenset({
    ".mp4", ".mkv", ".avi", ".mov", ".m4v", ".ts", ".mts", ".mpg", ".mpeg", ".webm", ".wmv",
    ".flv", ".h264", ".h265", ".hevc", ".mjpeg",
})  # fmt: skip

#: Width and height of pictures.
Size = tuple[int, int]


@dataclass(frozen=True)
class Found:
    """Segments in the order of time, gaps before them, and events."""

    segments: tuple[Segment, ...] = ()
    gaps: tuple[Gap, ...] = ()
    events: tuple[Event, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.segments or self.gaps or self.events)


@dataclass(eq=False)
class Line:
    """The segments of a cage one after another, whatever they come from.

    `last` is the newest segment. `names` are those of the files, None where these tell their times
    themselves.
    """

    cage: str
    names: FileNames | None
    last: Segment | None = None
    segments: list[Segment] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    _given: dict[str, Segment] = field(default_factory=dict)  #: by their content
    #: By their starts, with the size of the pictures where it is known.
    _started: dict[datetime, tuple[Segment, Size | None]] = field(default_factory=dict)
    _modified: float = 0.0  #: when the file of the newest one was finished

    def remember(self, known: Iterable[Segment]) -> None:
        """Go on after segments that were given before."""
        for segment in sorted(known, key=lambda one: one.start)[-_REMEMBERED:]:
            self._given[segment.digest] = self.last = segment
            self._started[segment.start] = segment, None

    def take(self, path: Path, now: datetime) -> Segment | None:
        """Return a complete file as the next segment, None where it is a copy of another one.

        A file that is no video has 0 frames: what works on it tells what is wrong with it. Raises
        `OSError` where the file is gone.
        """
        modified, digest = path.stat().st_mtime, digest_of(path)
        film = _film(path)
        start, resolution = self._start(path, film, modified)
        other = self._given.get(digest)
        if other is not None and self._is_copy(other, path, start, film):
            text = f"{path.name} is a copy of {Path(other.path).name}, and left out"
            self.tell(now, "duplicate", text)
            return None
        if film.cut:
            self.tell(start, "damaged", f"{path.name}: {film.cut}", "warning")
        before, size = self._before(start)
        follows = before is not None and _follow(before, size, start, resolution, film)
        segment = Segment(
            self.cage, start, str(path), film.frames, film.fps, film.seconds, digest, follows
        )
        self._note_border(before, segment)
        self._given[digest], self._started[start] = segment, (segment, film.size)
        _forget_first(self._given)
        _forget_first(self._started)
        self.segments.append(segment)
        # one that came late tells nothing of the time now; one of a clock set back does
        if self.last is None or segment.start >= self.last.start or modified > self._modified:
            self.last, self._modified = segment, modified
        return segment

    def tell(self, time: datetime, kind: str, text: str, level: str = "warning") -> None:
        """Add an event."""
        self.events.append(Event(self.cage, time, kind, text, level))

    def found(self) -> Found:
        """Return what came since the last time."""
        found = Found(tuple(self.segments), tuple(self.gaps), tuple(self.events))
        self.segments, self.gaps, self.events = [], [], []
        return found

    def _start(self, path: Path, film: Film, modified: float) -> tuple[datetime, float]:
        """Return when a file begins and what that may be off by: by its name, or by itself."""
        finished = datetime.fromtimestamp(modified, UTC)
        if self.names is not None:
            after = None if self.last is None else self.last.end
            named = self.names.start(path.stem, finished, after)
            if named is not None:
                return named.time, named.resolution
        if film.made is not None:
            return film.made, 1.0
        start = finished - timedelta(seconds=film.seconds)
        text = (
            f"{path.name}: neither its name nor it itself tells when it begins: as it was written"
        )
        self.tell(start, "clock", text, "info")
        return start, 2.0

    def _is_copy(self, other: Segment, path: Path, start: datetime, film: Film) -> bool:
        """Tell whether a file of the same content as a segment is one more copy of it.

        Where names tell times, a film that was played twice is no copy.
        """
        if other.path == str(path) or not film.frames:
            return False
        return self.names is None or start == other.start

    def _before(self, start: datetime) -> tuple[Segment | None, Size | None]:
        """Return the segment that starts last before a time, in whatever order they came."""
        earlier = max((one for one in self._started if one < start), default=None)
        return (None, None) if earlier is None else self._started[earlier]

    def _note_border(self, before: Segment | None, segment: Segment) -> None:
        """Tell what lies between a segment and the one before, where it does not follow."""
        if segment.follows:
            return
        if before is not None and segment.start > before.end:
            self.gaps.append(Gap(self.cage, before.end, segment.start, "no video of this time"))
        for other in (before, self.last):
            if other is not None and segment.frames and _overlap(segment, other):
                text = (
                    f"{Path(segment.path).name} overlaps {Path(other.path).name} in time (a clock "
                    "set back, or summer time?): it begins a track of its own"
                )
                self.tell(segment.start, "overlap", text)
                return


def _follow(
    before: Segment, size: Size | None, start: datetime, resolution: float, film: Film
) -> bool:
    """Tell whether a film that starts at a time goes on where a segment ends."""
    if not film.frames or not before.frames:
        return False
    if size not in (None, film.size) or abs(film.fps / before.fps - 1) > _SAME_RATE:
        return False
    apart = (start - before.end).total_seconds()
    return abs(apart) <= max(_FRAMES_APART / film.fps, resolution + 1 / film.fps)


def _forget_first(known: dict[Any, Any]) -> None:
    while len(known) > _REMEMBERED:
        del known[next(iter(known))]


def _overlap(one: Segment, other: Segment) -> bool:
    return one.start < other.end and one.end > other.start


def _film(path: Path) -> Film:
    """Return what a file holds: nothing where it cannot be opened, with the reason as its cut."""
    try:
        return look_at(path)
    except FileError as error:
        return Film(0, 0.0, 0.0, (0, 0), str(error))
