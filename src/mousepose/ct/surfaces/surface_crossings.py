"""Pairs of triangles of one surface that cross each other.

A grid finds the candidates: triangles whose boxes share a cell. Two triangles cross where an edge
of one goes through the other. Numbers are exact to rounding; triangles that only touch, as
neighbours do, do not cross.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from mousepose.ct.types import Surface
from mousepose.types import Floats, Ints

#: Pairs tested at once, to bound the memory.
_PAIRS = 400_000
#: A cell is as large as this part of the triangles' boxes is at most.
_FITTING = 0.9
#: No triangle is entered into more cells along one axis.
_MOST_CELLS = 64


def crossing_faces(surface: Surface) -> Ints:
    """Return the pairs (N, 2) of faces that cross, each once, the lower face first."""
    if len(surface.faces) < 2:
        return np.zeros((0, 2), dtype=np.int64)
    corners = surface.vertices[surface.faces]
    found = [
        pairs[_crossing(corners, surface.faces, pairs)]
        for pairs in _candidates(corners.min(axis=1), corners.max(axis=1))
    ]
    both = np.concatenate([np.zeros((0, 2), dtype=np.int64), *found])
    return np.unique(np.sort(both, axis=1), axis=0)


def _candidates(low: Floats, high: Floats) -> Iterator[Ints]:
    """Yield pairs (N, 2) of boxes that overlap, each once, in batches."""
    extent = high - low
    size = max(float(np.quantile(extent.max(axis=1), _FITTING)), 1e-12)
    size = max(size, float(extent.max()) / _MOST_CELLS)
    first = np.floor((low - low.min(axis=0)) / size).astype(np.int64)
    last = np.floor((high - low.min(axis=0)) / size).astype(np.int64)
    boxes, cells = _entries(first, last)
    order = np.argsort(cells, kind="stable")
    boxes, cells = boxes[order], cells[order]
    sides = last.max(axis=0) + 1
    waiting: list[Ints] = []
    count, apart = 0, 0
    while True:
        # Entries of one cell are neighbours in the order; each distance gives some of the pairs.
        apart += 1
        same = np.flatnonzero(cells[apart:] == cells[:-apart])
        if not same.size:
            break
        pairs = np.stack([boxes[same], boxes[same + apart]], axis=1)
        a, b = pairs.T
        meet = ((low[a] <= high[b]) & (low[b] <= high[a])).all(axis=1)
        # Two boxes that share several cells are counted in the first of them only.
        owner = np.maximum(first[a], first[b])
        meet &= cells[same] == (owner[:, 0] * sides[1] + owner[:, 1]) * sides[2] + owner[:, 2]
        waiting.append(pairs[meet])
        count += int(meet.sum())
        if count > _PAIRS:
            yield np.concatenate(waiting)
            waiting, count = [], 0
    if waiting:
        yield np.concatenate(waiting)


def _entries(first: Ints, last: Ints) -> tuple[Ints, Ints]:
    """Return for every cell that a box reaches into the box and the cell's number."""
    spans = last - first + 1
    sides = last.max(axis=0) + 1
    counts = spans.prod(axis=1)
    boxes = np.repeat(np.arange(len(first)), counts)
    within = np.arange(len(boxes)) - np.repeat(np.cumsum(counts) - counts, counts)
    span = spans[boxes]
    z = within % span[:, 2]
    y = within // span[:, 2] % span[:, 1]
    x = within // (span[:, 2] * span[:, 1])
    cell = first[boxes] + np.stack([x, y, z], axis=1)
    return boxes, (cell[:, 0] * sides[1] + cell[:, 1]) * sides[2] + cell[:, 2]


def _crossing(corners: Floats, faces: Ints, pairs: Ints) -> NDArray[np.bool_]:
    """Tell for each pair (N, 2) of faces whether an edge of one goes through the other."""
    crosses = np.zeros(len(pairs), dtype=bool)
    likely = np.flatnonzero(
        _on_both_sides(corners[pairs[:, 0]], corners[pairs[:, 1]])
        & _on_both_sides(corners[pairs[:, 1]], corners[pairs[:, 0]])
    )
    for one, other in (pairs[likely].T, pairs[likely].T[::-1]):
        shared = (faces[one][:, :, None] == faces[other][:, None, :]).any(axis=2)  # (N, 3)
        for start in range(3):
            stop = (start + 1) % 3
            # An edge that begins at a common vertex touches the other face there anyway.
            asked = np.flatnonzero(~(shared[:, start] | shared[:, stop] | crosses[likely]))
            crosses[likely[asked]] = _pierces(
                corners[one[asked], start], corners[one[asked], stop], corners[other[asked]]
            )
    return crosses


def _on_both_sides(triangles: Floats, others: Floats) -> NDArray[np.bool_]:
    """Tell whether triangles (N, 3, 3) have corners on both sides of the planes of others."""
    base = others[:, :1]
    normals = np.cross(others[:, 1] - others[:, 0], others[:, 2] - others[:, 0])
    heights = np.einsum("nci,ni->nc", triangles - base, normals)
    return np.asarray((heights.min(axis=1) < 0) & (heights.max(axis=1) > 0))


def _pierces(start: Floats, stop: Floats, triangle: Floats) -> NDArray[np.bool_]:
    """Tell whether segments (N, 3) go through the inside of triangles (N, 3, 3)."""
    a, b, c = triangle.transpose(1, 0, 2)
    normal = np.cross(b - a, c - a)
    before = np.einsum("ni,ni->n", normal, start - a)
    after = np.einsum("ni,ni->n", normal, stop - a)
    along = stop - start
    around = [
        np.einsum("ni,ni->n", along, np.cross(one - start, other - start))
        for one, other in ((a, b), (b, c), (c, a))
    ]
    inside = np.sign(around[0]) * np.sign(around[1]) > 0
    inside &= np.sign(around[1]) * np.sign(around[2]) > 0
    return np.asarray((before * after < 0) & inside)
