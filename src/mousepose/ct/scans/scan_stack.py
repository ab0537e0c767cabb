"""A scan that is opened but not loaded: its slices come one after another."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mousepose.ct.scans import orient
from mousepose.errors import FileError
from mousepose.types import Floats

#: No scan of a mouse has more voxels: 2000 x 1500 x 1500 at the finest spacing.
MAX_VOXELS = 4_500_000_000
#: No side is longer.
MAX_SIDE = 16_384

#: One slice (rows, columns) as stored.
Plane = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Stack:
    """The slices of a scan: `shape` (slices, rows, columns), in RAS mm by `T_world_index` (4, 4).

    `planes` gives the slices in order, as stored, of `stored` type, each time it is called.
    Values are stored * `slope` + `intercept`, (slices,) each. Where stored equals `padding` nothing
    was measured. `hounsfield` is None where the file does not tell. Where the scan is not `located`
    its file tells no position, and its middle becomes the origin. `notes` are sentences on what the
    file left open and what was taken instead.
    """

    path: Path
    kind: str
    shape: tuple[int, int, int]
    stored: np.dtype[Any]
    T_world_index: Floats
    planes: Callable[[], Iterator[Plane]]
    slope: Floats
    intercept: Floats
    hounsfield: bool | None = None
    padding: float | None = None
    located: bool = True
    notes: tuple[str, ...] = ()

    @property
    def spacing(self) -> Floats:
        """Return the distances (3,) mm between neighbouring slices, rows and columns."""
        return orient.spacing_of(self.T_world_index)


def check_size(name: Path, shape: tuple[int, ...]) -> None:
    """Raise `FileError` unless `shape` (slices, rows, columns) can be a scan; nothing is made."""
    shown = " x ".join(str(side) for side in shape)
    if min(shape) < 1:
        raise FileError(f"{name}: {shown} voxels are an empty volume")
    if max(shape) > MAX_SIDE or int(np.prod(shape, dtype=np.float64)) > MAX_VOXELS:
        raise FileError(
            f"{name}: claims {shown} voxels (slices, rows, columns), more than any scan of a mouse;"
            " the file is damaged"
        )


def check_rescale(stack: Stack) -> None:
    """Raise `FileError` on a rescale that makes no values."""
    for name, numbers in (("slope", stack.slope), ("intercept", stack.intercept)):
        if not np.isfinite(numbers).all() or np.abs(numbers).max() > 1e9:
            raise FileError(f"{stack.path}: its rescale {name} is no usable number")
    if (stack.slope == 0).any():
        raise FileError(f"{stack.path}: its rescale slope is 0, every voxel would be the same")


def settled(stack: Stack, spacing_mm: ArrayLike | None, axes: str | None) -> Stack:
    """Return the stack with what the user knows better than the file, checked.

    Raises `FileError` where spacing, axes or rescale cannot be those of a scan of a mouse.
    """
    T_world_index, notes = stack.T_world_index, list(stack.notes)
    if spacing_mm is not None:
        T_world_index = orient.with_spacing(T_world_index, spacing_mm)
        notes.append("spacing as given, not from the file")
    if axes is not None:
        spacing = orient.spacing_of(T_world_index)
        T_world_index = orient.matrix_of_axes(axes, spacing, stack.shape)
        notes.append(f"axes {axes.upper()} as given, not from the file")
    if not stack.located:
        T_world_index = orient.centred(T_world_index, stack.shape)
    orient.check_matrix(str(stack.path), T_world_index)
    check_rescale(stack)
    extent = orient.extent_note(T_world_index, stack.shape)
    notes += [extent] if extent else []
    return replace(stack, T_world_index=T_world_index, notes=tuple(notes))
