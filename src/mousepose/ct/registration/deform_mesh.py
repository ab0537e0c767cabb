"""What a triangle mesh gives a registration: areas, edges, Laplacians, and distance to it."""

from __future__ import annotations

import numpy as np
from scipy import sparse
from scipy.spatial import cKDTree

from mousepose.ct.registration.deform import nearest
from mousepose.ct.types import Surface
from mousepose.types import Floats, Ints

#: An angle of less than about half a degree counts as that: its cotangent would swamp all others.
_LARGEST_COTANGENT = 100.0
#: Of a point, triangles around this many nearest vertices are looked at.
_NEAR = 3


def vertex_areas(vertices: Floats, faces: Ints) -> Floats:
    """Return the area (V,) that belongs to each vertex: a third of that of its triangles."""
    corners = vertices[faces]
    cross = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    area = np.linalg.norm(cross, axis=1) / 6
    return np.asarray(np.bincount(faces.ravel(), np.repeat(area, 3), len(vertices)), np.float64)


def mesh_edges(faces: Ints) -> Ints:
    """Return the edges (E, 2), each once, the smaller vertex first."""
    pairs = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    return np.unique(np.sort(pairs, axis=1), axis=0)


def edge_laplacian(faces: Ints, count: int) -> sparse.csr_matrix:
    """Return the Laplacian (V, V) in which every edge counts 1: each vertex less its neighbours."""
    edges = mesh_edges(faces)
    return _laplacian(edges[:, 0], edges[:, 1], np.ones(len(edges)), count)


def cotangent_laplacian(vertices: Floats, faces: Ints) -> sparse.csr_matrix:
    """Return the Laplacian (V, V) of linear elements, positive semidefinite, rows sum to 0.

    Pinkall, Polthier, Computing discrete minimal surfaces and their conjugates (1993). Weights are
    not negative: those of obtuse pairs are cut at 0, so that its solutions stay between their ends.
    """
    corners = vertices[faces]
    weight = np.empty(faces.shape)
    for corner in range(3):
        one = corners[:, (corner + 1) % 3] - corners[:, corner]
        other = corners[:, (corner + 2) % 3] - corners[:, corner]
        sine = np.linalg.norm(np.cross(one, other), axis=1)
        cosine = (one * other).sum(axis=1)
        weight[:, corner] = cosine / np.maximum(sine, np.abs(cosine) / _LARGEST_COTANGENT + 1e-12)
    first, second = faces[:, [1, 2, 0]].ravel(), faces[:, [2, 0, 1]].ravel()
    both = sparse.coo_matrix((weight.ravel() / 2, (first, second)), shape=(len(vertices),) * 2)
    both = (both + both.T).tocoo()
    upper = both.row < both.col
    values = np.maximum(both.data[upper], 0.0)
    ends = both.row[upper].astype(np.int64), both.col[upper].astype(np.int64)
    return _laplacian(*ends, values, len(vertices))


def _laplacian(first: Ints, second: Ints, weight: Floats, count: int) -> sparse.csr_matrix:
    pairs = sparse.coo_matrix((weight, (first, second)), shape=(count, count))
    both = (pairs + pairs.T).tocsr()
    return (sparse.diags(np.asarray(both.sum(axis=1)).ravel()) - both).tocsr()


def surface_distance(points: Floats, surface: Surface) -> Floats:
    """Return the distance (N,) mm of points (N, 3) from the nearest triangle of a surface.

    Triangles around the nearest vertices are looked at, which is exact where triangles are small
    against the distances that matter.
    """
    used = np.unique(surface.faces)
    near = used[nearest(cKDTree(surface.vertices[used]), points, _NEAR)[1]]
    order = np.argsort(surface.faces.ravel(), kind="stable")
    owner, start = (
        order // 3,
        np.searchsorted(surface.faces.ravel()[order], np.arange(len(surface.vertices) + 1)),
    )
    best = np.full(len(points), np.inf)
    count = start[near + 1] - start[near]
    for column in range(near.shape[1]):
        for place in range(int(count[:, column].max())):
            rows = np.flatnonzero(count[:, column] > place)
            face = owner[start[near[rows, column]] + place]
            found = _triangle_distance(points[rows], surface.vertices[surface.faces[face]])
            best[rows] = np.minimum(best[rows], found)
    return best


def _triangle_distance(points: Floats, corners: Floats) -> Floats:
    """Return the distance (N,) of each point (N, 3) from its own triangle (N, 3, 3)."""
    best = np.full(len(points), np.inf)
    for corner in range(3):
        start, way = corners[:, corner], corners[:, (corner + 1) % 3] - corners[:, corner]
        length = np.maximum((way**2).sum(axis=1), 1e-30)
        along = np.clip(((points - start) * way).sum(axis=1) / length, 0, 1)
        best = np.minimum(best, np.linalg.norm(points - start - along[:, None] * way, axis=1))
    first, second = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    normal = np.cross(first, second)
    square = np.maximum((normal**2).sum(axis=1), 1e-30)
    arm = points - corners[:, 0]
    one = (np.cross(arm, second) * normal).sum(axis=1) / square
    two = (np.cross(first, arm) * normal).sum(axis=1) / square
    inside = (one >= 0) & (two >= 0) & (one + two <= 1)
    height = np.abs((arm * normal).sum(axis=1)) / np.sqrt(square)
    return np.where(inside, np.minimum(best, height), best)
