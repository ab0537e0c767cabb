"""Two cameras are placed by points that both saw, also near a plane and with wrong ones."""

from __future__ import annotations

import numpy as np
import pytest

from mousepose.geometry import rotation
from mousepose.geometry.relative_pose import relative_poses, same_lines
from mousepose.types import Floats

TRUE = np.eye(4)
TRUE[:3, :3] = rotation.exp([0.3, 1.1, -0.2])
TRUE[:3, 3] = [-300.0, 40.0, 120.0]


def views(points: Floats, noise: float, wrong: float = 0.0) -> tuple[Floats, Floats]:
    """Return normalised images (N, 2) of points in the first camera's frame, in both cameras."""
    random = np.random.default_rng(0)
    other = points @ TRUE[:3, :3].T + TRUE[:3, 3]
    found = []
    for place in (points, other):
        xy = place[:, :2] / place[:, 2:]
        xy = xy + noise * random.standard_normal(xy.shape)
        away = random.random(len(xy)) < wrong
        found.append(np.where(away[:, None], xy + random.uniform(-0.1, 0.1, xy.shape), xy))
    return found[0], found[1]


def nearest(transform: Floats) -> tuple[float, float]:
    """Return degrees by which turn and way of the best of four poses are off."""
    way = TRUE[:3, 3] / np.linalg.norm(TRUE[:3, 3])
    off = [
        (
            np.degrees(np.linalg.norm(rotation.log(pose[:3, :3].T @ TRUE[:3, :3]))),
            np.degrees(np.arccos(np.clip(pose[:3, 3] @ way, -1, 1))),
        )
        for pose in same_lines(transform)
    ]
    return min(off)


@pytest.mark.parametrize(
    ("depth", "noise", "wrong"), [(60, 1e-3, 0.0), (60, 1e-3, 0.1), (6, 1e-3, 0)]
)
def test_the_pose_is_found(depth: float, noise: float, wrong: float) -> None:
    random = np.random.default_rng(1)
    points = random.normal(0, [60, 60, depth], (400, 3)) + [0, 0, 400]
    tilted = (points - [0, 0, 400]) @ rotation.exp([0.8, 0, 0]).T + [0, 0, 400]
    found = relative_poses(*views(tilted, noise, wrong), noise)
    turn, way = nearest(found.transforms[0])
    assert turn < 1.0
    assert way < 1.5
    assert (np.diff(found.cost) >= 0).all()


def test_four_poses_have_the_same_lines() -> None:
    unit = TRUE.copy()
    unit[:3, 3] /= np.linalg.norm(unit[:3, 3])
    points = np.random.default_rng(0).normal(0, 50, (30, 3)) + [0, 0, 400]
    one, two = (np.column_stack([xy, np.ones(30)]) for xy in views(points, 0.0))
    for pose in same_lines(unit):
        across = np.cross(pose[:3, 3], one @ pose[:3, :3].T)
        np.testing.assert_allclose((two * across).sum(axis=1), 0, atol=1e-12)
        np.testing.assert_allclose(pose[:3, :3] @ pose[:3, :3].T, np.eye(3), atol=1e-12)
        assert np.linalg.det(pose[:3, :3]) > 0
