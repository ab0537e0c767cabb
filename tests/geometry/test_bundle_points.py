"""Bundle adjustment of free points: derivatives, the truth, and what ties do."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest

from mousepose.errors import InputError
from mousepose.geometry import bundle_points
from mousepose.geometry.bundle_points import Ties, adjust_points
from mousepose.geometry.camera import Camera, pinhole
from mousepose.geometry.resection import moved
from mousepose.geometry.rotation import exp
from mousepose.types import Floats

POINTS = np.random.default_rng(0).normal(0, 25, (10, 5, 3))
PAIRS = np.array(list(combinations(range(5), 2)))
NO_TIES = Ties(PAIRS[:0], np.zeros(0), np.zeros(0))


def rig(count: int = 3) -> list[Camera]:
    cameras = []
    for index in range(count):
        transform = np.eye(4)
        transform[:3, :3] = exp([0.4, 1.1 * index, 0.1])
        transform[2, 3] = 400
        lens = replace(
            pinhole((1000, 800), 900, f"c{index}"), distortion=np.array([-0.1, 0.02, 0, 0])
        )
        cameras.append(replace(lens, T_camera_world=transform))
    return cameras


def disturbed(cameras: list[Camera]) -> list[Camera]:
    random = np.random.default_rng(3)
    steps = random.normal(0, [0.02] * 3 + [5.0] * 3, (len(cameras), 6))
    steps[0] = 0
    return [
        replace(camera, T_camera_world=moved(camera.T_camera_world, step))
        for camera, step in zip(cameras, steps, strict=True)
    ]


def images(cameras: list[Camera], points: Floats = POINTS) -> Floats:
    return np.stack([camera.project(points) for camera in cameras])


def ties(weight: float) -> Ties:
    apart = np.linalg.norm(POINTS[:, PAIRS[:, 0]] - POINTS[:, PAIRS[:, 1]], axis=2)
    return Ties(PAIRS, np.log(apart).mean(axis=0), np.full(len(PAIRS), weight))


def test_exact_images_are_explained_exactly() -> None:
    cameras = rig()
    pixels = images(cameras)
    start = POINTS + np.random.default_rng(1).normal(0, 3, POINTS.shape)
    found = adjust_points(disturbed(cameras), start, pixels, np.ones(pixels.shape[:-1]), NO_TIES)
    assert found.cost < 1e-8
    # the truth, but for the size of everything, which no image tells
    first = cameras[0].position
    scale = np.linalg.norm(found.cameras[1].position - first) / np.linalg.norm(
        cameras[1].position - first
    )
    np.testing.assert_allclose((found.points - first) / scale, POINTS - first, atol=1e-3)


def test_ties_give_the_scale() -> None:
    cameras = rig()
    pixels = images(cameras)
    home = np.linalg.inv(cameras[0].T_camera_world)
    larger = []
    for camera in cameras:
        transform = camera.T_camera_world @ home
        transform[:3, 3] *= 1.3
        larger.append(replace(camera, T_camera_world=transform))
    start = 1.3 * cameras[0].to_camera(POINTS)
    exact = np.log(np.linalg.norm(POINTS[:, PAIRS[:, 0]] - POINTS[:, PAIRS[:, 1]], axis=2))
    found = adjust_points(larger, start, pixels, np.ones(pixels.shape[:-1]), ties(1.0))
    apart = np.linalg.norm(found.points[:, PAIRS[:, 0]] - found.points[:, PAIRS[:, 1]], axis=2)
    assert abs((np.log(apart) - exact).mean()) < 0.01


def test_focal_lengths_are_found_where_they_are_free() -> None:
    cameras = rig(4)
    pixels = images(cameras)
    guess = []
    for camera in cameras:
        matrix = camera.matrix.copy()
        matrix[:2, :2] *= 1.08
        guess.append(replace(camera, matrix=matrix))
    weights = np.ones(pixels.shape[:-1])
    found = adjust_points(guess, POINTS, pixels, weights, ties(1.0), focal_sd=0.2, most_steps=100)
    for camera, sd in zip(found.cameras, found.focal_sd, strict=True):
        assert abs(camera.matrix[0, 0] / 900 - 1) < 0.02
        assert 0 < sd < 0.1
    held = adjust_points(guess, POINTS, pixels, weights, ties(1.0))
    assert all(c.matrix[0, 0] == g.matrix[0, 0] for c, g in zip(held.cameras, guess, strict=True))


def test_the_gradient_is_that_of_the_cost() -> None:
    cameras, weights = disturbed(rig()), np.ones((3, 10, 5))
    pixels = images(rig())
    tied = ties(50.0)
    problem = bundle_points._Problem(
        pixels, weights, tied, np.broadcast_to(tied.weights, (10, len(PAIRS))), 1e6,
        np.ones((3, 7), bool), np.full(3, 850.0), 0.1,
    )  # fmt: skip
    system = bundle_points._linearise(problem, cameras, POINTS)
    random = np.random.default_rng(0)
    for _ in range(3):
        step = random.normal(0, 1, 21) * 1e-6
        shift = random.normal(0, 1, POINTS.shape) * 1e-5

        def cost(side: float, step: Floats = step, shift: Floats = shift) -> float:
            turned = []
            for camera, move in zip(cameras, side * step.reshape(3, 7), strict=True):
                matrix = camera.matrix.copy()
                matrix[:2, :2] *= np.exp(move[6])
                transform = moved(camera.T_camera_world, move[:6])
                turned.append(replace(camera, matrix=matrix, T_camera_world=transform))
            return bundle_points._linearise(problem, turned, POINTS + side * shift).cost

        slope = (cost(1.0) - cost(-1.0)) / 2
        told = -2 * (
            system.camera_gradient @ step + (system.point_gradient.ravel() @ shift.ravel())
        )
        np.testing.assert_allclose(slope, told, rtol=1e-4)


def test_points_seen_once_take_no_part() -> None:
    cameras = rig()
    pixels = images(cameras)
    weights = np.ones(pixels.shape[:-1])
    weights[1:, :, 2] = 0
    pixels[1:, :, 2] = 1e6
    found = adjust_points(disturbed(cameras), POINTS, pixels, weights, NO_TIES)
    assert np.isnan(found.points[:, 2]).all()
    assert np.isfinite(np.delete(found.points, 2, axis=1)).all()
    assert found.cost < 1e-6


def test_a_point_behind_a_camera_is_no_start() -> None:
    cameras = rig()
    pixels = images(cameras)
    with pytest.raises(InputError, match="behind a camera"):
        adjust_points(cameras, POINTS + [0, 0, 1e5], pixels, np.ones(pixels.shape[:-1]), NO_TIES)
