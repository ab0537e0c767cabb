"""Closed, manifold surfaces: every edge between two faces, every vertex with one fan of faces."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from mousepose.ct.surfaces.surface_edges import next_corner, with_single_edges
from mousepose.ct.types import Surface
from mousepose.errors import InputError, ModelError
from mousepose.types import Floats, Ints


def closed_parts(surface: Surface) -> Surface:
    """Return a closed surface as a manifold: where sheets touch they are taken apart.

    Marching cubes and decimation let sheets share an edge or a vertex. The half-edges of such an
    edge are paired so that the solid lies between each pair, and each fan of faces gets a vertex
    of its own. Places do not change. Raises `ModelError` on a surface with holes.
    """
    faces = _without_folds(surface.faces)
    if not len(faces):
        raise ModelError("the surface has no faces left")
    first, second = _paired(surface.vertices, faces)
    following = next_corner(np.arange(3 * len(faces)))
    ends = np.concatenate([first, following[first]])
    others = np.concatenate([following[second], second])
    count = 3 * len(faces)
    graph = coo_array((np.ones(len(ends), np.int8), (ends, others)), shape=(count, count))
    _, labels = connected_components(graph, directed=False)
    _, sample, new = np.unique(labels, return_index=True, return_inverse=True)
    points = surface.vertices[faces.ravel()[sample]]
    return with_single_edges(points, new.reshape(-1, 3).astype(np.int64), first, second)


def part_labels(surface: Surface) -> tuple[int, Ints]:
    """Return the number of connected parts and the part of each face (F,)."""
    count = len(surface.vertices)
    ends, others = surface.faces[:, [0, 1]].T, surface.faces[:, [1, 2]].T
    graph = coo_array(
        (np.ones(ends.size, np.int8), (ends.ravel(), others.ravel())), shape=(count, count)
    )
    _, labels = connected_components(graph, directed=False)
    used, parts = np.unique(labels[surface.faces[:, 0]], return_inverse=True)
    return len(used), parts.astype(np.int64)


def part_volumes(surface: Surface) -> tuple[Ints, Floats]:
    """Return the part of each face (F,) and the volume of each part, mm^3; holes count below 0."""
    count, parts = part_labels(surface)
    a, b, c = (surface.vertices - surface.vertices.mean(axis=0))[surface.faces].transpose(1, 0, 2)
    cones = np.einsum("fi,fi->f", a, np.cross(b, c)) / 6
    return parts, np.bincount(parts, cones, count).astype(np.float64)


def kept_parts(
    surface: Surface, keep: Literal["largest", "all"], smallest_mm3: float = 0.0
) -> Surface:
    """Return the part with the largest volume, or all of more than `smallest_mm3` either way.

    Raises `InputError` where no part is left.
    """
    parts, volumes = part_volumes(surface)
    chosen = np.abs(volumes) > smallest_mm3
    if keep == "largest":
        chosen = np.arange(len(volumes)) == int(volumes.argmax())
    if not chosen.any():
        raise InputError(f"no part of the surface encloses more than {smallest_mm3:g} mm^3")
    return compacted(surface.vertices, surface.faces[chosen[parts]])


def compacted(vertices: Floats, faces: Ints) -> Surface:
    """Return the surface of `faces` with only the vertices that they use, in their old order."""
    used, new = np.unique(faces, return_inverse=True)
    return Surface(vertices[used], new.reshape(-1, 3).astype(np.int64))


def _without_folds(faces: Ints) -> Ints:
    """Leave out faces with a vertex twice, and pairs of faces back to back."""
    a, b, c = faces.T
    faces = faces[(a != b) & (b != c) & (c != a)]
    key, parity = np.sort(faces, axis=1), _parity(faces)
    _, group = np.unique(key, axis=0, return_inverse=True)
    group = group.ravel()
    order = np.lexsort((parity, group))
    balance = np.bincount(group, parity)
    size = np.bincount(group)
    if (np.abs(balance) == size).all() and (size == 1).all():
        return np.asarray(faces)
    # Of each group as many are kept as do not cancel out, all of the sign in excess.
    ranks = np.arange(len(order)) - np.repeat(np.r_[0, np.cumsum(size)[:-1]], size)
    kept = np.where(
        balance[group[order]] > 0,
        ranks >= (size - balance)[group[order]],
        ranks < -balance[group[order]],
    )
    return np.asarray(faces[np.sort(order[kept])])


def _parity(faces: Ints) -> NDArray[np.float64]:
    a, b, c = faces.T
    return np.where((a < b).astype(int) + (b < c) + (c < a) == 2, 1.0, -1.0)


def _paired(vertices: Floats, faces: Ints) -> tuple[Ints, Ints]:
    """Return the corners whose half-edges are the two sides of one edge, (E,) and (E,)."""
    corners = np.arange(3 * len(faces))
    start, stop = faces.ravel(), faces.ravel()[next_corner(corners)]
    low, high = np.minimum(start, stop), np.maximum(start, stop)
    upward = start < stop
    order = np.lexsort((~upward, high, low))
    edge = np.cumsum(np.r_[True, (np.diff(low[order]) != 0) | (np.diff(high[order]) != 0)]) - 1
    size = np.bincount(edge)
    if (size % 2).any() or (np.bincount(edge, np.where(upward[order], 1, -1)) != 0).any():
        raise ModelError("the surface has holes or faces turned against each other")
    simple = size[edge] == 2
    pairs = order[simple].reshape(-1, 2)
    first, second = [pairs[:, 0]], [pairs[:, 1]]
    begins = np.r_[0, np.cumsum(size)[:-1]]
    for place in np.flatnonzero(size > 2):
        at = order[begins[place] : begins[place] + size[place]]
        ups, downs = _matched(vertices, faces, at)
        first.append(ups)
        second.append(downs)
    return np.concatenate(first), np.concatenate(second)


def _matched(vertices: Floats, faces: Ints, corners: Ints) -> tuple[Ints, Ints]:
    """Pair the half-edges at one edge so that the inside of the solid lies between each pair."""
    flat = faces.ravel()
    starts, stops = flat[corners], flat[next_corner(corners)]
    upward = starts < stops
    base = vertices[starts[upward][0]]
    axis = vertices[stops[upward][0]] - base
    axis /= max(float(np.linalg.norm(axis)), 1e-30)
    arms = vertices[flat[next_corner(next_corner(corners))]] - base
    arms -= np.outer(arms @ axis, axis)
    across = np.cross(axis, arms[0])
    angles = np.arctan2(arms @ across, arms @ arms[0])
    # The normal of a face with an upward half-edge, axis x arm, points to larger angles: the solid
    # lies between a downward half-edge and the next upward one.
    order = np.argsort(angles, kind="stable")
    waiting: list[int] = []
    ups, downs = [], []
    for index in (*order, *order):
        if not upward[index]:
            if index not in waiting and corners[index] not in downs:
                waiting.append(index)
        elif waiting and corners[index] not in ups:
            ups.append(corners[index])
            downs.append(corners[waiting.pop()])
    return np.array(ups), np.array(downs)
