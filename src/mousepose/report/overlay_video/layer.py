"""A layer to draw on, with smooth edges: lines, discs, ellipses and letters; compiled."""

from __future__ import annotations

from dataclasses import dataclass, field

import numba
import numpy as np
from numpy.typing import NDArray

from mousepose.types import Floats

Pixels = NDArray[np.float32]

#: Columns of strokes: from (x, y) to (x, y) px, half the width, red, green, blue (0 to 255), how
#: opaque (0 to 1), and the length of a dash, 0 for none. A stroke without length is a disc.
STROKE = ("x", "y", "to_x", "to_y", "radius", "red", "green", "blue", "opacity", "dash")
#: Columns of ellipses: centre, the inverse of the squared half axes (xx, xy, yy), colour, how
#: opaque inside and at the rim.
ELLIPSE = ("x", "y", "xx", "xy", "yy", "red", "green", "blue", "inside", "rim")
#: An ellipse that is larger than this (px) says nothing where it lies.
_LARGEST = 400.0


@dataclass(eq=False)
class Layer:
    """Colours `pixels` (H, W, 4), 0 to 255, multiplied by the last channel, the share drawn (0-1).

    `box` (left, top, right, bottom) holds what was drawn since `clear`.
    """

    pixels: Pixels
    box: list[int] = field(default_factory=lambda: [0, 0, 0, 0])

    @classmethod
    def of(cls, size: tuple[int, int]) -> Layer:
        """Return an empty layer of `size` (width, height)."""
        return cls(np.zeros((size[1], size[0], 4), np.float32))

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        return self.pixels.shape[1], self.pixels.shape[0]

    def clear(self) -> None:
        """Make the layer empty again."""
        left, top, right, bottom = self.box
        self.pixels[top:bottom, left:right] = 0
        self.box = [0, 0, 0, 0]

    def touch(self, left: float, top: float, right: float, bottom: float) -> None:
        """Say that something is drawn from (left, top) to before (right, bottom)."""
        width, height = self.size
        new = (
            max(int(left), 0),
            max(int(top), 0),
            min(int(right), width),
            min(int(bottom), height),
        )
        if new[0] >= new[2] or new[1] >= new[3]:
            return
        old = self.box
        if old[0] >= old[2]:
            self.box = list(new)
        else:
            low, high = map(min, old[:2], new[:2]), map(max, old[2:], new[2:])
            self.box = [*low, *high]

    def strokes(self, rows: Floats) -> None:
        """Draw strokes (N, 10), the columns of `STROKE`, in their order; NaN is not drawn."""
        drawn = np.empty(4)
        if len(rows) and _draw_strokes(self.pixels, rows, drawn):
            self.touch(*drawn)

    def ellipses(self, rows: Floats) -> None:
        """Draw ellipses (N, 10), the columns of `ELLIPSE`; NaN is not drawn."""
        drawn = np.empty(4)
        if len(rows) and _draw_ellipses(self.pixels, rows, drawn):
            self.touch(*drawn)

    def stamp(self, mask: Pixels, x: int, y: int, colour: tuple[float, float, float]) -> None:
        """Draw a mask (h, w), 0 to 1, in one colour with its top left corner at (x, y)."""
        _stamp(self.pixels, mask, x, y, *colour)
        self.touch(x, y, x + mask.shape[1], y + mask.shape[0])


@numba.njit(cache=True, nogil=True, inline="always")
def _over(
    pixels: Pixels, y: int, x: int, red: float, green: float, blue: float, share: float
) -> None:  # pragma: no cover - compiled
    kept = np.float32(1.0 - share)
    pixels[y, x, 0] = pixels[y, x, 0] * kept + np.float32(red * share)
    pixels[y, x, 1] = pixels[y, x, 1] * kept + np.float32(green * share)
    pixels[y, x, 2] = pixels[y, x, 2] * kept + np.float32(blue * share)
    pixels[y, x, 3] = pixels[y, x, 3] * kept + np.float32(share)


@numba.njit(cache=True, nogil=True, inline="always")
def _widen(
    drawn: Floats, left: int, top: int, right: int, bottom: int
) -> None:  # pragma: no cover - compiled
    drawn[0], drawn[1] = min(drawn[0], left), min(drawn[1], top)
    drawn[2], drawn[3] = max(drawn[2], right + 1), max(drawn[3], bottom + 1)


