"""The index of a video: one pass over its packets gives every frame its number, nothing decoded."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from mousepose.errors import FileError
from mousepose.video.container import library, packets_of
from mousepose.video.types import FrameIndex, Ints

#: A video with more frames than this (19 days at 30 a second) is not indexed.
MAX_FRAMES = 50_000_000
_UNKNOWN = np.iinfo(np.int64).min
#: Codecs whose pictures may be hidden or reordered without the container telling.
_MPEG4, _VP8 = "mpeg4", "vp8"


@dataclass
class _Packets:
    """What the packets say: times, `_UNKNOWN` where they do not, and which are key frames."""

    pts: array[int] = field(default_factory=lambda: array("q"))
    dts: array[int] = field(default_factory=lambda: array("q"))
    key: bytearray = field(default_factory=bytearray)
    reordered: bool = False
    ended: str = ""


def index_frames(path: Path, container: Any, stream: Any) -> FrameIndex:
    """Return where every frame of an open video is. Raises `FileError` where it holds none.

    Frame n is the n-th in order of presentation among those that a decoder shows: pictures that an
    edit list cuts away and hidden ones do not count. Where the file tells no presentation times
    (AVI and bare streams whose frames are reordered), frames are counted as the decoder gives them.
    """
    found = _read(path, container, stream)
    count = len(found.key)
    if not count:
        raise FileError(f"{path}: holds no frame: is it cut, or still being written?")
    pts = np.frombuffer(found.pts, np.int64)
    tick = float(stream.time_base or 0)
    timed = bool(tick) and _tells_order(container, stream, pts, found.reordered)
    stamps = np.sort(pts) if timed else np.arange(count)
    is_key = np.frombuffer(bytes(found.key), np.uint8).astype(bool)
    order = np.argsort(pts, kind="stable") if timed else np.arange(count)
    shown = stamps if timed else _decode_times(np.frombuffer(found.dts, np.int64))
    if shown is None or not tick:
        # of a bare stream the rate that its codec states; the container's is a guess
        rate = float(stream.codec_context.framerate or stream.average_rate or 25)
        times, start, tick = np.arange(count) / rate, 0.0, 0.0
    else:
        times, start = (shown - shown[0]) * tick, float(shown[0] * tick)
    return FrameIndex(
        stamps, times, np.flatnonzero(is_key[order]), timed, start, tick,
        _stated(container, stream), found.ended,
    )  # fmt: skip


def _read(path: Path, container: Any, stream: Any) -> _Packets:
    av = library()
    found, codec = _Packets(), stream.codec_context.name
    try:
        for packet in packets_of(av, container, stream):
            if packet.is_discard or (codec == _VP8 and _is_hidden(packet)):
                continue
            found.pts.append(_UNKNOWN if packet.pts is None else packet.pts)
            found.dts.append(_UNKNOWN if packet.dts is None else packet.dts)
            found.key.append(packet.is_keyframe)
            if codec == _MPEG4 and not found.reordered:
                found.reordered = _is_b_picture(packet)
            if len(found.key) > MAX_FRAMES:
                raise FileError(f"{path}: holds more than {MAX_FRAMES:,} frames; cut it in parts")
    except av.error.FFmpegError as error:  # cut: what was read so far is what there is
        found.ended = str(error.strerror or error)
    return found


def _tells_order(container: Any, stream: Any, pts: Ints, reordered: bool) -> bool:
    """Tell whether the packets' times are those at which decoded frames are shown."""
    if (pts == _UNKNOWN).any() or len(np.unique(pts)) < len(pts):
        return False
    if container.format.name != "avi":
        return True
    # AVI knows no presentation times: those that packets seem to have are of their place in it
    if stream.codec_context.name == _MPEG4:
        return not reordered
    return not stream.codec_context.codec.reorder


def _decode_times(dts: Ints) -> Ints | None:
    """Return the increasing times at which packets are to be decoded, None where not told.

    Apart from a constant they are the times at which frames are shown.
    """
    return dts if (dts != _UNKNOWN).all() and (np.diff(dts) > 0).all() else None


def _is_b_picture(packet: Any) -> bool:
    """Tell whether an MPEG-4 part 2 packet has a picture that others may overtake.

    Source: ISO/IEC 14496-2, 6.2.5: vop_start_code 00 00 01 B6, then two bits, 2 for B.
    """
    data = bytes(packet)
    place = data.find(b"\x00\x00\x01\xb6")
    while 0 <= place < len(data) - 4:
        if data[place + 4] >> 6 == 2:
            return True
        place = data.find(b"\x00\x00\x01\xb6", place + 4)
    return False


def _is_hidden(packet: Any) -> bool:
    """Tell whether a VP8 packet holds a picture that is never shown (RFC 6386, 9.1)."""
    return not bytes(packet)[0] & 0x10


def _stated(container: Any, stream: Any) -> int:
    """Return the number of frames that the file says it holds, or 0."""
    if stream.frames or not (container.duration and stream.average_rate):
        return int(stream.frames)
    return int(container.duration / 1e6 * stream.average_rate)
