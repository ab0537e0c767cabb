"""Motion capture's `.c3d` in: the markers of a recording, whichever program wrote it.

Numbers of Intel's, DEC's and MIPS's processors, whole or of single precision. Points that were not
seen have a residual below 0. Source: C3D.org, The C3D File Format: A Technical User Guide (2021).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mousepose.errors import FileError, InputError
from mousepose.io.biomechanics.c3d import BLOCK_BYTES, INTEL, KEY
from mousepose.io.keypoints.rows import MAX_KEYPOINTS, ONLY_ANIMAL, names_of_parts
from mousepose.io.keypoints.sniff import Content
from mousepose.io.poses.mesh import MM_PER_UNIT
from mousepose.io.poses.point_files import PointFile, PointRows
from mousepose.types import Floats, State

_DEC, _MIPS = 85, 86
#: Bytes read at once.
_AT_ONCE = 16 * 2**20
_Parameters = Mapping[tuple[str, str], Any]


@dataclass(frozen=True)
class _Layout:
    """Where the points are in the file, and how they are written."""

    names: tuple[str, ...]
    processor: int
    start: int
    first: int
    count: int
    rate: float
    scale: float
    values_a_frame: int
    unit: float

    @property
    def kind(self) -> np.dtype[Any]:
        """The type of one number in the file; DEC's floats are turned by `_floats`."""
        order = ">" if self.processor == _MIPS else "<"
        return np.dtype(f"{order}{'f4' if self.scale < 0 else 'i2'}")


def is_c3d(content: Content) -> bool:
    """Tell whether a file begins as a .c3d does."""
    head = content.head
    start = (head[0] - 1) * BLOCK_BYTES
    return (
        len(head) > BLOCK_BYTES and head[1] == KEY and head[0] >= 2 and len(head) > start + 4
        and head[start + 3] in (INTEL, _DEC, _MIPS)
    )  # fmt: skip


def open_c3d(content: Content) -> PointFile:
    """Return the markers in the file. Raises `FileError` where it is damaged or was cut."""
    path = content.path
    try:
        layout = _layout(path, content.head)
    except (struct.error, LookupError, InputError, OverflowError) as error:
        if isinstance(error, FileError):
            raise
        raise FileError(f"{path} is a damaged .c3d: {error}") from error
    return PointFile(
        path, {ONLY_ANIMAL: layout.names}, lambda animal: _rows(path, layout), fps=layout.rate
    )


def _layout(path: Path, head: bytes) -> _Layout:
    start = (head[0] - 1) * BLOCK_BYTES
    processor, size = head[start + 3], max(head[start + 2], 1) * BLOCK_BYTES
    order = ">" if processor == _MIPS else "<"
    points, analog, first, last = struct.unpack_from(f"{order}4H", head, 2)
    scale, data_block = struct.unpack_from(f"{order}4sH", head, 12)
    rate = float(_floats(head[20:24], processor)[0])
    parameters = dict(_parameters(head[start + 4 : start + size], processor))
    first = _long(parameters.get(("TRIAL", "ACTUAL_START_FIELD")), first)
    last = _long(parameters.get(("TRIAL", "ACTUAL_END_FIELD")), last)
    labels = list(parameters.get(("POINT", "LABELS"), []))
    unit = "".join(parameters.get(("POINT", "UNITS"), ["mm"])[:1]) or "mm"
    labels += [f"point{index}" for index in range(len(labels), points)]
    if not 0 < points <= MAX_KEYPOINTS or not np.isfinite(rate) or rate <= 0 or last < first:
        raise FileError(f"{path} holds {points} points at {rate:g} Hz, frames {first} to {last}")
    if unit not in MM_PER_UNIT:
        raise FileError(f"{path}: unknown unit {unit!r}; known: {', '.join(MM_PER_UNIT)}")
    layout = _Layout(
        names_of_parts(path, [label or f"point{k}" for k, label in enumerate(labels[:points])]),
        processor, (data_block - 1) * BLOCK_BYTES, max(first - 1, 0), last - first + 1, rate,
        float(_floats(scale, processor)[0]), 4 * points + analog, MM_PER_UNIT[unit],
    )  # fmt: skip
    needed = layout.start + layout.count * layout.values_a_frame * layout.kind.itemsize
    if layout.start < BLOCK_BYTES or path.stat().st_size < needed:
        raise FileError(f"{path} should have {needed:,} bytes and has fewer: it was cut")
    return layout


