"""Laws of robust triangulation: wrong views are found, covariances hold, states are told."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mousepose.errors import InputError
from mousepose.geometry import rotation
from mousepose.geometry.camera import Camera, pinhole
from mousepose.geometry.triangulate import triangulate
from mousepose.geometry.triangulate_noise import measure_noise
from mousepose.geometry.triangulate_robust import (
    PointState,
    RobustConfig,
    triangulate_robust,
)
from mousepose.types import Floats


def ring(count: int, distance: float = 400.0) -> list[Camera]:
    """Cameras on a ring about the origin that look at it from above."""
    cameras = []
    for index in range(count):
        transform = np.eye(4)
        transform[:3, :3] = rotation.exp([0.5, 0, 0]) @ rotation.exp([0, 1.05 * index, 0])
        transform[2, 3] = distance
        lens = [-0.1, 0.05, 1e-3, -1e-3, 0.0]
        matrix = [[1500.0, -3, 575], [0, 1520, 510], [0, 0, 1]]
        cameras.append(Camera(matrix, lens, transform, (1152, 1024), f"cam_{index}"))
    return cameras


def scene(count: int, frames: int = 60, noise: float = 2.0, seed: int = 0) -> tuple:  # type: ignore[type-arg]
    """Cameras, points (T, 8, 3), images (C, T, 8, 2) with noise, deviations of 1 px."""
    random = np.random.default_rng(seed)
    cameras, points = ring(count), random.normal(0, 25, (frames, 8, 3))
    images = np.stack([camera.project(points) for camera in cameras])
    images = images + noise * random.standard_normal(images.shape)
    return cameras, points, images, np.ones(images.shape[:-1])


def spoil(images: Floats, share: float, seed: int = 1) -> tuple[Floats, np.ndarray]:
    """Return the images with a share of them 40 to 120 px off, and which those are."""
    random = np.random.default_rng(seed)
    wrong = random.random(images.shape[:-1]) < share
    angle, far = random.uniform(0, 6.28, wrong.shape), random.uniform(40, 120, wrong.shape)
    shift = far[..., None] * np.stack([np.cos(angle), np.sin(angle)], axis=-1)
    return np.where(wrong[..., None], images + shift, images), wrong


def test_without_wrong_views_it_is_the_least_squares_point() -> None:
    cameras, _, images, sd = scene(4)
    far_limits = RobustConfig(limit=50.0, huber=50.0)
    robust = triangulate_robust(cameras, images, sd, 2.0, far_limits)
    plain = triangulate(cameras, images)
    np.testing.assert_allclose(robust.points, plain.points, atol=1e-6)
    assert (robust.state == PointState.KNOWN).all()
    assert (robust.n_views == 4).all()


@pytest.mark.parametrize("count", [4, 6])
def test_one_wrong_view_is_found_wherever_it_is(count: int) -> None:
    cameras, points, images, sd = scene(count, noise=0.5)
    for camera in range(count):
        moved = images.copy()
        moved[camera] += [35.0, -50.0]
        found = triangulate_robust(cameras, moved, sd, 0.5)
        known = found.state == PointState.KNOWN
        assert known.mean() > 0.98
        assert not found.used[camera][known].any()
        assert np.nanmax(np.linalg.norm(found.points - points, axis=-1)) < 2.0


def test_wrong_views_hardly_cost_anything() -> None:
    cameras, points, images, sd = scene(6)
    clean = triangulate_robust(cameras, images, sd, 2.0).points - points
    spoilt, wrong = spoil(images, 0.1)
    noise = measure_noise(cameras, spoilt, sd)
    found = triangulate_robust(cameras, spoilt, sd, noise)
    error = found.points - points
    assert np.sqrt(np.nanmean(error**2)) < 1.25 * np.sqrt(np.mean(clean**2))
    plain = triangulate(cameras, spoilt).points - points
    assert np.sqrt(np.nanmean(error**2)) < 0.3 * np.sqrt(np.mean(plain**2))
    known = found.state == PointState.KNOWN
    assert known.mean() > 0.97
    assert (found.used & wrong).sum() < 0.02 * wrong.sum()


@pytest.mark.parametrize("share", [0.0, 0.15])
@pytest.mark.parametrize("stated", [0.3, 1.0, 10.0])
def test_noise_is_measured_whatever_was_stated(share: float, stated: float) -> None:
    cameras, _, images, sd = scene(5, frames=100)
    noise = measure_noise(cameras, spoil(images, share)[0], stated * sd)
    assert noise.shape == (8,)
    np.testing.assert_allclose(noise * stated, 2.0, rtol=0.25)


def test_noise_of_one_keypoint_is_its_own() -> None:
    cameras, points, _, sd = scene(4, frames=150)
    spread = np.linspace(0.5, 4.0, 8)
    random = np.random.default_rng(2)
    images = np.stack([camera.project(points) for camera in cameras])
    images = images + spread[:, None] * random.standard_normal(images.shape)
    np.testing.assert_allclose(measure_noise(cameras, images, sd), spread, rtol=0.3)


@pytest.mark.parametrize("count", [2, 3, 6])
def test_the_90_percent_region_holds_90_percent(count: int) -> None:
    cameras, points, images, sd = scene(count, frames=400)
    found = triangulate_robust(cameras, images, sd, measure_noise(cameras, images, sd))
    known = found.state == PointState.KNOWN
    error = (found.points - points)[known]
    solved = np.linalg.solve(found.covariance[known], error[..., None])[..., 0]
    assert abs(((error * solved).sum(axis=-1) < 6.251).mean() - 0.9) < 0.025


def test_states_tell_why_a_point_is_not_known() -> None:
    cameras, _, images, sd = scene(3, frames=1, noise=0.0)
    images[1:, 0, 0] = np.nan  # seen by one
    images[:, 0, 1] += [[80, 0], [0, 90], [-70, 60]]  # all wrong
    images[2, 0, 2] = np.nan
    images[1, 0, 2] += [0, 70]  # two that disagree
    found = triangulate_robust(cameras, images, sd)
    assert found.state[0, :3].tolist() == [
        PointState.UNSEEN, PointState.DISAGREE, PointState.DISAGREE,
    ]  # fmt: skip
    assert np.isnan(found.points[0, :3]).all()
    assert np.isnan(found.covariance[0, :3]).all()
    assert (found.state[0, 3:] == PointState.KNOWN).all()
    assert not found.used[:, 0, :3].any()


def test_nearly_parallel_rays_give_no_point() -> None:
    camera = pinhole((640, 480), 500)
    aside = np.eye(4)
    aside[0, 3] = -1.0
    pair = [camera, replace(camera, T_camera_world=aside, name="aside")]
    point = np.array([[10.0, 5.0, 400.0]])
    images = np.stack([one.project(point) for one in pair])
    found = triangulate_robust(pair, images, np.ones((2, 1)))
    assert found.state.tolist() == [PointState.PARALLEL]
    wide = triangulate_robust(
        pair, images, np.ones((2, 1)), config=RobustConfig(least_degrees=0.05)
    )
    assert wide.state.tolist() == [PointState.KNOWN]
    np.testing.assert_allclose(wide.points, point, atol=1e-3)


def test_two_places_that_do_as_well_are_not_decided() -> None:
    cameras, points, images, sd = scene(4, frames=1, noise=0.0)
    elsewhere = np.stack([camera.project(points + [15.0, 0, 0]) for camera in cameras])
    images[2:] = elsewhere[2:]
    found = triangulate_robust(cameras, images, sd)
    assert (found.state == PointState.DISAGREE).all()


def test_order_of_cameras_and_cutting_into_parts_change_nothing() -> None:
    cameras, _, images, sd = scene(5)
    images = spoil(images, 0.1)[0]
    found = triangulate_robust(cameras, images, sd, 2.0)
    order = [3, 1, 4, 0, 2]
    turned = triangulate_robust([cameras[i] for i in order], images[order], sd, 2.0)
    np.testing.assert_array_equal(turned.state, found.state)
    np.testing.assert_allclose(turned.points, found.points, atol=1e-6)
    np.testing.assert_array_equal(turned.used, found.used[order])
    part = triangulate_robust(cameras, images[:, 10:20], sd[:, 10:20], 2.0)
    np.testing.assert_array_equal(part.points, found.points[10:20])


def test_garbage_is_never_worse_than_nan() -> None:
    random = np.random.default_rng(0)
    cameras, images = ring(4), random.uniform(-1e4, 1e4, (4, 50, 6, 2))
    images[0, :10], images[1, 10:20], images[2, 20:30] = np.inf, 1e200, np.nan
    sd = random.choice([1.0, 0.0, -1.0, np.nan, np.inf, 1e-300], images.shape[:-1])
    found = triangulate_robust(cameras, images, sd, measure_noise(cameras, images, sd))
    known = found.state == PointState.KNOWN
    assert np.isfinite(found.points[known]).all()
    assert np.isnan(found.points[~known]).all()
    assert (found.n_views[known] >= 2).all()
    assert triangulate_robust(cameras, images[:, :0], sd[:, :0]).points.shape == (0, 6, 3)


def test_shapes_that_do_not_fit_are_refused() -> None:
    cameras = ring(2)
    with pytest.raises(InputError, match=r"pixels: expected \(2, ..., 2\)"):
        triangulate_robust(cameras, np.zeros((3, 5, 2)), np.ones((3, 5)))
    with pytest.raises(InputError, match=r"sd: expected \(2, 5\)"):
        triangulate_robust(cameras, np.zeros((2, 5, 2)), np.ones((2, 4)))
