"""Mice whose pose is known and cameras that see it: what the tests of the fit share.

Truths are drawn in the fit's own coordinates (turn, place, z), so that they can be found exactly.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from mousepose.body.keypoint_map import KeypointMap, load_keypoint_map
from mousepose.fit.arrays import BodyArrays, Points, PoseArrays, Views, Weights
from mousepose.fit.config import FitConfig, Scale
from mousepose.fit.observe import observe
from mousepose.fit.setup import Animal, Setup, body_arrays
from mousepose.geometry import rotation
from mousepose.geometry.camera import Camera
from mousepose.simulate import watching_camera
from mousepose.skeleton import mirrored_name
from mousepose.types import Floats, Keypoints2D, Pose

#: Every frame by itself and the body as it is: the fit without anything learned or smoothed.
ALONE = FitConfig(animal_shape=False, temporal=False)


def ring(count: int, *, floor: bool = False) -> tuple[Camera, ...]:
    """Return cameras around the origin that look at it from above."""
    around = [
        watching_camera(azimuth_deg=-90 + 360 * k / max(count, 3), name=f"cam_{k}")
        for k in range(count)
    ]
    return tuple(c if floor else replace(c, floor_plane=None) for c in around)


def make_setup(
    cameras: Camera | Sequence[Camera] | int = 1, config: FitConfig = ALONE, **others: object
) -> Setup:
    """Return a setup of exact bones and exact keypoints, unless others are given by name."""
    cameras = ring(cameras) if isinstance(cameras, int) else cameras
    exact = {"scale": Scale.model(), "keypoint_map": exact_map()}
    return Setup.of(cameras, config=config, **(exact | others))


def exact_map() -> KeypointMap:
    """Return the dataset's keypoints, as if they never wandered from their places."""
    keypoint_map = load_keypoint_map("dataset22")
    return replace(keypoint_map, sigma=np.zeros(len(keypoint_map)))


def moving_animal(setup: Setup) -> Animal:
    """Return the usual animal that moves about as `draw_motion` does."""
    density = np.r_[100.0, 3e5, np.full(setup.prior.coordinates, 300.0)]
    return replace(Animal.typical(setup), acceleration=density)


def draw_poses(setup: Setup, frames: int, seed: int = 0, spread: float = 0.5) -> PoseArrays:
    """Return standing mice near the origin, facing anywhere, bent by `spread` sigmas."""
    random = np.random.default_rng(seed)
    level = np.zeros(frames)
    yaw = rotation.exp(np.stack([level, level, random.uniform(-np.pi, np.pi, frames)], 1))
    tilt = rotation.exp(random.normal(0, 0.15, (frames, 3)))
    return PoseArrays(
        np.ascontiguousarray(yaw @ tilt @ setup.body.axes),
        random.normal([0, 0, 23], [25, 25, 3], (frames, 3)),
        random.normal(0, spread, (frames, setup.prior.coordinates)),
    )


def draw_motion(setup: Setup, times: Floats, seed: int = 0, spread: float = 0.5) -> PoseArrays:
    """Return one mouse that moves smoothly, with frequencies of up to 2 Hz."""
    random = np.random.default_rng(seed)
    r = setup.prior.coordinates
    frequency = random.uniform(0.3, 2.0, (6 + r, 3))
    phase = random.uniform(0, 2 * np.pi, (6 + r, 3))
    waves = np.sin(2 * np.pi * frequency * np.asarray(times)[:, None, None] + phase).mean(-1)
    turn = waves[:, :3] * [0.2, 0.2, 0.6]
    return PoseArrays(
        np.ascontiguousarray(rotation.exp(turn) @ setup.body.axes),
        np.ascontiguousarray([0, 0, 23] + waves[:, 3:6] * [30, 30, 3]),
        np.ascontiguousarray(2 * spread * waves[:, 6:]),
    )


