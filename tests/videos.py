"""Small videos whose every frame carries its own number, drawn as black and white squares."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

BITS, SIDE = 8, 16  # squares in a row of eight, each of 16 px
SIZE = (BITS * SIDE, 5 * SIDE)


def picture(number: int, size: tuple[int, int] = SIZE) -> Any:
    """The frame (H, W) of a number: its bits, and noise below them that moves with it."""
    width, height = size
    image = np.full((height, width), 60, np.uint8)
    noise = np.random.default_rng(1).integers(40, 200, (2 * SIDE, width), np.uint8)
    image[2 * SIDE : 4 * SIDE] = np.roll(noise, 3 * number, axis=1)
    for bit in range(BITS):
        white = number >> bit & 1
        image[:SIDE, bit * SIDE : (bit + 1) * SIDE] = 235 if white else 20
        image[SIDE : 2 * SIDE, bit * SIDE : (bit + 1) * SIDE] = 20 if white else 235
    return image


def number_in(image: Any) -> int | None:
    """The number that an image carries, None where its bits do not agree with each other."""
    grey = image if image.ndim == 2 else image.mean(axis=-1)
    found = 0
    for bit in range(BITS):
        place = slice(bit * SIDE + 4, (bit + 1) * SIDE - 4)
        above, below = (
            grey[top + 4 : top + SIDE - 4, place].mean() > 128 for top in (0, SIDE)
        )  # fmt: skip
        if above == below:
            return None
        found |= int(above) << bit
    return found


def write(
    path: Path,
    codec: str = "libx264",
    pixel_format: str = "yuv420p",
    options: dict[str, str] | None = None,
    *,
    numbers: Iterable[int] = range(60),
    stamps: Iterable[int] | None = None,
    tick: Fraction = Fraction(1, 30),
    size: tuple[int, int] = SIZE,
    rotation: int = 0,
    bits: int = 8,
) -> Path:
    """Write a video of the pictures of `numbers`, shown at `stamps` ticks."""
    numbers = list(numbers)
    stamps = list(range(len(numbers)) if stamps is None else stamps)
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream(codec, rate=round(1 / tick), options=options or {})
        stream.width, stream.height, stream.pix_fmt = *size, pixel_format
        stream.codec_context.time_base = tick
        if rotation:
            stream.set_display_rotation(rotation)
        for number, stamp in zip(numbers, stamps, strict=True):
            frame = _frame(picture(number, size), pixel_format, bits)
            frame.pts, frame.time_base = stamp, tick
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def _frame(image: Any, pixel_format: str, bits: int) -> Any:
    if pixel_format.startswith("gray") and bits > 8:
        deep = image.astype(np.uint16) << (bits - 8)
        return av.VideoFrame.from_ndarray(deep, format=pixel_format)
    return av.VideoFrame.from_ndarray(image, format="gray").reformat(format=pixel_format)


def in_turn(path: Path) -> list[int | None]:
    """The numbers that a plain decode from the first to the last frame shows."""
    with av.open(str(path)) as container:
        return [number_in(f.to_ndarray(format="gray")) for f in container.decode(video=0)]
