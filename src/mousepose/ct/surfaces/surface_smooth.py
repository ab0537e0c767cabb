"""Smoothing that does not shrink (Taubin 1995, A signal processing approach to fair surfaces)."""

from __future__ import annotations

import numpy as np
from scipy.sparse import coo_array, csr_array, diags_array

from mousepose.ct.surfaces.surface_parts import part_volumes
from mousepose.ct.types import Surface
from mousepose.geometry.triangles import vertex_normals
from mousepose.types import Floats, Ints

#: Each round goes this part of the way to the neighbours' mean, and then back by more: features
#: of more than about ten edges' length stay.
_INWARD, _OUTWARD = 0.5, -0.53
#: No vertex is moved to keep the volume by more than this part of a mean edge.
_MOST = 0.25


def smoothed(surface: Surface, rounds: int) -> Surface:
    """Return a closed surface after `rounds` of smoothing, its volume unchanged."""
    if rounds <= 0:
        return surface
    average = neighbours_mean(surface.faces, len(surface.vertices))
    points = surface.vertices
    for _ in range(rounds):
        for part in (_INWARD, _OUTWARD):
            points = points + part * (average @ points - points)
    return Surface(_as_large(points, surface), surface.faces)


def neighbours_mean(faces: Ints, count: int) -> csr_array:
    """Return the matrix (V, V) that gives each vertex the mean of its neighbours."""
    ends = faces.ravel()
    others = np.roll(faces, -1, axis=1).ravel()
    # A closed surface has each edge once in each direction.
    edges = coo_array((np.ones(ends.size), (ends, others)), shape=(count, count)).tocsr()
    return csr_array(diags_array(1.0 / np.maximum(edges.sum(axis=1), 1)) @ edges)


def _as_large(points: Floats, before: Surface) -> Floats:
    """Move the vertices along their normals so far that the volume is that of `before`."""
    normals = vertex_normals(points, before.faces)
    wanted = part_volumes(before)[1].sum()
    a, b, c = points[before.faces].transpose(1, 0, 2)
    most = _MOST * float(np.linalg.norm(b - a, axis=1).mean())
    area = float(np.linalg.norm(np.cross(b - a, c - a), axis=1).sum()) / 2
    volume = part_volumes(Surface(points, before.faces))[1].sum()
    return np.asarray(points + np.clip((wanted - volume) / area, -most, most) * normals)
