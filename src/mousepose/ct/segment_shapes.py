"""Shapes of voxels in millimetres: growing, shrinking, opening and closing by a radius in mm."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from mousepose.types import Floats

Mask = NDArray[np.bool_]

#: Face, edge and corner neighbours count as connected: thin oblique bone stays in one piece.
NEIGHBOURS = np.ones((3, 3, 3), dtype=bool)


def grow(mask: Mask, radius: float, spacing: Floats) -> Mask:
    """Return `mask` grown by `radius` mm."""
    if not mask.any():
        return mask.copy()
    out = np.zeros_like(mask)
    box = box_of(mask, radius, spacing)
    distance = ndimage.distance_transform_edt(~mask[box], sampling=spacing)
    out[box] = distance <= radius
    return out


def shrink(mask: Mask, radius: float, spacing: Floats) -> Mask:
    """Return `mask` shrunk by `radius` mm; the volume's border counts as more of the same."""
    out = np.zeros_like(mask)
    if mask.any():
        box = box_of(mask, float(spacing.max()), spacing)
        distance = ndimage.distance_transform_edt(mask[box], sampling=spacing)
        out[box] = distance > radius
    return out


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
    box = box_of(mask, 2 * gap, spacing)
    tight = closed(mask[box], gap, spacing)
    holes = ndimage.binary_fill_holes(tight) & ~tight
    out = mask.copy()
    out[box] |= tight & grow(holes, 2 * gap, spacing) | holes
    out[box] = ndimage.binary_fill_holes(out[box])
    return out
