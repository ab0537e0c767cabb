"""After decimation: triangles of even shape, and folds undone."""

from __future__ import annotations

import numpy as np

from mousepose.ct.surfaces.surface_crossings import crossing_faces
from mousepose.ct.surfaces.surface_smooth import neighbours_mean
from mousepose.ct.types import Surface
from mousepose.geometry.triangles import vertex_normals

#: Rounds of moving vertices within the surface; more change little.
_ROUNDS = 6
#: Rounds of undoing folds; what three do not undo, thirty do not.
_UNFOLDING = 4


def tidied(surface: Surface) -> Surface:
    """Return a closed surface with the same faces, their vertices moved a little.

    Each vertex goes halfway to its neighbours' mean, within the surface only. Then vertices of
    faces that cross others, as decimation leaves them where walls are thin, are smoothed for as
    long as fewer faces cross.
    """
    return _unfolded(_evened(surface))


def _evened(surface: Surface) -> Surface:
    average = neighbours_mean(surface.faces, len(surface.vertices))
    points = surface.vertices
    for _ in range(_ROUNDS):
        normals = vertex_normals(points, surface.faces)
        step = average @ points - points
        step -= np.einsum("vi,vi->v", step, normals)[:, None] * normals
        points = points + 0.5 * step
    return Surface(points, surface.faces)


def _unfolded(surface: Surface) -> Surface:
    average = neighbours_mean(surface.faces, len(surface.vertices))
    best, crossing = surface, crossing_faces(surface)
    for _ in range(_UNFOLDING):
        if not len(crossing):
            break
        concerned = np.unique(best.faces[np.unique(crossing)])
        points = best.vertices.copy()
        for _ in range(2):
            points[concerned] += 0.5 * (average @ points - points)[concerned]
        tried = Surface(points, best.faces)
        left = crossing_faces(tried)
        if len(left) >= len(crossing):
            break
        best, crossing = tried, left
    return best
