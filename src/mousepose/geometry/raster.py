"""Triangles on pixels: which one a camera sees in each pixel, and how far away; compiled.

A z-buffer in image coordinates, with the inverse depth linear over a triangle (Blinn 1992). A pixel
belongs to a triangle that covers its centre; the centre of the top-left pixel is (0, 0).
"""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

from mousepose.geometry.camera import Camera
from mousepose.types import Floats, Ints

#: mm; a triangle with a corner nearer than this, or behind the camera, is not drawn.
NEAREST = 1.0


@dataclass(frozen=True, eq=False)
class Fragments:
    """What is seen in each pixel: `depth` (H, W) mm, inf where nothing is; `face` (H, W), -1 there.

    `shares` (H, W, 2) say how much the face's first two corners count there, in space; the third
    has the rest.
    """

    depth: NDArray[np.float32]
    face: NDArray[np.int32]
    shares: NDArray[np.float32]


def fragments(xy: Floats, depth: Floats, faces: Ints, size: tuple[int, int]) -> Fragments:
    """Return what an image of `size` (width, height) shows of a mesh that is projected already.

    `xy` (V, 2) px, `depth` (V,) mm, `faces` (F, 3).
    """
    width, height = size
    near = np.full((height, width), np.inf, np.float32)
    seen = np.full((height, width), -1, np.int32)
    shares = np.zeros((height, width, 2), np.float32)
    _rasterise(np.ascontiguousarray(xy, np.float64), depth, faces, near, seen, shares)
    return Fragments(near, seen, shares)


def rasterise(
    vertices: Floats, faces: Ints, camera: Camera
) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """Return the depth (H, W) mm and the face (H, W) that `camera` sees of a mesh.

    `vertices` (V, 3) world mm, `faces` (F, 3). Where nothing is seen the depth is inf and the face
    -1. The lens bends the corners of a triangle, not its edges.
    """
    depth = camera.to_camera(vertices)[:, 2]
    found = fragments(camera.project(vertices), depth, faces, camera.size)
    return found.depth, found.face


def silhouette(vertices: Floats, faces: Ints, camera: Camera) -> NDArray[np.bool_]:
    """Return the pixels (H, W) in which `camera` sees a mesh. See `rasterise`."""
    return np.asarray(rasterise(vertices, faces, camera)[1] >= 0)


@numba.njit(cache=True, nogil=True)
def _rasterise(
    xy: Floats, depth: Floats, faces: Ints,
    near: NDArray[np.float32], seen: NDArray[np.int32], shares: NDArray[np.float32],
) -> None:  # fmt: skip  # pragma: no cover - compiled
    height, width = near.shape
    for f in range(len(faces)):
        a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
        ax, ay, bx, by, cx, cy = xy[a, 0], xy[a, 1], xy[b, 0], xy[b, 1], xy[c, 0], xy[c, 1]
        area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
        if min(depth[a], depth[b], depth[c]) < NEAREST or not abs(area) > 1e-12:
            continue
        left = int(max(0.0, np.ceil(min(ax, bx, cx))))
        right = int(min(width - 1.0, np.floor(max(ax, bx, cx))))
        top = int(max(0.0, np.ceil(min(ay, by, cy))))
        bottom = int(min(height - 1.0, np.floor(max(ay, by, cy))))
        for y in range(top, bottom + 1):
            for x in range(left, right + 1):
                u = ((bx - x) * (cy - y) - (by - y) * (cx - x)) / area
                v = ((cx - x) * (ay - y) - (cy - y) * (ax - x)) / area
                w = 1.0 - u - v
                if u < 0.0 or v < 0.0 or w < 0.0:
                    continue
                z = 1.0 / (u / depth[a] + v / depth[b] + w / depth[c])
                if z < near[y, x]:
                    near[y, x], seen[y, x] = z, f
                    # a share of the image becomes one of the triangle in space
                    shares[y, x, 0], shares[y, x, 1] = z * u / depth[a], z * v / depth[b]
