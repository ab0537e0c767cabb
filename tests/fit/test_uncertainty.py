"""What the fit says of its own errors is true, for truths drawn from the very model."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mousepose.fit.arrays import Points
from mousepose.fit.config import FitConfig
from mousepose.fit.reference import moved
from mousepose.fit.setup import Animal, Setup, body_arrays
from mousepose.fit.uncertainty import estimate_points
from mousepose.method import solve
from mousepose.types import Floats, PoseSequence, State
from synthetic import ALONE, draw_motion, draw_poses, hide, make_setup, see, to_pose

#: The squared whitened distance within which 90 % of 3D normal errors lie.
CHI_SQUARE_90 = 6.251


def pure(setup: Setup) -> Setup:
    """Return the setup whose covariances are Laplace's own, with nothing added from experience."""
    plain = replace(setup.prior, inflation=np.ones((2, 2)), persistent=0.0)
    return replace(setup, prior=plain)


def sound(sequence: PoseSequence) -> None:
    covariance = sequence.covariance
    np.testing.assert_allclose(covariance, np.swapaxes(covariance, -1, -2), rtol=1e-6, atol=1e-9)
    assert (np.linalg.eigvalsh(covariance) > 0).all()
    assert (sequence.rotation_sd >= 0).all()


@pytest.mark.parametrize("config", [ALONE, FitConfig(animal_shape=False)], ids=["alone", "time"])
@pytest.mark.parametrize("report", ["skeleton", "marks"])
def test_covariances_are_symmetric_and_positive(config: FitConfig, report: str) -> None:
    setup = make_setup(1, replace(config, report=report))
    pose = to_pose(setup, draw_motion(setup, np.arange(20) / 30))
    sound(solve(see(setup, pose, noise=1.0), setup, Animal.typical(setup)))


def test_hidden_points_are_less_sure_than_seen_ones() -> None:
    setup = pure(make_setup(2))
    keypoints = see(setup, to_pose(setup, draw_poses(setup, 10)), noise=1.0)
    names = list(keypoints.keypoint_names)
    leg = [names.index("LEFT_KNEE"), names.index("LEFT_HIND_PAW")]
    shown = solve(keypoints, setup, Animal.typical(setup))
    hidden = solve(hide(keypoints, ..., leg, slice(None)), setup, Animal.typical(setup))
    sound(hidden)
    assert (hidden.state[:, leg] == State.INFERRED).all()
    spread = [np.trace(s.covariance, axis1=2, axis2=3) for s in (shown, hidden)]
    assert (spread[1][:, leg] > 2 * spread[0][:, leg]).all()
    assert np.median(spread[1] / spread[0]) == pytest.approx(1.0, abs=0.2)


def test_more_cameras_and_less_noise_are_surer() -> None:
    def spread(cameras: int, sigma: float) -> float:
        setup = pure(make_setup(cameras, replace(ALONE, pixel_sigma=sigma)))
        keypoints = see(setup, to_pose(setup, draw_poses(setup, 10)), noise=sigma)
        sequence = solve(keypoints, setup, Animal.typical(setup))
        return float(np.median(np.trace(sequence.covariance, axis1=2, axis2=3)))

    assert spread(3, 1.0) < spread(2, 1.0) < 0.3 * spread(1, 1.0)
    assert spread(2, 0.5) < 0.5 * spread(2, 1.0)


@pytest.mark.parametrize("cameras", [1, 2])
def test_a_90_percent_region_holds_90_percent_of_the_truths(cameras: int) -> None:
    config = replace(ALONE, limits=False, robust=np.inf, iterations=50)
    setup = pure(make_setup(cameras, config))
    pose = to_pose(setup, draw_poses(setup, 150, spread=1.0))
    keypoints = see(setup, pose, noise=config.pixel_sigma)
    sequence = solve(keypoints, setup, Animal.typical(setup))
    error = sequence.keypoints - setup.body.keypoints_of(pose)
    white = np.linalg.solve(sequence.covariance, error[..., None])[..., 0]
    inside = (error * white).sum(-1) < CHI_SQUARE_90
    assert 0.85 < inside.mean() < 0.95


def test_points_are_those_of_the_body(setup: Setup) -> None:
    poses = draw_poses(setup, 5)
    body = body_arrays(setup, Animal.typical(setup), setup.body.keypoints)
    n = 6 + poses.z.shape[1]
    covariance = np.tile(1e-4 * np.eye(n), (5, 1, 1))
    found = estimate_points(body, setup.views(), None, poses, covariance)
    truth = setup.body.keypoints_of(to_pose(setup, poses))
    np.testing.assert_allclose(found.xyz, truth, atol=1e-9)


def sampled(setup: Setup, covariance: Floats) -> tuple[Floats, Floats]:
    """Return how points and angles of one pose spread when its variables do."""
    random = np.random.default_rng(0)
    step = random.multivariate_normal(np.zeros(len(covariance)), covariance, 4000)
    still = draw_poses(setup, 1)
    many = moved(still.take(np.zeros(len(step), np.int64)), step)
    pose = to_pose(setup, many)
    points = setup.body.keypoints_of(pose)
    centred = points - points.mean(0)
    return np.einsum("tki,tkj->kij", centred, centred) / len(step), pose.joint_rotation.std(0)


def test_the_covariance_of_the_variables_reaches_points_and_angles(setup: Setup) -> None:
    n = 6 + setup.prior.coordinates
    root = np.random.default_rng(1).normal(0, 1, (n, n))
    size = np.r_[np.full(3, 0.01), np.full(3, 0.5), np.full(n - 6, 0.02)]
    covariance = size[:, None] * (root @ root.T / n) * size
    body = body_arrays(setup, Animal.typical(setup), setup.body.keypoints)
    poses = draw_poses(setup, 1)
    found = estimate_points(body, setup.views(), None, poses, covariance[None])
    spread, angle_sd = sampled(setup, covariance)
    spread = spread + body.mark_variance[:, None, None] * np.eye(3)  # a keypoint's own wandering
    np.testing.assert_allclose(found.covariance[0], spread, atol=0.1 * np.abs(spread).max())
    np.testing.assert_allclose(found.angle_sd[0], angle_sd, atol=0.05 * angle_sd.max())


def test_a_seen_mark_is_drawn_to_its_ray() -> None:
    setup = make_setup(1)
    poses = draw_poses(setup, 3)
    body = body_arrays(setup, Animal.typical(setup))
    wandering = body._replace(mark_variance=np.full(len(body.mark_bone), 1e6))
    marks = setup.keypoint_map.marks(setup.body)
    there = setup.cameras[0].to_camera(setup.body.marks(to_pose(setup, poses), marks))
    pixels = (there[..., :2] / there[..., 2:] + [1e-4, -2e-4])[:, None]
    noise = np.tile([1e-8, 0.0, 1e-8], (3, 1, len(body.mark_bone), 1))
    covariance = np.tile(1e-6 * np.eye(6 + poses.z.shape[1]), (3, 1, 1))
    found = estimate_points(wandering, setup.views(), Points(pixels, noise), poses, covariance)
    camera = setup.cameras[0].to_camera(found.xyz)
    np.testing.assert_allclose(camera[..., :2] / camera[..., 2:], pixels[:, 0], atol=1e-6)
    unseen = estimate_points(
        wandering, setup.views(), Points(np.full_like(pixels, np.nan), noise), poses, covariance
    )
    assert (np.linalg.eigvalsh(unseen.covariance) > 9e5).all()
