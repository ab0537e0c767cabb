"""Random structure that has a place: smooth noise in space, read fast."""

from __future__ import annotations

from functools import cache

import numba
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from mousepose.types import Floats

_SIDE = 64


@cache
def noise_volume() -> NDArray[np.float32]:
    """Return normal noise (64, 64, 64) that repeats, smoothed over one cell, of variance 1."""
    cells = np.random.default_rng(0).normal(size=(_SIDE, _SIDE, _SIDE)).astype(np.float32)
    smooth = gaussian_filter(cells, 0.7, mode="wrap")
    return np.asarray(smooth / smooth.std(), np.float32)


@numba.njit(cache=True, nogil=True, inline="always")
def noise_at(
    volume: NDArray[np.float32], x: float, y: float, z: float
) -> float:  # pragma: no cover - compiled
    """Return the noise at a place, linear between cells of size 1."""
    ix, iy, iz = int(np.floor(x)), int(np.floor(y)), int(np.floor(z))
    fx, fy, fz = x - ix, y - iy, z - iz
    x0, y0, z0 = ix & 63, iy & 63, iz & 63
    x1, y1, z1 = (ix + 1) & 63, (iy + 1) & 63, (iz + 1) & 63
    low = (volume[x0, y0, z0] * (1 - fx) + volume[x1, y0, z0] * fx) * (1 - fy) + (
        volume[x0, y1, z0] * (1 - fx) + volume[x1, y1, z0] * fx
    ) * fy
    high = (volume[x0, y0, z1] * (1 - fx) + volume[x1, y0, z1] * fx) * (1 - fy) + (
        volume[x0, y1, z1] * (1 - fx) + volume[x1, y1, z1] * fx
    ) * fy
    return float(low * (1 - fz) + high * fz)


def turbulence(points: Floats) -> Floats:
    """Return noise (V,) of about variance 1 at points (V, 3) whose cells have size 1."""
    return _many(noise_volume(), np.ascontiguousarray(points, np.float64))


@numba.njit(cache=True, nogil=True)
def _many(volume: NDArray[np.float32], points: Floats) -> Floats:  # pragma: no cover - compiled
    out = np.empty(len(points))
    for i in range(len(points)):
        out[i] = noise_at(volume, points[i, 0], points[i, 1], points[i, 2]) * 1.3
    return out


def smooth_image(random: np.random.Generator, size: int, scale: float) -> NDArray[np.float32]:
    """Return smooth noise (size, size) that tiles, of variance 1, `scale` px from hill to hill."""
    rough = random.normal(size=(size, size)).astype(np.float32)
    image = gaussian_filter(rough, scale / 2, mode="wrap")
    return np.asarray((image - image.mean()) / max(float(image.std()), 1e-9), np.float32)
