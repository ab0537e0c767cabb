"""What a source gives: segments that are complete, gaps between them, and what was odd."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

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

    `last` is the newest segment, `size` that of its pictures where it is known. `names` are those
    of the files, None where these tell their times themselves.
    """

    cage: str
    names: FileNames | None
    last: Segment | None = None
    size: tuple[int, int] | None = None
    segments: list[Segment] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    _given: dict[str, Segment] = field(default_factory=dict)  #: by their content
    _modified: float = 0.0  #: when the file of the newest one was finished

    def remember(self, known: Iterable[Segment]) -> None:
        """Go on after segments that were given before."""
        for segment in sorted(known, key=lambda one: one.start)[-_REMEMBERED:]:
            self._given[segment.digest] = self.last = segment

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
        follows = self._follows(start, resolution, film)
        segment = Segment(
            self.cage, start, str(path), film.frames, film.fps, film.seconds, digest, follows
        )
        self._note_border(segment)
        self._given[digest] = segment
        while len(self._given) > _REMEMBERED:
            del self._given[next(iter(self._given))]
        self.segments.append(segment)
        # one that came late is not what the next one follows; one of a clock set back is
        if self.last is None or segment.start >= self.last.start or modified > self._modified:
            self.last, self.size, self._modified = segment, film.size, modified
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

    def _follows(self, start: datetime, resolution: float, film: Film) -> bool:
        last = self.last
        if last is None or not film.frames or not last.frames:
            return False
        if self.size not in (None, film.size) or abs(film.fps / last.fps - 1) > _SAME_RATE:
            return False
        apart = (start - last.end).total_seconds()
        return abs(apart) <= max(_FRAMES_APART / film.fps, resolution + 1 / film.fps)

    def _note_border(self, segment: Segment) -> None:
        """Tell what lies between a segment and the one before, where it does not follow."""
        last = self.last
        if last is None or segment.follows:
            return
        if segment.start > last.end:
            self.gaps.append(Gap(self.cage, last.end, segment.start, "no video of this time"))
        elif segment.start < last.end and segment.end > last.start and segment.frames:
            text = (
                f"{Path(segment.path).name} overlaps {Path(last.path).name} in time (a clock set "
                "back, or summer time?): it begins a track of its own"
            )
            self.tell(segment.start, "overlap", text)


def _film(path: Path) -> Film:
    """Return what a file holds: nothing where it cannot be opened, with the reason as its cut."""
    try:
        return look_at(path)
    except FileError as error:
        return Film(0, 0.0, 0.0, (0, 0), str(error))
