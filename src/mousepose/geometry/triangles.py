"""Triangle meshes: what follows from vertices and faces alone."""

from __future__ import annotations

import numpy as np

from mousepose.types import Floats, Ints


def vertex_normals(vertices: Floats, faces: Ints) -> Floats:
    """Return the unit normals (V, 3), outwards: the faces' normals weighted by their areas."""
    a, b, c = vertices[faces].transpose(1, 0, 2)
    areas = np.cross(b - a, c - a)
    normals = np.stack(
        [
            np.bincount(faces.ravel(), np.repeat(areas[:, axis], 3), len(vertices))
            for axis in range(3)
        ],
        axis=1,
    )
    return np.asarray(normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-30))
