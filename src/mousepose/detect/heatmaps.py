"""From heatmaps to points: place to a fraction of a cell, covariance, and how sure.

A heatmap's softmax is taken for the probability that the keypoint lies in each cell, spread by the
blob that stood for a label in training. The place is the top of the paraboloid through the logits
about the highest cell, which is exact for a normal distribution (Zhang et al. 2020, DARK, without
its smoothing: least squares on 3 x 3 cells are smooth). The covariance is that of the whole map
about this place, the blob's taken off: a second, lower top elsewhere widens it. The score is the
probability within a radius.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from mousepose.types import Floats

#: No point is surer than this, in cells (1 SD).
LEAST_SPREAD = 0.1
#: Cells so far below the top, in logits, are empty: all 1,024 of them hold less than 1e-4 of it.
_NOTHING = -16.0


@dataclass(frozen=True, eq=False)
class Decoded:
    """Points of N heatmaps of K keypoints: `xy` (N, K, 2), `covariance` (N, K, 2, 2), `score`.

    In px of the picture, the centre of the top-left one being (0, 0). `score` (N, K) is 0 to 1.
    """

    xy: Floats
    covariance: Floats
    score: Floats


def decode(
    logits: NDArray[np.float32],
    stride: float,
    *,
    blob: float = 0.0,
    temperature: float = 1.0,
    radius: float = 2.0,
) -> Decoded:
    """Return the points of heatmaps (N, K, H, W) with cells of `stride` px.

    `blob` is the standard deviation of the blob that stood for a label, and `radius` that of the
    circle in which the score counts, both in cells; the logits are divided by `temperature`.
    A map with a value that is not finite gives NaN and score 0.
    """
    maps = np.ascontiguousarray(logits, np.float32)
    count, points = maps.shape[:2]
    found = np.empty((count, points, 6))
    _decode(maps, 1.0 / temperature, blob**2, radius, found)
    xy = (found[..., :2] + 0.5) * stride - 0.5
    spread = found[..., [2, 3, 3, 4]].reshape(count, points, 2, 2) * stride**2
    return Decoded(xy, spread, found[..., 5].copy())


@njit(cache=True, fastmath={"contract", "reassoc"}, nogil=True)
def _decode(maps, sharpness, blob, radius, out):  # type: ignore[no-untyped-def]
    count, points, height, width = maps.shape
    chance = np.empty((height, width), np.float32)
    for n in range(count):
        for k in range(points):
            top, total, row, column = -np.inf, 0.0, 0, 0
            for i in range(height):
                for j in range(width):
                    value = maps[n, k, i, j]
                    total += value
                    if value > top:
                        top, row, column = value, i, j
            if not np.isfinite(total):
                out[n, k, :5] = np.nan
                out[n, k, 5] = 0.0
                continue
            total = 0.0
            for i in range(height):
                for j in range(width):
                    off = np.float32((maps[n, k, i, j] - top) * sharpness)
                    chance[i, j] = np.exp(off) if off > _NOTHING else 0.0
                    total += chance[i, j]
            x, y = _top(maps[n, k], chance, row, column)
            xx, xy, yy, inside = 0.0, 0.0, 0.0, 0.0
            for i in range(height):
                down = i - y
                for j in range(width):
                    value, across = chance[i, j], j - x
                    if value == 0:
                        continue
                    xx += value * across * across
                    xy += value * across * down
                    yy += value * down * down
                    near = radius + 0.5 - np.sqrt(across * across + down * down)
                    inside += value * min(max(near, 0.0), 1.0)
            least = LEAST_SPREAD * LEAST_SPREAD
            xx, yy, xy = max(xx / total - blob, least), max(yy / total - blob, least), xy / total
            most = 0.98 * np.sqrt(xx * yy)  # what was taken off may leave no covariance
            out[n, k, 0], out[n, k, 1] = x, y
            out[n, k, 2], out[n, k, 3], out[n, k, 4] = xx, min(max(xy, -most), most), yy
            out[n, k, 5] = inside / total


@njit(cache=True, nogil=True)
def _top(logits, chance, row, column):  # type: ignore[no-untyped-def]
    """Return x and y of the top near the highest cell, in cells."""
    height, width = logits.shape
    i0, j0 = min(max(row, 1), height - 2), min(max(column, 1), width - 2)
    bx, by, cxx, cyy, cxy = 0.0, 0.0, 0.0, 0.0, 0.0
    mass, mx, my = 0.0, 0.0, 0.0
    for i in range(-1, 2):
        for j in range(-1, 2):
            value = np.float64(logits[i0 + i, j0 + j])
            bx += j * value / 6
            by += i * value / 6
            cxx += (3 * j * j - 2) * value / 6
            cyy += (3 * i * i - 2) * value / 6
            cxy += i * j * value / 4
            weight = chance[i0 + i, j0 + j]
            mass += weight
            mx += weight * j
            my += weight * i
    determinant = 4 * cxx * cyy - cxy * cxy
    x, y = 2.0, 2.0
    if determinant > 1e-12 and cxx < 0:
        x = (cxy * by - 2 * cyy * bx) / determinant
        y = (cxy * bx - 2 * cxx * by) / determinant
    if abs(x) > 1.5 or abs(y) > 1.5:  # a ridge or a slope, no top: its centre of mass
        x, y = mx / mass, my / mass
    return j0 + x, i0 + y
