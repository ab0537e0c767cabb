"""Edges of triangle surfaces, named by corners: 3 * face + place in the face.

The half-edge of a corner leads to the face's next corner.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np

from mousepose.ct.types import Surface
from mousepose.types import Floats, Ints


def next_corner(corners: Ints) -> Ints:
    """Return the corner of the same face that each of `corners` leads to."""
    return np.asarray(corners - corners % 3 + (corners + 1) % 3)


def with_single_edges(points: Floats, faces: Ints, first: Ints, second: Ints) -> Surface:
    """Return the surface with a vertex put into all but one of the edges between the same two.

    `first` and `second` are the corners on the two sides of each edge. Two sheets that touch along
    an edge, and hang together around both of its ends, would else be told to share it.
    """
    starts, stops = faces.ravel()[first], faces.ravel()[next_corner(first)]
    key = np.minimum(starts, stops) * len(points) + np.maximum(starts, stops)
    order = np.argsort(key, kind="stable")
    double = order[1:][np.diff(key[order]) == 0]
    if not len(double):
        return Surface(points, faces)
    middles: dict[int, list[int]] = defaultdict(lambda: [-1, -1, -1])
    for number, edge in enumerate(double):
        for corner in (int(first[edge]), int(second[edge])):
            middles[corner // 3][corner % 3] = len(points) + number
    whole = np.ones(len(faces), dtype=bool)
    whole[list(middles)] = False
    pieces = [
        piece for face, own in middles.items() for piece in _divided(faces[face].tolist(), own)
    ]
    between = (points[starts[double]] + points[stops[double]]) / 2
    return Surface(
        np.concatenate([points, between]), np.concatenate([faces[whole], np.array(pieces)])
    )


def _divided(face: Sequence[int], middles: Sequence[int]) -> Iterator[tuple[int, int, int]]:
    """Yield the pieces of a face with a vertex in the middle of some edges, -1 where none is."""
    a, b, c = face
    ab, bc, ca = middles
    if max(middles) < 0:
        yield a, b, c
    elif ab < 0:
        yield from _divided((b, c, a), (bc, ca, ab))
    else:
        yield from _divided((a, ab, c), (-1, -1, ca))
        yield from _divided((ab, b, c), (-1, bc, -1))
