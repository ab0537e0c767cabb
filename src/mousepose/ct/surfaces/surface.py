"""A closed triangle surface of what a scan shows: the skin, or the skeleton."""

from __future__ import annotations

from typing import Any, Literal, cast

import numpy as np
from numpy.typing import NDArray

from mousepose.ct.surfaces.surface_between import between_slices
from mousepose.ct.surfaces.surface_decimate import decimated
from mousepose.ct.surfaces.surface_extract import (
    box_around,
    extracted,
    field_of_parts,
    field_of_values,
)
from mousepose.ct.surfaces.surface_parts import closed_parts, kept_parts
from mousepose.ct.surfaces.surface_smooth import smoothed
from mousepose.ct.types import Surface, Volume
from mousepose.errors import InputError

#: Blur of a mask, voxels: the least that takes its stairs away.
MASK_BLUR = 0.8
#: Blur of a scalar field, voxels: some noise goes, thin bones stay.
FIELD_BLUR = 0.4


def surface_of(
    field: NDArray[Any],
    volume: Volume,
    *,
    level: float | None = None,
    faces: int | None = None,
    keep: Literal["largest", "all"] = "largest",
    smallest_mm3: float = 0.0,
    blur_voxels: float | None = None,
    smoothing: int = 10,
) -> Surface:
    """Return the closed surface, in RAS mm, of a mask or of a scalar field above `level`.

    `field` has the shape of `volume`, whose axes and spacing it shares. What touches the volume's
    border is closed there. `faces` is the number of triangles to come down to. `keep` names
    the largest part, without holes inside it, or all that enclose more than `smallest_mm3`.
    `blur_voxels` (a standard deviation) and rounds of `smoothing` take detail away, not volume.
    Raises `InputError` on another shape, a missing level, an empty field.
    """
    if field.shape != volume.values.shape:
        raise InputError(
            f"the field has the shape {field.shape}, the volume {volume.values.shape}; "
            "they must be equal"
        )
    mask = field.dtype == bool
    if not mask and level is None:
        raise InputError("a scalar field needs the level at which its surface lies")
    blur = (MASK_BLUR if mask else FIELD_BLUR) if blur_voxels is None else blur_voxels
    box = box_around(field if mask else field > level, margin=2 + int(np.ceil(3 * blur)))
    finer = np.ones(3, dtype=np.int64)
    if mask:
        part, finer = between_slices(field[box], volume.spacing)
        scalar, level = field_of_parts(part, blur)
    else:
        level = float(cast(float, level))
        scalar = field_of_values(field[box], blur, level)
    first = np.array([side.start for side in box])
    surface = closed_parts(extracted(scalar, level, volume, first, finer))
    surface = kept_parts(surface, keep, smallest_mm3)
    surface = smoothed(surface, smoothing)
    if faces is not None and faces < len(surface.faces):
        surface = decimated(surface, faces)
    return surface
