"""Better triangles on the same points: edges turned until no angle can grow (Lawson 1977)."""

from __future__ import annotations

import numpy as np

from mousepose.types import Floats, Ints

#: Edges whose triangles fold by more than this (cosine between their normals) are a feature.
_FLAT = 0.7
_PASSES = 8


def flipped(points: Floats, faces: Ints) -> Ints:
    """Return the faces (F, 3) after every edge was turned whose opposite angles sum past 180.

    Edges of the border and of sharp folds stay, and none is turned into one that is there already,
    so that the mesh stays as closed as it was.
    """
    faces = faces.copy()
    for _ in range(_PASSES):
        if not _flip_once(points, faces):
            break
    return faces


def _flip_once(points: Floats, faces: Ints) -> int:
    """Turn edges in `faces`, each triangle at most once, and return how many."""
    edges, owner, corner = _inner_edges(faces)
    present = {(int(a), int(b)) for a, b in edges}
    present |= {(b, a) for a, b in present}
    opposite = np.stack([faces[owner[:, k], corner[:, k]] for k in (0, 1)], axis=1)
    wanted = np.flatnonzero(_wants_turning(points, faces, edges, owner, opposite))
    touched = np.zeros(len(faces), bool)
    turned = 0
    for n in wanted:
        first, second = owner[n]
        apex, base = (int(v) for v in opposite[n])
        if touched[first] or touched[second] or (apex, base) in present:
            continue
        a, b = (int(v) for v in edges[n])
        if not _keeps_sides(points, a, b, apex, base):
            continue
        faces[first], faces[second] = (apex, a, base), (base, b, apex)
        touched[[first, second]] = True
        present |= {(apex, base), (base, apex)}
        turned += 1
    return turned


def _inner_edges(faces: Ints) -> tuple[Ints, Ints, Ints]:
    """Return edges (E, 2) as the first of their two faces counts them, both faces, both corners.

    A corner (E, 2) is the place in its face of the vertex opposite to the edge.
    """
    start, end = faces[:, [1, 2, 0]].ravel(), faces[:, [2, 0, 1]].ravel()
    low, high = np.minimum(start, end), np.maximum(start, end)
    order = np.lexsort((high, low))
    low, high = low[order], high[order]
    same = (low[1:] == low[:-1]) & (high[1:] == high[:-1])
    pairs = np.flatnonzero(same)
    one, other = order[pairs], order[pairs + 1]
    edges = np.stack([start[one], end[one]], axis=1)
    return edges, np.stack([one // 3, other // 3], axis=1), np.stack([one % 3, other % 3], axis=1)


def _wants_turning(
    points: Floats, faces: Ints, edges: Ints, owner: Ints, opposite: Ints
) -> np.ndarray:
    """Return (E,) whether the two angles opposite to an edge sum past 180 degrees."""
    corners = points[faces]
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-12)
    flat = (normal[owner[:, 0]] * normal[owner[:, 1]]).sum(axis=1) > _FLAT
    total = np.zeros(len(edges))
    for k in (0, 1):
        a, b = (points[edges[:, end]] - points[opposite[:, k]] for end in (0, 1))
        total += np.arctan2(np.linalg.norm(np.cross(a, b), axis=1), (a * b).sum(axis=1))
    return np.asarray(flat & (total > np.pi + 1e-3))


def _keeps_sides(points: Floats, a: int, b: int, apex: int, base: int) -> bool:
    """Tell whether the two triangles after the turn still look the way the old ones did."""
    before = np.cross(points[b] - points[a], points[apex] - points[a])
    before += np.cross(points[a] - points[b], points[base] - points[b])
    left = np.cross(points[a] - points[apex], points[base] - points[apex])
    right = np.cross(points[b] - points[base], points[apex] - points[base])
    return bool(left @ before > 0 and right @ before > 0)