@numba.njit(cache=True, nogil=True)
def _draw_strokes(
    pixels: Pixels, rows: Floats, drawn: Floats
) -> bool:  # pragma: no cover - compiled
    """Draw strokes; tell whether anything was drawn, and in `drawn` within which box."""
    height, width = pixels.shape[:2]
    drawn[:] = (width, height, 0, 0)
    for row in rows:
        ax, ay, bx, by, radius = row[0], row[1], row[2], row[3], row[4]
        reach = radius + 1.0
        if not (abs(ax) + abs(ay) + abs(bx) + abs(by) < 1e6 and row[8] > 0):
            continue
        left, right = int(max(min(ax, bx) - reach, 0)), int(min(max(ax, bx) + reach, width - 1))
        top, bottom = int(max(min(ay, by) - reach, 0)), int(min(max(ay, by) + reach, height - 1))
        if left > right or top > bottom:
            continue
        _widen(drawn, left, top, right, bottom)
        along_x, along_y = bx - ax, by - ay
        length = np.sqrt(along_x * along_x + along_y * along_y)
        if length > 0:
            along_x, along_y = along_x / length, along_y / length
        for y in range(top, bottom + 1):
            first, last = left, right
            if abs(along_y) > 1e-3:  # only what lies near the line is looked at
                middle, half = ax + (y - ay) * along_x / along_y, reach / abs(along_y)
                first = int(max(first, np.floor(middle - half)))
                last = int(min(last, np.ceil(middle + half)))
            for x in range(first, last + 1):
                t = min(max((x - ax) * along_x + (y - ay) * along_y, 0.0), length)
                if row[9] > 0:  # the nearest dash: dashes and gaps take turns
                    part = t % (2 * row[9])
                    t += min(max(row[9] - part, -row[9] / 2), 0.0)
                    t = min(t, length)
                dx, dy = x - ax - t * along_x, y - ay - t * along_y
                share = min(max(radius + 0.5 - np.sqrt(dx * dx + dy * dy), 0.0), 1.0)
                if share > 0:
                    _over(pixels, y, x, row[5], row[6], row[7], share * row[8])
    return bool(drawn[0] < drawn[2])


@numba.njit(cache=True, nogil=True)
def _draw_ellipses(
    pixels: Pixels, rows: Floats, drawn: Floats
) -> bool:  # pragma: no cover - compiled
    """Draw ellipses; tell whether anything was drawn, and in `drawn` within which box."""
    height, width = pixels.shape[:2]
    drawn[:] = (width, height, 0, 0)
    for row in rows:
        cx, cy, xx, xy, yy = row[0], row[1], row[2], row[3], row[4]
        det = xx * yy - xy * xy
        if not (det > 0 and abs(cx) + abs(cy) < 1e6):
            continue
        reach_x, reach_y = np.sqrt(yy / det) + 1.5, np.sqrt(xx / det) + 1.5
        if max(reach_x, reach_y) > _LARGEST:
            continue
        left, right = int(max(cx - reach_x, 0)), int(min(cx + reach_x, width - 1))
        top, bottom = int(max(cy - reach_y, 0)), int(min(cy + reach_y, height - 1))
        if left > right or top > bottom:
            continue
        _widen(drawn, left, top, right, bottom)
        for y in range(top, bottom + 1):
            for x in range(left, right + 1):
                dx, dy = x - cx, y - cy
                gx, gy = xx * dx + xy * dy, xy * dx + yy * dy
                q = np.sqrt(max(gx * dx + gy * dy, 0.0))
                slope = np.sqrt(gx * gx + gy * gy) / max(q, 1e-9)
                away = (1.0 - q) / max(slope, 1e-9)  # px to the rim, inwards
                share = row[8] * min(max(away + 0.5, 0.0), 1.0)
                rim = row[9] * min(max(1.1 - abs(away), 0.0), 1.0)
                share = max(share, rim)
                if share > 0:
                    _over(pixels, y, x, row[5], row[6], row[7], share)
    return bool(drawn[0] < drawn[2])


@numba.njit(cache=True, nogil=True)
def _stamp(
    pixels: Pixels, mask: Pixels, x: int, y: int, red: float, green: float, blue: float
) -> None:  # pragma: no cover - compiled
    height, width = pixels.shape[:2]
    for j in range(max(0, -y), min(mask.shape[0], height - y)):
        for i in range(max(0, -x), min(mask.shape[1], width - x)):
            if mask[j, i] > 0:
                _over(pixels, y + j, x + i, red, green, blue, mask[j, i])