def to_pose(setup: Setup, poses: PoseArrays, shape: Floats | None = None) -> Pose:
    """Return poses as joint angles."""
    angles = setup.prior.mean + np.einsum(
        "jir,tr->tji", setup.prior.basis[..., : poses.z.shape[1]], poses.z
    )
    shape = setup.first_shape() if shape is None else shape
    return Pose(rotation.log(poses.rotation), poses.place, angles, shape)


def see(
    setup: Setup, pose: Pose, *, noise: float = 0.0, times: Floats | None = None, seed: int = 0
) -> Keypoints2D:
    """Return what the setup's cameras see of poses (T): every mark, at its very place."""
    random = np.random.default_rng(seed)
    marks = setup.keypoint_map.marks(setup.body)
    points = setup.body.marks(pose, marks)
    xy = np.stack([camera.project(points) for camera in setup.cameras], axis=1)
    xy += noise * random.standard_normal(xy.shape)
    frames = len(xy)
    return Keypoints2D(
        xy=xy,
        confidence=np.ones(xy.shape[:-1]),
        times=np.arange(frames) / 30 if times is None else np.asarray(times, np.float64),
        frame_numbers=np.arange(frames),
        keypoint_names=marks.names,
    )


def hide(keypoints: Keypoints2D, *where: object) -> Keypoints2D:
    """Return the keypoints without those at an index of (frames, cameras, keypoints)."""
    xy = keypoints.xy.copy()
    xy[where] = np.nan
    return replace(keypoints, xy=xy)


def mirrored_keypoints(keypoints: Keypoints2D, width: int) -> Keypoints2D:
    """Return what a mirror shows of an image: x turned round, left and right exchanged."""
    order = swapped(keypoints.keypoint_names)
    xy = keypoints.xy[:, :, order] * [-1, 1] + [width - 1, 0]
    return replace(keypoints, xy=xy, confidence=keypoints.confidence[:, :, order])


def swapped(names: Sequence[str]) -> list[int]:
    """Return for each name the place of the one on the other side."""
    return [list(names).index(mirrored_name(name)) for name in names]


@dataclass(frozen=True, eq=False)
class Problem:
    """What the kernels read of some frames, and poses at which they are asked."""

    body: BodyArrays
    views: Views
    weights: Weights
    points: Points
    poses: PoseArrays


def make_problem(
    setup: Setup, frames: int = 6, seed: int = 0, *, away: float = 0.2, unseen: float = 0.2
) -> Problem:
    """Return noisy frames with full covariances, and poses `away` from the truth."""
    random = np.random.default_rng(seed)
    animal = Animal.typical(setup)
    truth = draw_poses(setup, frames, seed)
    seen = observe(see(setup, to_pose(setup, truth), noise=2.0, seed=seed), setup).points
    xy = seen.xy.copy()
    xy[random.random(xy.shape[:-1]) < unseen] = np.nan
    factor = random.normal(0, 2e-3, (*xy.shape[:-1], 2, 2))
    full = factor @ np.swapaxes(factor, -1, -2) + 1e-6 * np.eye(2)
    covariance = np.ascontiguousarray(full.reshape(*xy.shape[:-1], 4)[..., [0, 1, 3]])
    step = random.normal(0, away, (frames, 6 + truth.z.shape[1]))
    step[:, 3:6] *= 20
    turned = rotation.exp(step[:, :3]) @ truth.rotation
    poses = PoseArrays(turned, truth.place + step[:, 3:6], truth.z + step[:, 6:])
    body = body_arrays(setup, animal)
    body = body._replace(mark_variance=random.uniform(0, 4, len(body.mark_bone)))
    return Problem(body, setup.views(), setup.weights(), Points(xy, covariance), poses)


__all__ = [
    "ALONE",
    "Problem",
    "exact_map",
    "moving_animal",
    "draw_motion",
    "draw_poses",
    "hide",
    "make_problem",
    "make_setup",
    "mirrored_keypoints",
    "ring",
    "see",
    "swapped",
    "to_pose",
]
