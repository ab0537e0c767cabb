"""The braincase: the one place in a mouse that bone encloses on all sides."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from mousepose.ct.segmentation.segment_shapes import NEIGHBOURS, Blocks, Mask
from mousepose.types import Floats

#: Edge of the cells on which bone is looked for.
_CELL_MM = 0.6
#: A mouse's braincase is some 9 to 11 mm wide and long: bone must stand within this, not nearer.
_FAR_MM, _NEAR_MM = 7.5, 1.2
#: Share of the 26 directions in which bone is met about the middle of a braincase, averaged over
#: 1 mm: at least this. In a chest and behind the jaw it is 0.45, in a pelvis 0.35.
_ENCLOSED = 0.6
#: The braincase is where that share is at least this part of its largest value.
_PART = 0.75
#: The least braincase that is taken for one, ml (adult mice: 0.4 to 0.5; cut by the border: less).
_LEAST_ML = 0.03


@dataclass(frozen=True, eq=False)
class Braincase:
    """Where the brain lies: `centre` (3,) mm, `volume` ml and `enclosed`, its share of bone around.

    `points` (N, 3) mm are the cells of its inside. Millimetres run along the voxel axes.
    """

    centre: Floats
    volume: float
    enclosed: float
    points: Floats


def find_braincase(bone: Mask, spacing: Floats) -> Braincase | None:
    """Return the braincase among `bone` (X, Y, Z), in mm from voxel (0, 0, 0), or None."""
    if not bone.any():
        return None
    blocks = Blocks.of(bone.shape, spacing, _CELL_MM)
    cells, size = blocks.any(bone), blocks.spacing
    share = _enclosure(cells, size)
    smooth = np.asarray(ndimage.gaussian_filter(share, 1.0 / size))
    peak = int(np.argmax(smooth))
    if smooth.flat[peak] < _ENCLOSED:
        return None
    labels, _ = ndimage.label(smooth >= _PART * smooth.flat[peak], structure=NEIGHBOURS)
    inside = np.argwhere(labels == labels.flat[peak])
    volume = float(len(inside) * size.prod() / 1000)
    if volume < _LEAST_ML:
        return None
    points = (inside + 0.5) * size - spacing / 2
    return Braincase(points.mean(axis=0), volume, float(smooth.flat[peak]), points)


def _enclosure(cells: Mask, size: Floats) -> NDArray[np.float32]:
    """Return of every cell the share of 26 directions with bone at a head's distance."""
    share = np.zeros(cells.shape, dtype=np.float32)
    reach = int(np.ceil(_FAR_MM / size.min()))
    padded = np.pad(cells, reach)
    for direction in product((-1, 0, 1), repeat=3):
        if not any(direction):
            continue
        unit = np.array(direction) / np.linalg.norm(direction)
        hit = np.zeros(cells.shape, dtype=bool)
        steps = {
            tuple(np.round(unit * d / size).astype(int))
            for d in np.arange(_NEAR_MM, _FAR_MM, size.min())
        }
        for step in steps:
            window = tuple(
                slice(reach + s, reach + s + n) for s, n in zip(step, cells.shape, strict=True)
            )
            hit |= padded[window]
        share += hit
    return np.where(cells, 0, share / 26)