def _long(words: Any, short: int) -> int:
    """Return a frame number of two words of 16 bits, or the header's where there is none."""
    if words is None or len(words) != 2:
        return short
    return int(words[0]) % 65536 + 65536 * (int(words[1]) % 65536)


def _parameters(data: bytes, processor: int) -> Iterator[tuple[tuple[str, str], Any]]:
    """Yield each parameter by the names of its group and its own, groups being told first."""
    groups: dict[int, str] = {}
    found: list[tuple[int, str, Any]] = []
    place = 0
    order = ">" if processor == _MIPS else "<"
    while place + 2 <= len(data):
        length, number = struct.unpack_from("bb", data, place)
        length = abs(length)  # below 0 where it is locked
        if length == 0:
            break
        name = data[place + 2 : place + 2 + length].decode("latin-1").upper().strip()
        place += 2 + length
        step = struct.unpack_from(f"{order}H", data, place)[0]
        if number < 0:
            groups[-number] = name
        else:
            found.append((number, name, _value(data, place + 2, processor)))
        if step == 0:
            break
        place += step
    for number, name, value in found:
        yield (groups.get(number, ""), name), value


def _value(data: bytes, place: int, processor: int) -> Any:
    kind, dimensions = struct.unpack_from("bB", data, place)
    shape = list(data[place + 2 : place + 2 + dimensions])
    count = int(np.prod(shape, dtype=np.int64)) if shape else 1
    raw = data[place + 2 + dimensions :][: count * abs(kind)]
    if len(raw) < count * abs(kind):
        raise InputError("its parameters were cut")
    if kind == -1:
        width = shape[0] if shape else 1
        texts = [raw[k : k + width] for k in range(0, len(raw), width)] if width else []
        return [text.decode("utf-8", "replace").strip(" \0") for text in texts]
    if kind == 4:
        return _floats(raw, processor)
    if kind == 2:
        return np.frombuffer(raw, ">i2" if processor == _MIPS else "<i2")
    return np.frombuffer(raw, np.int8)


def _floats(raw: bytes, processor: int) -> Floats:
    """Return numbers of single precision; DEC's are four times as large, their words turned."""
    if processor == _MIPS:
        return np.frombuffer(raw, ">f4").astype(np.float64)
    if processor == INTEL:
        return np.frombuffer(raw, "<f4").astype(np.float64)
    turned = np.frombuffer(raw, "<u2").reshape(-1, 2)[:, ::-1].copy().view("<f4")[:, 0]
    return turned.astype(np.float64) / 4


def _rows(path: Path, layout: _Layout) -> Iterator[PointRows]:
    frame_bytes = layout.values_a_frame * layout.kind.itemsize
    step = max(1, _AT_ONCE // frame_bytes)
    with path.open("rb") as file:
        file.seek(layout.start)
        for start in range(0, layout.count, step):
            count = min(step, layout.count - start)
            raw = file.read(count * frame_bytes)
            if len(raw) < count * frame_bytes:
                raise FileError(f"{path} was cut while it was read")
            points = _numbers(raw, layout).reshape(count, -1)[:, : 4 * len(layout.names)]
            xyz, fourth = np.split(points.reshape(count, -1, 4), [3], axis=-1)
            yield _checked(xyz, fourth[..., 0], layout, start)


def _numbers(raw: bytes, layout: _Layout) -> Floats:
    if layout.processor == _DEC and layout.scale < 0:
        return _floats(raw, _DEC)
    return np.frombuffer(raw, layout.kind).astype(np.float64)


def _checked(xyz: Floats, fourth: Floats, layout: _Layout, start: int) -> PointRows:
    """Return rows of points, NaN where the residual says that there is none."""
    if layout.scale > 0:
        xyz = xyz * layout.scale
    absent: NDArray[np.bool_] = ~(fourth >= 0) | ~np.isfinite(xyz).all(axis=-1)
    seen = np.nan_to_num(fourth).astype(np.int64) >> 8 > 0
    # Programs that fill no mask of cameras tell nothing by it.
    state = np.where(seen | ~seen.any(), float(State.SEEN), float(State.INFERRED))
    frames = np.arange(layout.first + start, layout.first + start + len(xyz), dtype=np.float64)
    return PointRows(frames, np.where(absent[..., None], np.nan, xyz * layout.unit), state=state)
