"""Plain bodies as meshes: what cages are furnished with, and eyes."""

from __future__ import annotations

import numpy as np

from mousepose.types import Floats, Ints


def sphere(rings: int = 8, sides: int = 12) -> tuple[Floats, Ints]:
    """Return vertices (V, 3) and faces (F, 3) of a ball of radius 1 about 0."""
    tilt = np.linspace(0, np.pi, rings)[:, None]
    turn = np.linspace(0, 2 * np.pi, sides, endpoint=False)
    vertices = np.stack(
        [np.sin(tilt) * np.cos(turn), np.sin(tilt) * np.sin(turn), np.cos(tilt) + 0 * turn], axis=-1
    )
    return vertices.reshape(-1, 3), _strip(rings, sides)


def tube(path: Floats, radius: Floats | float, sides: int = 10) -> tuple[Floats, Ints]:
    """Return a round tube along a path (P, 3) mm, of `radius` mm or (P,) mm; its ends are open."""
    ahead = np.gradient(path, axis=0)
    ahead /= np.linalg.norm(ahead, axis=1, keepdims=True)
    aside = np.cross(ahead, [0.31, 0.27, 0.91])
    aside /= np.linalg.norm(aside, axis=1, keepdims=True)
    above = np.cross(ahead, aside)
    turn = np.linspace(0, 2 * np.pi, sides, endpoint=False)[:, None]
    round_ = np.cos(turn) * aside[:, None] + np.sin(turn) * above[:, None]
    wide = np.broadcast_to(np.asarray(radius, np.float64), len(path))
    vertices = path[:, None] + wide[:, None, None] * round_
    return vertices.reshape(-1, 3), _strip(len(path), sides)


def box(low: Floats, high: Floats) -> tuple[Floats, Ints]:
    """Return a box with its edges along the axes, from corner `low` to `high` (3,) mm."""
    corner = np.array([[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)])
    vertices = np.where(corner == 1, high, low).astype(np.float64)
    quads = np.array(
        [[0, 1, 3, 2], [4, 6, 7, 5], [0, 4, 5, 1], [2, 3, 7, 6], [0, 2, 6, 4], [1, 5, 7, 3]]
    )
    # every side has its own corners, so that its normals do not bend round the edge
    flat = vertices[quads].reshape(-1, 3)
    first = 4 * np.arange(6)[:, None]
    faces = np.concatenate([first + [0, 1, 2], first + [0, 2, 3]])
    return flat, faces


def _strip(rows: int, sides: int) -> Ints:
    """Return the faces of a closed strip of `rows` rings with `sides` vertices each."""
    ring, k = np.meshgrid(np.arange(rows - 1), np.arange(sides), indexing="ij")
    a, b = ring * sides + k, ring * sides + (k + 1) % sides
    faces = np.stack([np.stack([a, a + sides, b], -1), np.stack([b, a + sides, b + sides], -1)], 2)
    return np.asarray(faces.reshape(-1, 3))
