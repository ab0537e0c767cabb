"""A network or USB camera recorded into a spool folder of segments, whatever happens to the line.

What a camera sends packed is kept as it is; pictures that come unpacked are encoded. The times of
frames are the camera's own steps from the moment at which this machine's clock saw the first; that
clock is followed by at most a frame a segment, so that no border shows it. What no file covers
while the camera is gone is a gap to whoever watches the folder.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event as Flag
from typing import Any

from mousepose.errors import InputError
from mousepose.monitor.records import Event
from mousepose.monitor.sources.writer import (
    PACKED,
    FrameWriter,
    PacketWriter,
    Segmenting,
    finish_partial,
)
from mousepose.video.container import library

#: How a camera of this machine is opened, by system.
_DEVICES = {"linux": "v4l2", "win32": "dshow", "darwin": "avfoundation"}
#: The camera's steps and this machine's clock may be so far (s) apart before they are set anew.
_APART = 2.0
#: Packets without a time that are kept until one comes that has it.
_EARLY = 100
#: Frames a second of a camera that does not tell.
_USUAL_FPS = 30.0


@dataclass(frozen=True)
class StreamSettings:
    """What to record: the camera of a `cage` at `url` into segments of `segment_s` s in `folder`.

    `format` is how FFmpeg opens it, None by its URL; `options` are FFmpeg's. After `timeout` s
    without a frame the camera is gone; it is tried again after `first_wait` s, then after twice as
    long, and so on up to `longest_wait`. Raises `InputError` where there is no such folder.
    """

    cage: str
    url: str = field(repr=False)  # it may hold a password
    folder: Path
    segment_s: float = 60.0
    format: str | None = None
    options: Mapping[str, str] = field(default_factory=dict)
    timeout: float = 10.0
    first_wait: float = 1.0
    longest_wait: float = 60.0

    def __post_init__(self) -> None:
        if not self.folder.is_dir():
            raise InputError(f"{self.folder}: there is no such folder to record {self.cage} into")

    @classmethod
    def of_device(cls, cage: str, device: str, folder: Path, **settings: Any) -> StreamSettings:
        """Return those of a camera of this machine, such as /dev/video0.

        Raises `InputError` on systems whose cameras cannot be opened.
        """
        if sys.platform not in _DEVICES:
            raise InputError(f"cameras of {sys.platform} cannot be opened; give a stream's URL")
        return cls(cage, device, folder, format=_DEVICES[sys.platform], **settings)


class Recorder:
    """Records a camera until it is told to stop; `tell` is given what happens to it.

    `clock` gives the time in UTC. Events are of the kinds "gone", "back" and "clock".
    """

    def __init__(
        self,
        settings: StreamSettings,
        tell: Callable[[Event], None],
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._settings, self._tell, self._clock = settings, tell, clock
        self._gone: datetime | None = None  #: since when the camera is gone
        self._seen = False  #: whether this connection gave a frame

    def run(self, stop: Flag) -> None:
        """Record until `stop`; a camera that is gone is tried again and again."""
        finish_partial(self._settings.folder)
        wait = self._settings.first_wait
        while not stop.is_set():
            self._seen = False
            reason = self._record(stop)
            if stop.is_set():
                return
            if self._seen or self._gone is None:
                wait = self._settings.first_wait
                self._gone = self._clock()
                self._note("gone", f"the camera is gone: {reason}", "error")
            if stop.wait(wait):
                return
            wait = min(2 * wait, self._settings.longest_wait)

    def _record(self, stop: Flag) -> str:
        """Record as long as the camera is there; return why it is not any more."""
        av, settings = library(), self._settings
        try:
            with av.open(
                settings.url, format=settings.format, options=dict(settings.options),
                timeout=settings.timeout,
            ) as container:  # fmt: skip
                if not container.streams.video:
                    return "it sends no video"
                self._keep(container, container.streams.video[0], stop)
            return "its stream ended"
        except av.error.FFmpegError as error:
            # without the URL, which the error's own text holds
            return str(error.strerror or type(error).__name__)
        except OSError as error:
            return f"{error.strerror or error}"

    def _keep(self, container: Any, stream: Any, stop: Flag) -> None:
        """Write what comes of a stream until it ends."""
        packed = stream.codec_context.name in PACKED
        fps = float(stream.average_rate or stream.guessed_rate or _USUAL_FPS)
        files = Segmenting(self._settings.folder, self._settings.segment_s)
        writer = PacketWriter(files, stream) if packed else FrameWriter(files, fps)
        steps = _Steps(self._clock, 1 / fps)
        try:
            for packet in _stamped(container.demux(stream), 1 / fps):
                if stop.is_set():
                    return
                for one in [packet] if packed else packet.decode():
                    self._is_back()
                    writer.write(one, self._time(one, packet, steps, writer))
        finally:
            writer.close()

    def _time(
        self, one: Any, packet: Any, steps: _Steps, writer: PacketWriter | FrameWriter
    ) -> datetime:
        """Return when a packet or picture is of; a clock that jumped begins a new file."""
        stamp, base = (one, one.time_base) if one.pts is not None else (packet, packet.time_base)
        seconds = float(stamp.pts * base)
        apart = steps.apart(seconds)
        if abs(apart) > _APART:
            writer.close()
            steps.begin(seconds)
            text = f"the camera's clock and this machine's moved apart by {apart:+.1f} s"
            self._note("clock", f"{text}: a new segment begins", "warning")
        elif writer.wants_new(steps.time(seconds)):
            steps.follow()
        return steps.time(seconds)

    def _is_back(self) -> None:
        self._seen = True
        if self._gone is not None:
            away = (self._clock() - self._gone).total_seconds()
            self._note("back", f"the camera is back after {away:.0f} s", "info")
            self._gone = None

    def _note(self, kind: str, text: str, level: str) -> None:
        self._tell(Event(self._settings.cage, self._clock(), kind, text, level))


def _stamped(packets: Iterable[Any], frame: float) -> Iterator[Any]:
    """Yield packets that hold something, all with a time; `frame` s are between two of them.

    Before a network camera first told its clock, its packets have none: they are counted back from
    the first that has.
    """
    early: list[Any] = []
    last: int | None = None
    for packet in packets:
        if not packet.size:
            continue
        step = max(1, round(frame / packet.time_base))
        if packet.pts is None:
            packet.pts = packet.dts
        if packet.pts is None and last is None:
            early = [*early, packet][-_EARLY:]
            continue
        if packet.pts is None:
            assert last is not None
            packet.pts = last + step
        for place, one in enumerate(early):
            one.pts = packet.pts - step * (len(early) - place)
        yield from early
        early, last = [], packet.pts
        yield packet


class _Steps:
    """The times of frames: a camera's own steps, and slowly this machine's clock."""

    def __init__(self, clock: Callable[[], datetime], frame: float) -> None:
        self._clock, self._frame = clock, frame
        self._first: tuple[float, datetime] | None = None
        self._least: float | None = None  #: s that the promptest frame came late

    def begin(self, seconds: float) -> None:
        """Let the camera's `seconds` be now."""
        self._first, self._least = (seconds, self._clock()), None

    def apart(self, seconds: float) -> float:
        """Return how much later (s) a frame comes than the camera's steps tell."""
        if self._first is None:
            self.begin(seconds)
        late = (self._clock() - self.time(seconds)).total_seconds()
        self._least = late if self._least is None else min(self._least, late)
        return late

    def time(self, seconds: float) -> datetime:
        """Return when a frame of the camera's `seconds` is of."""
        assert self._first is not None
        return self._first[1] + timedelta(seconds=seconds - self._first[0])

    def follow(self) -> None:
        """Go after this machine's clock, by at most a frame."""
        if self._first is None or self._least is None:
            return
        step = min(max(self._least, -self._frame), self._frame)
        self._first, self._least = (self._first[0], self._first[1] + timedelta(seconds=step)), None
