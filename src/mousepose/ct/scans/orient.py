"""Spacing and orientation of scans: whatever a file says becomes RAS millimetres here.

A file's voxels have indices (slice, row, column); `T_world_index` takes them to RAS mm. DICOM
counts in LPS: +x to the animal's left, +y to its back, +z to its head (PS3.3, C.7.6.2).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from mousepose.errors import FileError, InputError
from mousepose.types import Floats

#: Voxels of a mouse's scan lie between these, mm.
SPACING_MM = (0.02, 1.0)
#: A whole mouse is so long, with its tail or without, mm.
MOUSE_MM = (60.0, 200.0)
#: The axes of an axial scan as DICOM lays it out: slices to the head, rows to the back, columns to
#: the left of an animal on its back.
AXIAL = "SPL"

_DIRECTIONS = {"R": (0, 1), "L": (0, -1), "A": (1, 1), "P": (1, -1), "S": (2, 1), "I": (2, -1)}
_LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
#: Cosine between two axes of one scan beyond which the scan is sheared: 1 degree.
_MAX_COSINE = 0.0175


def ras_of_lps(T_lps_index: Floats) -> Floats:
    """Return `T_world_index` (4, 4), in RAS mm, of a matrix (4, 4) that leads to LPS mm."""
    return np.asarray(_LPS_TO_RAS @ T_lps_index)


def matrix_of_axes(axes: str, spacing: ArrayLike, shape: tuple[int, ...]) -> Floats:
    """Return `T_world_index` (4, 4) of a scan whose slices, rows, columns run along `axes`.

    `axes` has three letters: where the slice, row and column numbers grow, each one of R L A P S I.
    The middle of the scan becomes the origin. Raises `InputError` on other letters.
    """
    letters = axes.upper()
    known = [_DIRECTIONS[letter] for letter in letters if letter in _DIRECTIONS]
    if len(letters) != 3 or len({axis for axis, _ in known}) != 3:
        raise InputError(
            f"axes {axes!r}: expected three letters for where slices, rows and columns grow, one "
            f"of R/L, one of A/P and one of S/I, such as {AXIAL!r}"
        )
    T_world_index = np.eye(4)
    T_world_index[:3, :3] = 0.0
    for column, (axis, sign) in enumerate(known):
        T_world_index[axis, column] = sign * np.asarray(spacing)[column]
    return centred(T_world_index, shape)


def centred(T_world_index: Floats, shape: tuple[int, ...]) -> Floats:
    """Return the matrix that puts the middle of a scan at the origin."""
    moved = T_world_index.copy()
    moved[:3, 3] = -moved[:3, :3] @ ((np.array(shape) - 1) / 2)
    return moved


def spacing_of(T_world_index: Floats) -> Floats:
    """Return the distances (3,) mm between neighbouring slices, rows and columns."""
    return np.asarray(np.linalg.norm(T_world_index[:3, :3], axis=0))


def with_spacing(T_world_index: Floats, spacing_mm: ArrayLike) -> Floats:
    """Return the matrix with other spacing: one number or three (slices, rows, columns), mm.

    Directions and the place of the first voxel stay. Raises `InputError` on no positive numbers.
    """
    spacing = np.asarray(spacing_mm, dtype=np.float64)
    if spacing.shape not in {(), (3,)} or not (np.isfinite(spacing) & (spacing > 0)).all():
        raise InputError(
            f"spacing {spacing_mm!r}: expected one positive number in mm, or three for slices, "
            "rows and columns"
        )
    changed = T_world_index.copy()
    changed[:3, :3] *= spacing / spacing_of(T_world_index)
    return changed


def check_matrix(name: str, T_world_index: Floats) -> None:
    """Raise `FileError` where spacing or angles are none of a scan of a mouse."""
    axes = T_world_index[:3, :3]
    spacing = spacing_of(T_world_index)
    if not np.isfinite(T_world_index).all() or not (spacing > 0).all():
        raise FileError(f"{name}: its voxels have no size; give spacing_mm")
    low, high = SPACING_MM
    if not ((spacing >= low) & (spacing <= high)).all():
        shown = " x ".join(f"{value:.5g}" for value in spacing.tolist())
        raise FileError(
            f"{name}: its voxels of {shown} mm (slices, rows, columns) are none of a mouse's scan, "
            f"{low} to {high:g} mm; if the file's unit is wrong, give spacing_mm"
        )
    directions = axes / spacing
    cosines = directions.T @ directions - np.eye(3)
    if np.abs(cosines).max() > _MAX_COSINE:
        raise FileError(
            f"{name}: its axes are not at right angles (a tilted gantry?); resample it first"
        )


def extent_note(T_world_index: Floats, shape: tuple[int, ...]) -> str | None:
    """Return a sentence where a scan is longer or shorter than a mouse, else None."""
    longest = float((spacing_of(T_world_index) * shape).max())
    low, high = MOUSE_MM
    if longest > high:
        return f"{longest:.0f} mm long: longer than a mouse with its tail; check the spacing"
    if longest < low:
        return f"{longest:.0f} mm long: part of a mouse only, or the spacing is wrong"
    return None


def ras_order(T_world_index: Floats) -> tuple[tuple[int, int, int], tuple[bool, bool, bool]]:
    """Return which index runs along x, y and z as nearly as it can, and which of them turn round.

    Of all ways to give each world axis one index, the one with the largest sum of cosines.
    """
    from scipy.optimize import linear_sum_assignment

    directions = T_world_index[:3, :3] / spacing_of(T_world_index)  # (world, index)
    _, best = linear_sum_assignment(-np.abs(directions))
    x, y, z = (int(index) for index in best)
    turned = [bool(directions[axis, index] < 0) for axis, index in enumerate((x, y, z))]
    return (x, y, z), (turned[0], turned[1], turned[2])


def reordered(
    T_world_index: Floats,
    shape: tuple[int, ...],
    order: tuple[int, int, int],
    turned: tuple[bool, bool, bool],
) -> Floats:
    """Return the matrix (4, 4) after indices of `shape` were put in `order` and turned round."""
    T_index_voxel = np.zeros((4, 4))
    T_index_voxel[3, 3] = 1.0
    for voxel, (index, turn) in enumerate(zip(order, turned, strict=True)):
        T_index_voxel[index, voxel] = -1.0 if turn else 1.0
        T_index_voxel[index, 3] = shape[index] - 1 if turn else 0.0
    return np.asarray(T_world_index @ T_index_voxel)
