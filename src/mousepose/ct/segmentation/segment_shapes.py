"""Shapes of voxels in millimetres: growing, shrinking, opening and closing by a radius in mm."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from mousepose.types import Floats

Mask = NDArray[np.bool_]

#: Face, edge and corner neighbours count as connected: thin oblique bone stays in one piece.
NEIGHBOURS = np.ones((3, 3, 3), dtype=bool)

#: Balls of at most so many voxels are moved over a mask, for larger ones distances are faster.
_SMALL_BALL = 100


def grow(mask: Mask, radius: float, spacing: Floats) -> Mask:
    """Return `mask` grown by `radius` mm."""
    if not mask.any():
        return mask.copy()
    out = np.zeros_like(mask)
    box = box_of(mask, radius, spacing)
    ball = _ball(radius, spacing)
    if ball.sum() <= _SMALL_BALL:  # twice as fast as distances
        out[box] = ndimage.binary_dilation(mask[box], ball)
    else:
        out[box] = ndimage.distance_transform_edt(~mask[box], sampling=spacing) <= radius
    return out


def shrink(mask: Mask, radius: float, spacing: Floats) -> Mask:
    """Return `mask` shrunk by `radius` mm; the volume's border counts as more of the same."""
    out = np.zeros_like(mask)
    if mask.any():
        box = box_of(mask, float(spacing.max()), spacing)
        out[box] = ~grow(~mask[box], radius, spacing)
    return out


def _ball(radius: float, spacing: Floats) -> Mask:
    """Return which voxels lie within `radius` mm of the middle one."""
    reach = np.floor(radius / spacing).astype(int)
    index = np.stack(np.meshgrid(*(np.arange(-r, r + 1) for r in reach), indexing="ij"), axis=-1)
    return np.asarray(np.linalg.norm(index * spacing, axis=-1) <= radius)


def opened(mask: Mask, radius: float, spacing: Floats) -> Mask:
    """Return `mask` without what is thinner than twice `radius` mm."""
    return grow(shrink(mask, radius, spacing), radius, spacing) & mask


def closed(mask: Mask, radius: float, spacing: Floats) -> Mask:
    """Return `mask` with gaps narrower than twice `radius` mm closed."""
    return shrink(grow(mask, radius, spacing), radius, spacing) | mask


def box_of(mask: Mask, margin: float, spacing: Floats) -> tuple[slice, slice, slice]:
    """Return the box around a mask that holds something, `margin` mm wider on every side."""
    ranges = []
    for axis in range(3):
        others = tuple(a for a in range(3) if a != axis)
        found = np.flatnonzero(mask.any(axis=others))
        extra = int(np.ceil(margin / spacing[axis])) + 1
        ranges.append(slice(max(0, int(found[0]) - extra), int(found[-1]) + extra + 1))
    return ranges[0], ranges[1], ranges[2]


def parts_of(mask: Mask) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Return the number of the connected part of every voxel, from 1, and the parts' sizes.

    Row 0 of the sizes belongs to the voxels outside.
    """
    labels, count = ndimage.label(mask, structure=NEIGHBOURS)
    return labels.astype(np.int32), np.bincount(labels.ravel(), minlength=count + 1)


def filled(mask: Mask, gap: float, spacing: Floats) -> Mask:
    """Return `mask` with its holes filled, also those open through a channel below 2 `gap` mm."""
    out = mask.copy()
    if not mask.any():
        return out
    box = box_of(mask, 2 * gap, spacing)
    if gap > 0:
        tight = closed(mask[box], gap, spacing)
        holes = without_holes(tight) & ~tight
        out[box] |= (tight & grow(holes, 2 * gap, spacing)) | holes
    out[box] = without_holes(out[box])
    return out


def without_holes(mask: Mask) -> Mask:
    """Return `mask` and all that it encloses."""
    outside = np.pad(~mask, 1, constant_values=True)
    labels, _ = ndimage.label(outside)
    return np.asarray(labels != labels[0, 0, 0])[1:-1, 1:-1, 1:-1]


def connected_with(mask: Mask, seeds: Mask) -> Mask:
    """Return the connected parts of `mask` that hold a voxel of `seeds`."""
    labels, sizes = parts_of(mask)
    kept = np.zeros(len(sizes), dtype=bool)
    kept[np.unique(labels[seeds & mask])] = True
    kept[0] = False
    return np.asarray(kept[labels])


@dataclass(frozen=True, eq=False)
class Blocks:
    """A coarser grid of whole voxels: `factor` (3,) of them make a block, of `spacing` (3,) mm."""

    factor: NDArray[np.int64]
    spacing: Floats
    shape: tuple[int, ...]

    @classmethod
    def of(cls, shape: tuple[int, ...], spacing: Floats, edge: float) -> Blocks:
        """Return the blocks of about `edge` mm of a grid of `shape` voxels."""
        factor = np.maximum(1, np.round(edge / spacing)).astype(np.int64)
        return cls(factor, factor * spacing, tuple(shape))

    def mean(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the mean of every block; those at the far ends are filled with their edge."""
        return np.asarray(self._split(values, "edge").mean(axis=(1, 3, 5), dtype=np.float32))

    def any(self, mask: Mask) -> Mask:
        """Return which blocks hold a voxel of `mask`."""
        return np.asarray(self._split(mask, "edge").any(axis=(1, 3, 5)))

    def fine(self, coarse: NDArray[Any]) -> NDArray[Any]:
        """Return the block's value at every voxel."""
        for axis, f in enumerate(self.factor):
            coarse = np.repeat(coarse, f, axis=axis)
        return coarse[tuple(slice(0, n) for n in self.shape)]

    def _split(self, values: NDArray[Any], mode: Any) -> NDArray[Any]:
        padding = [(0, -n % int(f)) for n, f in zip(self.shape, self.factor, strict=True)]
        padded = np.pad(values, padding, mode=mode) if any(p for _, p in padding) else values
        pairs = zip(padded.shape, self.factor, strict=True)
        return padded.reshape([s for n, f in pairs for s in (n // int(f), int(f))])
