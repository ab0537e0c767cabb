"""Laws of triangulation."""

from dataclasses import replace

import numpy as np
import pytest

from mousepose.errors import InputError
from mousepose.geometry import rotation
from mousepose.geometry.camera import Camera, pinhole
from mousepose.geometry.triangulate import triangulate


def ring(count=4, distance=350.0):
    """Cameras (count) on a ring around the origin that look at it, each with another lens."""
    lenses = [
        ("pinhole", [-0.16, 0.94, -1e-3, -4e-3, -2.7]),
        ("fisheye", [-0.02, 0.01, -0.006, 0.001]),
        ("pinhole", []),
        ("pinhole", [0.4, -0.2, 1e-3, 2e-3, 0.05, 0.7, -0.1, 0.03]),
    ]
    cameras = []
    for index in range(count):
        transform = np.eye(4)
        turn = rotation.exp([0, 2 * np.pi * index / max(count, 3), 0])
        transform[:3, :3] = rotation.exp([0.4, 0, 0]) @ turn
        transform[2, 3] = distance
        model, distortion = lenses[index % 4]
        matrix = [[1500.0 + 50 * index, -2, 575], [0, 1520, 510], [0, 0, 1]]
        cameras.append(Camera(matrix, distortion, transform, (1152, 1024), f"cam_{index}", model))
    return cameras


def mouse_points(*shape, seed=0):
    return np.random.default_rng(seed).normal(scale=25, size=(*shape, 3))


def images(cameras, points):
    return np.stack([camera.project(points) for camera in cameras])


@pytest.mark.parametrize("count", [2, 3, 4])
def test_triangulate_undoes_project(count):
    cameras, points = ring(count), mouse_points(10, 22)
    result = triangulate(cameras, images(cameras, points))
    np.testing.assert_allclose(result.points, points, atol=1e-7)
    np.testing.assert_allclose(result.reprojection_error, 0, atol=1e-6)
    assert result.covariance.shape == (10, 22, 3, 3)
    assert (result.n_views == count).all()


def test_one_point_needs_no_batch_axes():
    cameras, point = ring(2), np.array([5.0, -3.0, 8.0])
    result = triangulate(cameras, images(cameras, point))
    np.testing.assert_allclose(result.points, point, atol=1e-8)
    assert result.n_views.shape == ()
    empty = triangulate(cameras, np.zeros((2, 0, 2)))
    assert empty.points.shape == (0, 3)


def test_rigid_motion_of_the_world_moves_the_points_with_it():
    cameras, points = ring(3), mouse_points(40)
    pixels = images(cameras, points) + np.random.default_rng(1).normal(scale=2, size=(3, 40, 2))
    motion = np.eye(4)
    motion[:3, :3] = rotation.exp([1.0, 2.0, -0.5])
    motion[:3, 3] = 300, -200, 100
    turn = motion[:3, :3]
    moved = [replace(c, T_camera_world=c.T_camera_world @ np.linalg.inv(motion)) for c in cameras]
    here, there = triangulate(cameras, pixels), triangulate(moved, pixels)
    np.testing.assert_allclose(there.points, here.points @ turn.T + motion[:3, 3], atol=1e-6)
    np.testing.assert_allclose(there.covariance, turn @ here.covariance @ turn.T, atol=1e-8)
    np.testing.assert_allclose(there.reprojection_error, here.reprojection_error, atol=1e-8)


def test_the_result_is_the_least_squares_point():
    cameras, points = ring(3), mouse_points(30)
    pixels = images(cameras, points) + np.random.default_rng(1).normal(scale=3, size=(3, 30, 2))
    weights = np.random.default_rng(2).uniform(0.2, 2, (3, 30))
    result = triangulate(cameras, pixels, weights)

    def cost(positions):
        squared = ((images(cameras, positions) - pixels) ** 2).sum(axis=-1)
        return (weights * squared).sum(axis=0)

    best = cost(result.points)
    for step in 0.05 * np.vstack([np.eye(3), -np.eye(3)]):
        assert (cost(result.points + step) > best).all()


def test_covariance_is_that_of_the_noise():
    cameras, point, sigma = ring(3), np.array([10.0, 5.0, -8.0]), 1.5
    noise = np.random.default_rng(0).normal(scale=sigma, size=(3, 4000, 2))
    pixels = images(cameras, point)[:, None] + noise
    result = triangulate(cameras, pixels, np.full((3, 4000), sigma**-2))
    np.testing.assert_allclose(np.cov(result.points.T), result.covariance[0], atol=0.02, rtol=0.1)
    error = result.points - point
    mahalanobis = np.einsum("ni,nij,nj->n", error, np.linalg.inv(result.covariance), error)
    assert abs((mahalanobis < 6.251).mean() - 0.9) < 0.02  # 90 % of chi-square with 3 degrees


def test_views_without_weight_or_pixel_do_not_count():
    cameras, points = ring(4), mouse_points(4)
    pixels = images(cameras, points)
    pixels[0, :] = np.nan
    pixels[1, 0] += 500  # wrong, and weighted 0
    pixels[2:, 3] = np.nan
    weights = np.ones((4, 4))
    weights[1, 0] = 0
    weights[3, 1] = np.nan
    result = triangulate(cameras, pixels, weights)
    assert result.n_views.tolist() == [2, 2, 3, 1]
    np.testing.assert_allclose(result.points[:3], points[:3], atol=1e-6)
    assert np.isnan(result.points[3]).all()
    assert np.isnan(result.covariance[3]).all()
    assert np.isnan(result.reprojection_error[3])


def test_reprojection_error_is_the_rms_distance():
    cameras = ring(4)
    pixels = images(cameras, mouse_points(6))
    pixels += np.random.default_rng(0).normal(size=pixels.shape)
    result = triangulate(cameras, pixels)
    distance = np.linalg.norm(images(cameras, result.points) - pixels, axis=-1)
    np.testing.assert_allclose(result.reprojection_error, np.sqrt((distance**2).mean(axis=0)))


def test_parallel_rays_and_points_behind_are_unknown():
    camera = pinhole((640, 480), 500)
    aside = np.eye(4)
    aside[0, 3] = -50
    other = replace(camera, T_camera_world=aside, name="aside")
    same = triangulate([camera, camera], np.full((2, 1, 2), 100.0))
    assert np.isnan(same.points).all()
    crossing_behind = triangulate([camera, other], [[[300.0, 240]], [[340.0, 240]]])
    assert np.isnan(crossing_behind.points).all()
    in_front = triangulate([camera, other], [[[340.0, 240]], [[300.0, 240]]])
    assert in_front.points[0, 2] > 0


def test_garbage_is_never_worse_than_nan():
    cameras = ring(3)
    pixels = np.random.default_rng(0).uniform(-1e4, 1e4, (3, 500, 2))
    pixels[0, :50] = np.inf
    pixels[1, 50:100] = 1e200
    result = triangulate(cameras, pixels)
    known = np.isfinite(result.points).all(axis=1)
    assert (result.n_views[known] >= 2).all()
    assert np.isfinite(result.covariance[known]).all()
    assert not np.isnan(result.reprojection_error[known]).any()


def test_shapes_that_do_not_fit_are_refused():
    cameras = ring(2)
    with pytest.raises(InputError, match=r"pixels: expected \(2, ..., 2\) for 2 cameras"):
        triangulate(cameras, np.zeros((3, 5, 2)))
    with pytest.raises(InputError, match=r"weights: expected \(2, 5\)"):
        triangulate(cameras, np.zeros((2, 5, 2)), np.ones((2, 4)))
