"""Fewer triangles: quadric decimation that stays closed (Garland and Heckbert 1997)."""

from __future__ import annotations

import numpy as np

from mousepose.ct.scans.scan_errors import library
from mousepose.ct.surfaces.surface_parts import closed_parts, kept_parts, part_labels
from mousepose.ct.surfaces.surface_tidy import tidied
from mousepose.ct.types import Surface
from mousepose.errors import InputError

#: From shape above all to reaching the target above all.
_AGGRESSION = (3.0, 5.0, 7.0)
#: A target missed by less than this part is reached.
_REACHED = 1.05


def decimated(surface: Surface, faces: int) -> Surface:
    """Return a closed surface with about `faces` triangles, closed and manifold like before.

    Raises `InputError` on a target too small for a closed surface.
    """
    if faces < 4:
        raise InputError(f"{faces} faces: a closed surface has 4 or more")
    simplify = library("decimating surfaces", "fast_simplification").simplify
    # Numbers near 1 suit the library's tolerances, whatever the surface's size.
    middle = surface.vertices.mean(axis=0)
    scale = float(np.abs(surface.vertices - middle).max())
    points = (surface.vertices - middle) / scale
    parts = part_labels(surface)[0]
    result = surface
    for aggression in _AGGRESSION:
        vertices, kept = simplify(
            points, surface.faces.astype(np.int32), target_count=faces, agg=aggression
        )
        result = Surface(vertices.astype(np.float64) * scale + middle, kept.astype(np.int64))
        if len(kept) <= faces * _REACHED:
            break
    # Where a thin bridge collapsed, crumbs are left beside the part.
    return tidied(kept_parts(closed_parts(result), "largest" if parts == 1 else "all"))
