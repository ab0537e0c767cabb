"""What lies between slices that are far apart (Raya and Udupa 1990, Shape-based interpolation)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from mousepose.types import Floats, Ints

#: Slices this many times as far apart as the pixels within them are filled in.
_FAR = 1.5
#: Outlines further apart than this many slice spacings are so far apart, the end of a body too.
_REACH = 2.0


def between_slices(mask: NDArray[np.bool_], spacing: Floats) -> tuple[NDArray[np.float32], Ints]:
    """Return what part of each voxel is inside, and how much finer (3,) than the mask's these are.

    Slices are filled in along the coarsest axis: between two of them their outlines' distances are
    interpolated, which turns stairs into slopes. Voxels of nearly equal sides stay as they are.
    """
    finer = np.ones(3, dtype=np.int64)
    axis = int(spacing.argmax())
    others = np.delete(spacing, axis)
    if spacing[axis] < _FAR * others.mean() or mask.shape[axis] < 2:
        return mask.astype(np.float32), finer
    finer[axis] = int(np.rint(spacing[axis] / others.mean()))
    # With slices this far apart the nearest place on the outline is always in the same slice.
    reach = _REACH * spacing[axis]
    apart = spacing.copy()
    apart[axis] = 1e3 * max(mask.shape) * spacing.max()
    pixel = others.mean()
    inside, outside = (
        np.minimum(ndimage.distance_transform_edt(part, sampling=apart), reach)
        for part in (mask, ~mask)
    )
    # An outline lies between pixels.
    signed = np.moveaxis(np.where(mask, inside - pixel / 2, pixel / 2 - outside), axis, 0)
    places = np.arange((len(signed) - 1) * finer[axis] + 1) / finer[axis]
    below = np.minimum(places.astype(np.int64), len(signed) - 2)
    part = (places - below)[:, None, None]
    filled = signed[below] * (1 - part) + signed[below + 1] * part
    return np.moveaxis(np.clip(filled / pixel + 0.5, 0, 1), 0, axis).astype(np.float32), finer
