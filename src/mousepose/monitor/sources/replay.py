"""A film played into a growing folder, as if a camera were recorded at this moment."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from threading import Event as Flag
from typing import Any

from mousepose.errors import InputError
from mousepose.monitor.sources.names import SPOOL_NAMES, FileNames
from mousepose.monitor.sources.writer import PACKED, PacketWriter, Segmenting
from mousepose.video.container import library, opened

#: s; a stop is noticed at least so often.
_LOOK = 0.2


@dataclass(frozen=True)
class Replay:
    """Plays `film` into `folder` as segments of `segment_s` s, the first one from `start` on.

    `speed` 1 is as fast as it was filmed, infinity as fast as can be; it is played `repeat` times,
    each of which begins with a file of its own. Files begin at key frames: they are longer where
    the film has few. They have their `names` from the start and grow, where `growing`. Raises
    `InputError` for settings that cannot be.
    """

    film: Path
    folder: Path
    start: datetime
    segment_s: float = 60.0
    speed: float = 1.0
    repeat: int = 1
    names: FileNames = SPOOL_NAMES
    growing: bool = True

    def __post_init__(self) -> None:
        if self.start.tzinfo is None:
            raise InputError(f"replay of {self.film}: the start needs a time zone: {self.start}")
        if not (self.speed > 0 and self.segment_s > 0 and self.repeat > 0):
            raise InputError(f"replay of {self.film}: speed, length and repeats are above 0")
        if not self.folder.is_dir():
            raise InputError(f"{self.folder}: there is no such folder to play {self.film} into")

    def run(
        self,
        stop: Flag | None = None,
        done: Callable[[Path, datetime], None] | None = None,
    ) -> int:
        """Play until the end or until `stop`; return how many frames were written.

        `done` is told each file that is whole, and its start. Raises `FileError` where the film is
        none, `InputError` where its packets cannot be kept as they are.
        """
        stop = stop or Flag()
        begun, frames, before = time.monotonic(), 0, 0.0
        for _ in range(self.repeat):
            with opened(self.film) as (container, stream):
                if stream.codec_context.name not in PACKED:
                    raise InputError(
                        f"{self.film}: {stream.codec_context.name} cannot be cut; make it H.264"
                    )
                writer, end = PacketWriter(self._segmenting, stream, done), 0.0
                for packet, seconds, length in _packets(container, stream):
                    if not self._wait(begun, before + seconds, stop):
                        writer.close()
                        return frames
                    writer.write(packet, self.start + timedelta(seconds=before + seconds))
                    frames, end = frames + 1, max(end, seconds + length)
                writer.close()
            before += end
        return frames

    @property
    def _segmenting(self) -> Segmenting:
        return Segmenting(self.folder, self.segment_s, self.names, self.growing)

    def _wait(self, begun: float, seconds: float, stop: Flag) -> bool:
        """Wait for the moment of a frame; tell whether to go on."""
        if math.isinf(self.speed):
            return not stop.is_set()
        while (left := begun + seconds / self.speed - time.monotonic()) > 0:
            if stop.wait(min(left, _LOOK)):
                return False
        return not stop.is_set()


def _packets(container: Any, stream: Any) -> Any:
    """Yield the packets of a film, when each is shown and how long, s from the first."""
    av = library()
    first: int | None = None
    length = 1 / float(stream.average_rate or 30)
    try:
        for packet in container.demux(stream):
            if packet.dts is None or not packet.size:
                continue
            shown = packet.dts if packet.pts is None else packet.pts
            first = shown if first is None else first
            yield packet, float((shown - first) * packet.time_base), length
    except av.error.FFmpegError:  # a film that is cut: what there is was played
        return
