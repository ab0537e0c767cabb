"""A video into files of some seconds each, as it comes.

Packets are not decoded: a file begins with a key frame and ends before one, so that each is a film
of its own and all of them together are the whole, to the last bit. Files are MP4 in fragments: of
one whose writer was killed all but the last moments can be read.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

from mousepose.monitor.sources.names import SPOOL_NAMES, FileNames
from mousepose.video.container import library

#: Codecs whose packets an MP4 file takes as they are.
PACKED = frozenset({"h264", "hevc", "av1", "vp9", "mpeg4", "mjpeg"})
_OPTIONS = {"movflags": "frag_keyframe+empty_moov+default_base_moof"}
#: How a file is called as long as it is written, where it shall not be seen before it is whole.
PARTIAL = ".part"
#: Of what a camera gives unpacked: no frame waits for later ones, all can be cut every two seconds.
_CODEC, _CODING = "libx264", {"preset": "veryfast", "tune": "zerolatency", "crf": "23", "bf": "0"}
_TICK = Fraction(1, 90_000)
#: A file may be so much (s) shorter than asked for: clocks tremble.
_EARLY = 0.01


@dataclass(frozen=True)
class Segmenting:
    """Where files go and how long they are: a new one at the first key frame after `seconds`.

    Where `growing`, files have their names from the start, as those of most recorders; otherwise
    they get them when they are whole.
    """

    folder: Path
    seconds: float = 60.0
    names: FileNames = SPOOL_NAMES
    growing: bool = False


class _Files:
    """Files one after another, of which one is open."""

    def __init__(
        self, settings: Segmenting, done: Callable[[Path, datetime], None] | None = None
    ) -> None:
        self._settings, self._done = settings, done
        self._container: Any = None
        self._path = settings.folder
        self._start: datetime | None = None

    def wants_new(self, time: datetime) -> bool:
        """Tell whether the open file is as long as it should be at a time, or none is open."""
        if self._container is None or self._start is None:
            return True
        return time - self._start >= timedelta(seconds=self._settings.seconds - _EARLY)

    def close(self) -> None:
        """End the open file, if there is one, and tell of it."""
        if self._container is None or self._start is None:
            return
        container, self._container = self._container, None
        container.close()
        final = self._path
        if not self._settings.growing:
            final = self._path.with_suffix("")
            os.replace(self._path, final)
        if self._done is not None:
            self._done(final, self._start)

    def _open(self, time: datetime) -> None:
        name = f"{self._settings.names.name(time)}.mp4"
        self._path = self._settings.folder / (name if self._settings.growing else name + PARTIAL)
        self._container = library().open(f"file:{self._path}", "w", format="mp4", options=_OPTIONS)
        self._start = time


class PacketWriter(_Files):
    """Writes the packets of a `stream` as they are; `done` is told each file that is whole."""

    def __init__(
        self,
        settings: Segmenting,
        stream: Any,
        done: Callable[[Path, datetime], None] | None = None,
    ) -> None:
        super().__init__(settings, done)
        self._template, self._stream = stream, None
        self._offset = 0
        self._encoder: bytes | None = None  #: what the first key frame says of its encoder

    def write(self, packet: Any, time: datetime) -> None:
        """Add a packet that is shown at `time`; those before the first key frame are left out."""
        if packet.size == 0 or (packet.dts is None and packet.pts is None):
            return
        if packet.is_keyframe and self.wants_new(time):
            self.close()
            self._open(time)
            self._stream = self._container.add_stream_from_template(self._template)
            self._offset = packet.dts if packet.pts is None else packet.pts
            packet = self._signed(packet)
        if self._container is None:
            return
        if packet.pts is not None:
            packet.pts -= self._offset
        if packet.dts is not None:  # else it follows from the order of the others
            packet.dts -= self._offset
        packet.stream = self._stream
        self._container.mux(packet)

    def _signed(self, packet: Any) -> Any:
        """Return the first packet of a file with what tells the encoder, as the stream's first has.

        Without knowing the version, FFmpeg decodes what some versions of x264 made into other
        pictures.
        """
        told = _encoder_told(bytes(packet))
        if self._encoder is None:
            self._encoder = told
        if told or not self._encoder:
            return packet
        signed = library().Packet(self._encoder + bytes(packet))
        signed.pts, signed.dts, signed.duration = packet.pts, packet.dts, packet.duration
        signed.time_base, signed.is_keyframe = packet.time_base, True
        return signed


class FrameWriter(_Files):
    """Encodes the pictures of a camera that gives them unpacked; `fps` is what it promises."""

    def __init__(
        self,
        settings: Segmenting,
        fps: float,
        done: Callable[[Path, datetime], None] | None = None,
    ) -> None:
        super().__init__(settings, done)
        self._rate = Fraction(fps).limit_denominator(1000)
        self._stream: Any = None
        self._last = -1

    def write(self, frame: Any, time: datetime) -> None:
        """Add a picture that is of `time`."""
        if self.wants_new(time):
            self.close()
            self._open(time)
            group = {"g": str(max(1, round(2 * float(self._rate))))}
            self._stream = self._container.add_stream(
                _CODEC, rate=self._rate, options=_CODING | group
            )
            self._stream.width, self._stream.height = frame.width // 2 * 2, frame.height // 2 * 2
            self._stream.pix_fmt = "yuv420p"
            self._stream.codec_context.time_base = _TICK
            self._last = -1
        assert self._start is not None
        picture = frame.reformat(self._stream.width, self._stream.height, "yuv420p")
        ticks = round((time - self._start).total_seconds() / _TICK)
        picture.pts = self._last = max(self._last + 1, ticks)
        picture.time_base = _TICK
        self._container.mux(self._stream.encode(picture))

    def close(self) -> None:
        """End the open file, if there is one, and tell of it."""
        if self._container is not None:
            self._container.mux(self._stream.encode(None))
        super().close()


def _encoder_told(data: bytes) -> bytes:
    """Return the leading unit of an H.264 packet in which x264 names itself, with its length.

    Source: ISO/IEC 14496-10, 7.3.1: type 6 (SEI), payload 5 (user data); units have their length
    before them in files, 00 00 00 01 in streams.
    """
    if data[4:6] != b"\x06\x05" or b"x264" not in data[:64]:
        return b""
    if data[:4] != b"\x00\x00\x00\x01":
        return data[: 4 + int.from_bytes(data[:4], "big")]
    end = data.find(b"\x00\x00\x01", 4)
    end = end - 1 if end > 0 and data[end - 1] == 0 else end
    return data[:end] if end > 0 else b""


def finish_partial(folder: Path) -> list[Path]:
    """Give files that a writer left unfinished their names; return them. Empty ones are removed."""
    found = []
    for path in sorted(folder.glob(f"*.mp4{PARTIAL}")):
        if path.stat().st_size:
            os.replace(path, path.with_suffix(""))
            found.append(path.with_suffix(""))
        else:
            path.unlink()
    return found
