"""Decoded frames as arrays: grey values straight from the luma plane, or RGB; upright."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from mousepose.video.types import Bytes

#: Formats whose first plane is luma, by how their names begin.
_LUMA_FIRST = ("yuv", "gray", "nv12", "nv16", "nv21", "nv24", "p01", "p21", "p41")
#: Formats of full range whatever the file says or does not say.
_ALWAYS_FULL = ("yuvj",)
_RANGE_UNKNOWN, _RANGE_FULL = 0, 2


def image_of(frame: Any, colour: bool, size: tuple[int, int] | None = None) -> Bytes:
    """Return a decoded frame as (H, W) grey or (H, W, 3) RGB, uint8, turned as players turn it.

    Grey values span 0-255 whatever range or depth the file has: 16-235 of "TV range" is stretched,
    10 bits and more are rounded to 8. Where `size` (width, height) of the upright picture is given
    and differs, the picture is scaled to it.
    """
    turns = round(frame.rotation / 90) % 4
    if size is not None:
        stored = size[::-1] if turns % 2 else size
        if stored != (frame.width, frame.height):
            frame = frame.reformat(width=stored[0], height=stored[1])
    if colour:
        image = frame.to_ndarray(format="rgb24")
    elif _has_luma(frame.format.name):
        image = _luma(frame)
    else:
        image = frame.to_ndarray(format="gray")
    return np.ascontiguousarray(np.rot90(image, turns)) if turns else np.asarray(image, np.uint8)


def upright_size(frame: Any) -> tuple[int, int]:
    """Return the width and height of a frame as players show it."""
    turned = round(frame.rotation / 90) % 2
    return (frame.height, frame.width) if turned else (frame.width, frame.height)


def _has_luma(name: str) -> bool:
    # yuyv and its kin mix luma and colour in one plane, gray..f are floats
    return name.startswith(_LUMA_FIRST) and not name.startswith(("yuyv", "grayf"))


def _luma(frame: Any) -> Bytes:
    """Return the luma plane (H, W) stretched to 0-255."""
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
    if full and not deep:
        return np.ascontiguousarray(values, np.uint8)
    shift = 16 - bits if name.startswith("p") else 0  # p010 and its kin fill words from the top
    table = _table(bits, full, shift)
    if deep:
        return np.asarray(np.take(table, values, mode="clip"), np.uint8)
    # twice as fast as np.take
    grey = bytearray(values.tobytes()).translate(table.tobytes())
    return np.asarray(np.frombuffer(grey, np.uint8).reshape(values.shape), np.uint8)


@lru_cache(maxsize=8)
def _table(bits: int, full: bool, shift: int) -> Bytes:
    """Return the 8-bit grey of every luma value (ITU-R BT.601: black 16, white 235 of 8 bits)."""
    values = np.arange(1 << (bits + shift)) >> shift
    unit = 1 << (bits - 8)
    black, white = (0, (1 << bits) - 1) if full else (16 * unit, 235 * unit)
    grey = np.rint((values - black) * (255.0 / (white - black)))
    return np.asarray(np.clip(grey, 0, 255), np.uint8)
