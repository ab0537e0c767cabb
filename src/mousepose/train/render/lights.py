"""The light of a scene: what comes from everywhere, from lamps, and from beside the camera."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from mousepose.geometry.raster import fragments
from mousepose.types import Floats, Ints

#: The floor's map of shade: its half side in mm and how many cells it has along it.
REACH_MM, CELLS = 150.0, 100
#: What is lower than this (mm) takes light from the floor right beneath it.
_TOUCHING = 9.0
#: A sun this far away (mm) throws parallel shadows.
_FAR = 1e4


@dataclass(frozen=True, eq=False)
class Lights:
    """`ambient` and `camera` are strengths; `lamps` (N, 4) hold directions to lamps and strengths.

    `softness` mm is how blurred shadows are.
    """

    ambient: float
    camera: float
    lamps: Floats
    softness: float


def draw_lights(random: np.random.Generator, below: bool) -> Lights:
    """Return random lights; `below` the floor there may be lamps too, as under glass floors."""
    count = int(random.integers(1, 4))
    lamps = np.zeros((count, 4))
    for lamp in lamps:
        turn, rise = random.uniform(0, 2 * np.pi), np.arcsin(random.uniform(0.25, 0.98))
        if below and random.random() < 0.6:
            rise = -np.arcsin(random.uniform(0.1, 0.95))
        lamp[:3] = np.cos(rise) * np.cos(turn), np.cos(rise) * np.sin(turn), np.sin(rise)
        lamp[3] = random.gamma(2.0, 0.5)
    lamps[:, 3] *= random.uniform(0.3, 1.0) / lamps[:, 3].sum()
    return Lights(
        ambient=random.uniform(0.12, 0.65), camera=random.choice([0.0, 0.0, 1.0]) * random.random(),
        lamps=lamps, softness=random.uniform(1.5, 14.0),
    )  # fmt: skip


def floor_shade(
    vertices: Floats, faces: Ints, lights: Lights, middle: Floats
) -> NDArray[np.float32]:
    """Return what bodies take of the light on the floor z = 0 about `middle` (2,).

    (N + 1, C, C): the share of each lamp that is shaded, and of the light from everywhere.
    """
    shade = np.zeros((len(lights.lamps) + 1, CELLS, CELLS), np.float32)
    for k, lamp in enumerate(lights.lamps):
        if lamp[2] > 0.15:
            reach = vertices[:, 2:] * (lamp[:2] / lamp[2])
            shade[k] = _covered(vertices[:, :2] - reach, faces, middle, lights.softness)
    shade[-1] = 0.75 * _under(vertices[vertices[:, 2] < _TOUCHING], middle, 4.0)
    shade[-1] += 0.25 * _under(vertices, middle, 16.0)
    return shade


def _under(vertices: Floats, middle: Floats, soft_mm: float) -> NDArray[np.float32]:
    """Return the share of each cell of the floor that lies under vertices (V, 3)."""
    cell = 2 * REACH_MM / CELLS
    x, y = np.floor((vertices[:, :2] - middle + REACH_MM) / cell).astype(np.int64).T
    inside = (x >= 0) & (y >= 0) & (x < CELLS) & (y < CELLS)
    count = np.bincount(y[inside] * CELLS + x[inside], minlength=CELLS * CELLS)
    hit = (count > 0).reshape(CELLS, CELLS).astype(np.float32)
    return np.asarray(gaussian_filter(hit, soft_mm / cell, truncate=2.5))


def _covered(flat: Floats, faces: Ints, middle: Floats, soft_mm: float) -> NDArray[np.float32]:
    cell = 2 * REACH_MM / CELLS
    xy = (flat - middle + REACH_MM) / cell - 0.5
    hit = fragments(xy, np.full(len(xy), _FAR), faces, (CELLS, CELLS)).face >= 0
    blur = max(soft_mm / cell, 0.5)
    return np.asarray(gaussian_filter(hit.astype(np.float32), blur, truncate=2.5))
