"""The surface where a field crosses a level, by marching cubes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from mousepose.ct.scans.scan_errors import library
from mousepose.ct.types import Surface, Volume
from mousepose.errors import InputError
from mousepose.types import Ints

Field = NDArray[np.float32]

#: Values are moved off the level by this part of the field's range: a vertex on a voxel would be
#: shared by triangles without area.
_APART = 1e-3
#: Blurs reach so many standard deviations.
_REACH = 3.0
#: No part may swell or vanish because another one is thin.
_MASK_LEVELS = (0.35, 0.6)


def box_around(above: NDArray[np.bool_], margin: int) -> tuple[slice, slice, slice]:
    """Return the part of an array around what is true. Raises `InputError` where nothing is."""
    ends = [np.flatnonzero(above.any(axis=others)) for others in ((1, 2), (0, 2), (0, 1))]
    if not ends[0].size:
        raise InputError("nothing lies inside: the mask is empty, or the level above all values")
    x, y, z = (slice(max(int(end[0]) - margin, 0), int(end[-1]) + 1 + margin) for end in ends)
    return x, y, z


def field_of_parts(inside: Field, blur_voxels: float) -> tuple[Field, float]:
    """Return a field, one voxel larger on all sides, and the level of the surface in it.

    `inside` is the part of each voxel that is inside, 0 or 1 in a mask. It is blurred, and the
    level is that above which as much lies as is inside: a level of one half would take the
    edges off small and thin parts. A part smaller than the blur gets half its height.
    """
    pad = 1 + int(np.ceil(_REACH * blur_voxels))
    field = np.pad(inside, pad)
    if blur_voxels == 0:
        return field, 0.5
    field = ndimage.gaussian_filter(field, blur_voxels, truncate=_REACH)
    side = slice(pad - 1, 1 - pad)
    level = min(_level_of(field, float(inside.sum(dtype=np.float64)), blur_voxels), field.max() / 2)
    return field[side, side, side], float(level)


def _level_of(field: Field, count: float, blur_voxels: float) -> float:
    """Return the level above which the volume is `count` voxels, by bisection."""
    # From voxel to voxel across a flat wall a blurred mask grows by this much: a voxel with the
    # level in its middle lies half inside.
    growth = 1 / (blur_voxels * np.sqrt(2 * np.pi))
    low, high = _MASK_LEVELS
    unsure = field[(field > low - growth / 2) & (field < high + growth / 2)]
    sure = int(np.count_nonzero(field >= high + growth / 2))
    for _ in range(12):
        level = (low + high) / 2
        above = sure + np.clip((unsure - level) / growth + 0.5, 0, 1).sum(dtype=np.float64)
        low, high = (level, high) if above > count else (low, level)
    return (low + high) / 2


def field_of_values(values: NDArray[Any], blur_voxels: float, level: float) -> Field:
    """Return blurred values, one voxel larger on all sides. Raises `InputError` on NaN.

    The values around them close the surface half a voxel outside.
    """
    field = values.astype(np.float32)
    if not np.isfinite(field).all():
        raise InputError("the field has values that are no numbers")
    if blur_voxels > 0:
        field = ndimage.gaussian_filter(field, blur_voxels, truncate=_REACH, mode="nearest")
    return np.pad(field, 1, constant_values=2 * level - float(field.max()))


def extracted(field: Field, level: float, volume: Volume, first: Ints, finer: Ints) -> Surface:
    """Return the surface, in RAS mm, around what exceeds `level`, its faces counted from outside.

    `field`, from one of the functions above, is changed a little. Its second voxel is the volume's
    `first` (3,), and its voxels are `finer` (3,) times smaller. Raises `InputError` where nothing
    exceeds the level.
    """
    marching_cubes = library("making surfaces", "skimage.measure").marching_cubes
    low, high = float(field.min()), float(field.max())
    if not low < level < high:
        raise InputError(
            f"the field goes from {low:g} to {high:g}; nothing of it crosses the level {level:g}"
        )
    _clear_of_level(field, level, _APART * (high - low))
    vertices, triangles, _, _ = marching_cubes(field, level)
    points = volume.to_world((vertices.astype(np.float64) - 1) / finer + first)
    faces = triangles.astype(np.int64)
    a, b, c = (points - points.mean(axis=0))[faces].transpose(1, 0, 2)
    outside = np.einsum("fi,fi->", a, np.cross(b, c)) > 0
    return Surface(points, faces if outside else np.ascontiguousarray(faces[:, ::-1]))


def _clear_of_level(field: Field, level: float, apart: float) -> None:
    """Move values closer to the level than `apart` away from it, in place to save memory."""
    field[(field >= level) & (field < level + apart)] = level + apart
    field[(field < level) & (field > level - apart)] = level - apart
