"""What a camera sees of triangles."""

from __future__ import annotations

import numpy as np

from mousepose.geometry.camera import pinhole
from mousepose.geometry.raster import rasterise, silhouette

CAMERA = pinhole((64, 48), 50.0)


def square(z: float, half: float) -> tuple[np.ndarray, np.ndarray]:
    corners = np.array([[-half, -half, z], [half, -half, z], [half, half, z], [-half, half, z]])
    return corners, np.array([[0, 1, 2], [0, 2, 3]])


def test_a_square_covers_the_pixels_whose_centres_lie_in_it() -> None:
    vertices, faces = square(100.0, 20.0)  # 10 px each way from the principal point
    seen = silhouette(vertices, faces, CAMERA)
    (left, top), (right, bottom) = CAMERA.project(vertices[[0, 2]])
    y, x = np.mgrid[:48, :64]
    np.testing.assert_array_equal(seen, (x >= left) & (x <= right) & (y >= top) & (y <= bottom))


def test_the_nearer_triangle_hides_the_farther() -> None:
    far, faces = square(100.0, 30.0)
    near, _ = square(60.0, 6.0)
    for order in ((far, near), (near, far)):
        depth, face = rasterise(np.concatenate(order), np.concatenate([faces, faces + 4]), CAMERA)
        middle = face[24, 32] // 2
        assert (order[middle] == near).all()
        np.testing.assert_allclose(depth[24, 32], 60.0, rtol=1e-6)
        np.testing.assert_allclose(depth[24, 20], 100.0, rtol=1e-6)
        assert np.isinf(depth[0, 0])
        assert face[0, 0] == -1


def test_depth_is_that_of_the_plane() -> None:
    vertices = np.array([[-40.0, -30, 80], [40, -30, 160], [40, 30, 160], [-40, 30, 80]])
    depth, face = rasterise(vertices, np.array([[0, 1, 2], [0, 2, 3]]), CAMERA)
    y, x = np.nonzero(face >= 0)
    origin, rays = CAMERA.rays(np.column_stack([x, y]).astype(float))
    # the plane z = 120 + x
    along = (120 + origin[..., 0] - origin[..., 2]) / (rays[:, 2] - rays[:, 0])
    np.testing.assert_allclose(depth[y, x], (along[:, None] * rays)[:, 2], rtol=1e-5)


def test_what_is_behind_or_beside_is_not_drawn() -> None:
    for z, shift in ((-100.0, 0.0), (100.0, 1e4)):
        vertices, faces = square(z, 10.0)
        assert not silhouette(vertices + [shift, 0, 0], faces, CAMERA).any()
    assert not silhouette(np.full((3, 3), np.nan), np.array([[0, 1, 2]]), CAMERA).any()
