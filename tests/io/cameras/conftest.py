"""Cameras with everything a file may hold: lens, pose, floor."""

import numpy as np
import pytest

from mousepose.geometry import rotation
from mousepose.geometry.camera import Camera

MATRIX = [[900.5, 0.0, 570.1], [0, 910, 500.3], [0, 0, 1]]
LENSES = {
    "none": ("pinhole", []),
    "four": ("pinhole", [-0.3, 0.1, 1e-3, -2e-3]),
    "five": ("pinhole", [-0.16, 0.94, -1e-3, -4e-3, -2.7]),
    "eight": ("pinhole", [0.4, -0.2, 1e-3, 2e-3, 0.05, 0.7, -0.1, 0.03]),
    "fisheye": ("fisheye", [-0.02, 0.01, -0.006, 0.001]),
}


def make_rig(*lenses, floor=True):
    """One camera of each lens at places of their own, over one floor."""
    cameras = []
    for index, lens in enumerate(lenses):
        model, terms = LENSES[lens]
        transform = np.eye(4)
        transform[:3, :3] = rotation.exp([3.0 - index, 0.5, -0.4 * index])
        transform[:3, 3] = 1 / 3 - index, -2e-7, 400 + index
        plane = [0.6, 0, 0.8, -3.3] if floor else None
        fields = {"name": f"side {index}", "model": model, "floor_plane": plane}
        cameras.append(
            Camera(MATRIX, terms, transform, (1152, 1024), source='a "b" \\ é', **fields)
        )
    return cameras


def assert_same(cameras, back):
    """Same names and sizes, and the same image of every point; the floor where it was."""
    for camera, other in zip(cameras, back, strict=True):
        assert (other.name, other.size, other.model) == (camera.name, camera.size, camera.model)
        np.testing.assert_allclose(other.matrix, camera.matrix, atol=1e-9)
        np.testing.assert_allclose(other.T_camera_world, camera.T_camera_world, atol=1e-12)
        points = camera.to_world(np.random.default_rng(0).uniform((-9, -9, 40), (9, 9, 60), (9, 3)))
        np.testing.assert_allclose(other.project(points), camera.project(points), atol=1e-8)
        if camera.floor_plane is None:
            assert other.floor_plane is None
        else:
            np.testing.assert_allclose(other.floor_plane, camera.floor_plane, atol=1e-12)


@pytest.fixture(scope="session")
def rig():
    return make_rig


@pytest.fixture(scope="session")
def same_cameras():
    return assert_same
