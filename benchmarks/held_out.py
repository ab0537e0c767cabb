"""The twenty labelled poses of `dannce_mouse1` that nothing was learned from, seen by six cameras.

The recording gives 81 hand-labelled poses of one mouse and its six calibrated cameras with their
distortion. What mousepose ships was learned from the other 61; these twenty are only measured on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from common import CannotMeasure, folder
from problems import MARK_OF_JOINT, Flags, is_known, load_arrays

from mousepose.geometry.camera import Camera
from mousepose.types import Floats, Keypoints2D

#: Spread evenly over the 81: those of the single-view problems of this mouse.
SCORED_FRAMES = np.linspace(0, 80, 20).round().astype(np.int64)
#: Noise added to every image coordinate, as a share of the body length in the image.
NOISE = 0.02


@dataclass(frozen=True, eq=False)
class HeldOut:
    """Joints by name and their marks, `truth` (20, M, 3) mm in the world, cameras, body length."""

    joint_names: tuple[str, ...]
    marks: tuple[str, ...]
    truth: Floats
    cameras: tuple[Camera, ...]
    body_length: float

    @property
    def known(self) -> Flags:
        """Which joints (20, M) were labelled."""
        return is_known(self.truth)

    def noise_px(self, noise: float = NOISE) -> Floats:
        """Return the noise (20, C) px of every image: a share of the body length seen there."""
        sizes = [
            camera.matrix[0, 0] / np.nanmean(camera.to_camera(self.truth)[..., 2], axis=1)
            for camera in self.cameras
        ]
        return noise * self.body_length * np.stack(sizes, axis=1)

    def images(self, random: np.random.Generator, noise: float = NOISE) -> Floats:
        """Return noisy image points (20, C, M, 2) px in all cameras."""
        points = np.stack([camera.project(self.truth) for camera in self.cameras], axis=1)
        sigma = self.noise_px(noise)[..., None, None]
        return np.asarray(points + sigma * random.standard_normal(points.shape))


def load_held_out(data: Path) -> HeldOut:
    """Return the twenty poses. Raises `CannotMeasure` where the recording is not there."""
    path = folder(data, "dannce_mouse1") / "dannce_mouse1.npz"
    arrays = load_arrays(path)
    names = [str(name) for name in arrays["keypoint_names"]]
    poses = arrays["points3d_mm"]
    if SCORED_FRAMES.max() >= len(poses):
        raise CannotMeasure(f"{path}: expected 81 poses, got {len(poses)}")
    width, height = (int(side) for side in arrays["image_size_wh"])
    cameras = []
    for index, (turn, shift) in enumerate(zip(arrays["R"], arrays["t_mm"], strict=True)):
        transform = np.eye(4)
        transform[:3, :3], transform[:3, 3] = turn, shift
        lens = arrays["distortion_k1k2p1p2k3"][index]
        name = f"cam_{index}"
        cameras.append(Camera(arrays["K"][index], lens, transform, (width, height), name))
    marks = list(MARK_OF_JOINT.values())
    ends = (poses[:, names.index(end)] for end in ("Snout", "Tail(base)"))
    return HeldOut(
        joint_names=tuple(MARK_OF_JOINT),
        marks=tuple(marks),
        truth=poses[SCORED_FRAMES][:, [names.index(mark) for mark in marks]],
        cameras=tuple(cameras),
        body_length=float(np.nanmedian(np.linalg.norm(np.subtract(*ends), axis=1))),
    )


def as_track(points: Floats, names: Sequence[str]) -> Keypoints2D:
    """Return image points (T, C, M, 2) px of unrelated moments as a track, a second apart."""
    numbers = np.arange(len(points))
    return Keypoints2D(
        xy=points,
        confidence=is_known(points).astype(np.float64),
        times=numbers.astype(np.float64),
        frame_numbers=numbers,
        keypoint_names=tuple(names),
    )


def in_frame_of(frame: str, camera: Camera, points: Floats) -> Floats:
    """Return world points in the frame that a result names: the camera's, or the world."""
    return camera.to_camera(points) if frame == "camera" else points
