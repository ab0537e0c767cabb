"""Decoded frames as arrays: grey values straight from the luma plane, or RGB; upright."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numba
import numpy as np

from mousepose.video.types import Bytes

#: Formats whose first plane is luma, by how their names begin.
_LUMA_FIRST = ("yuv", "gray", "nv12", "nv16", "nv21", "nv24", "p01", "p21", "p41")
#: Formats of full range whatever the file says or does not say.
_ALWAYS_FULL = ("yuvj",)
_RANGE_UNKNOWN, _RANGE_FULL = 0, 2
#: Black and white of 8-bit luma; 255 / 219 and a half in units of 1 / 65536: each becomes
#: the same grey as by `_table`. Of 32 bits, so that eight go in one instruction.
_BLACK, _WHITE = np.uint8(16), np.uint8(235)
_STRETCH, _HALF, _UNIT = np.uint32(76309), np.uint32(32768), np.uint32(16)


def image_of(
    frame: Any, colour: bool, size: tuple[int, int] | None = None, into: Bytes | None = None
) -> Bytes:
    """Return a decoded frame as (H, W) grey or (H, W, 3) RGB, uint8, turned as players turn it.

    Grey values span 0-255 whatever range or depth the file has: 16-235 of "TV range" is stretched,
    10 bits and more are rounded to 8. Where `size` (width, height) of the upright picture is given
    and differs, the picture is scaled to it. `into` is an image of that size and kind to write to.
    """
    turns = round(frame.rotation / 90) % 4
    if size is not None:
        stored = size[::-1] if turns % 2 else size
        if stored != (frame.width, frame.height):
            frame = frame.reformat(width=stored[0], height=stored[1])
    if colour:
        image = frame.to_ndarray(format="rgb24")
    elif _has_luma(frame.format.name):
        image = _luma(frame, None if turns else into)
    else:
        image = frame.to_ndarray(format="gray")
    image = np.ascontiguousarray(np.rot90(image, turns)) if turns else np.asarray(image, np.uint8)
    if into is None or into is image:
        return image
    into[:] = image
    return into


def upright_size(frame: Any) -> tuple[int, int]:
    """Return the width and height of a frame as players show it."""
    turned = round(frame.rotation / 90) % 2
    return (frame.height, frame.width) if turned else (frame.width, frame.height)


def _has_luma(name: str) -> bool:
    # yuyv and its kin mix luma and colour in one plane, gray..f are floats
    return name.startswith(_LUMA_FIRST) and not name.startswith(("yuyv", "grayf"))


def _luma(frame: Any, into: Bytes | None) -> Bytes:
    """Return the luma plane (H, W) stretched to 0-255, written to `into` where that is given."""
    component = frame.format.components[0]
    bits, name = component.bits, frame.format.name
    deep = bits > 8
    kind = np.dtype(np.uint8 if not deep else ">u2" if frame.format.is_big_endian else "<u2")
    plane = frame.planes[0]
    rows = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)[: frame.height]
    values = rows[:, : frame.width * kind.itemsize].view(kind)
    full = (
        name.startswith(_ALWAYS_FULL)
        or frame.color_range == _RANGE_FULL
        or (name.startswith("gray") and frame.color_range == _RANGE_UNKNOWN)
    )
    grey = np.empty(values.shape, np.uint8) if into is None else into
    if deep:
        shift = 16 - bits if name.startswith("p") else 0  # p010 and its kin fill words from the top
        np.take(_table(bits, full, shift), values, out=grey, mode="clip")
    elif full:
        grey[:] = values
    else:
        _stretch(values, grey)
    return grey


@numba.njit(cache=True, nogil=True)
def _stretch(luma: Bytes, grey: Bytes) -> None:  # pragma: no cover - compiled
    """Write 16-235 of luma (H, W) as 0-255 of grey."""
    for y in range(luma.shape[0]):
        row, out = luma[y], grey[y]
        for x in range(luma.shape[1]):
            above = np.uint32(min(max(row[x], _BLACK), _WHITE) - _BLACK)
            out[x] = np.uint8((above * _STRETCH + _HALF) >> _UNIT)


@lru_cache(maxsize=8)
def _table(bits: int, full: bool, shift: int) -> Bytes:
    """Return the 8-bit grey of every luma value (ITU-R BT.601: black 16, white 235 of 8 bits)."""
    values = np.arange(1 << (bits + shift)) >> shift
    unit = 1 << (bits - 8)
    black, white = (0, (1 << bits) - 1) if full else (16 * unit, 235 * unit)
    grey = np.rint((values - black) * (255.0 / (white - black)))
    return np.asarray(np.clip(grey, 0, 255), np.uint8)
