"""Motion capture's `.c3d` out: markers as numbers of single precision, in mm, frame by frame.

Written byte by byte, so that a file of any length streams. Each point is x, y, z and a fourth
number that holds its residual and the cameras that saw it: the residual is the point's standard
deviation (root of the mean variance) in steps of 0.1 mm up to 25.5, and a seen point has the first
camera, an inferred one none. A point that is absent has the residual -1. Frames are counted from 1
there, from 0 here. Source: C3D.org, The C3D File Format: A Technical User Guide (2021).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from mousepose import __version__
from mousepose.atomic import atomic_path
from mousepose.errors import InputError
from mousepose.io.keypoints.streams_write import Stream, blocks, dense_windows, no_frames
from mousepose.io.poses.points import SPACE_COVARIANCE
from mousepose.types import Floats, State

BLOCK_BYTES = 512
#: Marks the parameters, and the processor whose numbers follow: Intel's.
KEY, INTEL = 0x50, 84
#: One step of the residual, mm.
RESIDUAL_STEP = 0.1
#: The largest number in 16 bits, and the most names that one parameter lists.
MOST_IN_16_BITS = 65535
MAX_POINTS = 255
_FRAMES_AT_ONCE = 4096
_TEXT, _INTEGER, _FLOAT = -1, 2, 4


def write_c3d(path: Path, streams: Sequence[Stream]) -> None:
    """Write one animal's points; the rate is the mean one, and the time of frame 0 is 0.

    Raises `InputError` on several animals, more than 255 points, no frames, and a track without
    times.
    """
    if len(streams) != 1:
        raise InputError(f"{path}: a .c3d holds one animal; write one file for each")
    (stream,) = streams
    if not stream.has_times:
        raise InputError(f"{path}: a .c3d has a frame rate; give it (--fps)")
    if len(stream.keypoint_names) > MAX_POINTS:
        raise InputError(f"{path}: a .c3d names at most {MAX_POINTS} points")
    count, first, times = 0, -1, np.zeros(0)
    with atomic_path(path) as temporary, temporary.open("w+b") as file:
        size = len(_head(stream, 1, 0, 1.0))
        file.write(b"\0" * size)
        for block in blocks(streams):
            times = np.concatenate([times, block.times])[[0, -1]]
            for start, window in dense_windows(path, block, _FRAMES_AT_ONCE):
                first = start if first < 0 else first
                gap = start - first - count
                for lost in range(0, gap, _FRAMES_AT_ONCE):
                    missing = min(_FRAMES_AT_ONCE, gap - lost)
                    file.write(_absent(missing, len(stream.keypoint_names)))
                file.write(_points(stream, window.values[:, 0]))
                count = start - first + len(window.frames)
        if first < 0:
            raise no_frames(path)
        file.write(b"\0" * (-file.tell() % BLOCK_BYTES))
        span = float(times[1] - times[0])
        rate = (count - 1) / span if span > 0 else 1.0
        file.seek(0)
        file.write(_head(stream, first + 1, count, rate))


def _absent(frames: int, points: int) -> bytes:
    return np.tile(np.array([0, 0, 0, -1], "<f4"), frames * points).tobytes()


def _points(stream: Stream, values: Floats) -> bytes:
    """Return frames of points (N, K, D) as the file holds them."""
    channels = stream.channels
    xyz = values[..., :3]
    given = np.asarray(np.isfinite(xyz).all(axis=-1))
    residual = np.zeros(given.shape)
    if SPACE_COVARIANCE[0] in channels:
        diagonal = [channels.index(f"cov_{axis}{axis}") for axis in "xyz"]
        with np.errstate(invalid="ignore"):
            spread = np.sqrt(values[..., diagonal].mean(axis=-1))
        residual = np.clip(np.round(np.nan_to_num(spread) / RESIDUAL_STEP), 0, 255)
    seen = np.asarray(values[..., channels.index("state")] == State.SEEN)
    packed = np.empty((*given.shape, 4), "<f4")
    packed[..., :3] = np.where(given[..., None], xyz, 0)
    packed[..., 3] = np.where(given, 256 * seen + residual, -1)
    return packed.tobytes()


def _head(stream: Stream, first: int, count: int, rate: float) -> bytes:
    """Return the header and the parameters; their size depends on the names alone."""
    names, last = stream.keypoint_names, first + count - 1
    size = len(b"".join(_parameters(stream, first, last, rate, 0)))
    blocks_of_parameters = -(-(4 + size + 2) // BLOCK_BYTES)
    parameters = b"".join(_parameters(stream, first, last, rate, 2 + blocks_of_parameters))
    header = struct.pack(
        "<BBHHHHHfHHf", 2, KEY, len(names), 0, min(first, MOST_IN_16_BITS),
        min(last, MOST_IN_16_BITS), 0, -RESIDUAL_STEP, 2 + blocks_of_parameters, 0, rate,
    )  # fmt: skip
    marks = struct.pack("<BBBB", 1, KEY, blocks_of_parameters, INTEL)
    return header.ljust(BLOCK_BYTES, b"\0") + (marks + parameters).ljust(
        BLOCK_BYTES * blocks_of_parameters, b"\0"
    )


def _parameters(
    stream: Stream, first: int, last: int, rate: float, data_start: int
) -> Iterator[bytes]:
    """Yield the parameters; `data_start` is the block, from 1, in which the points begin."""
    names = stream.keypoint_names
    yield _group(1, "POINT")
    yield _numbers(1, "USED", _INTEGER, [len(names)])
    yield _numbers(1, "FRAMES", _INTEGER, [min(last - first + 1, MOST_IN_16_BITS)])
    yield _numbers(1, "DATA_START", _INTEGER, [data_start])
    yield _numbers(1, "SCALE", _FLOAT, [-RESIDUAL_STEP])
    yield _numbers(1, "RATE", _FLOAT, [rate])
    yield _texts(1, "UNITS", ["mm"])
    yield _texts(1, "LABELS", names)
    yield _texts(
        1, "DESCRIPTIONS", ["residual: standard deviation in steps of 0.1 mm"] * len(names)
    )
    yield _group(2, "TRIAL")
    # Two words of 16 bits, the lower first: what the header cannot hold of a long recording.
    for name, value in (("ACTUAL_START_FIELD", first), ("ACTUAL_END_FIELD", last)):
        yield _numbers(2, name, _INTEGER, [value % 65536, value // 65536])
    yield _group(3, "ANALOG")
    yield _numbers(3, "USED", _INTEGER, [0])
    yield _numbers(3, "RATE", _FLOAT, [rate])
    yield _group(4, "MANUFACTURER")
    yield _texts(4, "SOFTWARE", ["mousepose"])
    yield _texts(4, "VERSION_LABEL", [__version__])


def _group(number: int, name: str) -> bytes:
    return struct.pack("<bb", len(name), -number) + name.encode() + struct.pack("<hB", 3, 0)


def _parameter(group: int, name: str, kind: int, shape: Sequence[int], data: bytes) -> bytes:
    body = struct.pack(f"<bB{len(shape)}B", kind, len(shape), *shape) + data + b"\0"
    head = struct.pack("<bb", len(name), group) + name.encode()
    return head + struct.pack("<H", 2 + len(body)) + body


def _numbers(group: int, name: str, kind: int, values: Sequence[float]) -> bytes:
    shape = [] if len(values) == 1 else [len(values)]
    data = np.array(values, "<u2" if kind == _INTEGER else "<f4").tobytes()
    return _parameter(group, name, kind, shape, data)


def _texts(group: int, name: str, values: Sequence[str]) -> bytes:
    """Return a list of texts, all as long as the longest; at most 127 bytes of each."""
    encoded = [value.encode()[:127] for value in values]
    width = max(map(len, encoded), default=0)
    data = b"".join(value.ljust(width) for value in encoded)
    return _parameter(group, name, _TEXT, [width, len(encoded)], data)
