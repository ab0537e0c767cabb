"""A walk, what a camera sees of it, and a reconstruction of it whose error is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mousepose.body.default import default_body
from mousepose.body.model import BodyModel
from mousepose.geometry.camera import Camera
from mousepose.simulate import observe, walking_mouse, watching_camera
from mousepose.types import Keypoints2D, PoseSequence, State, Status


@pytest.fixture(scope="session")
def body() -> BodyModel:
    return default_body()


@pytest.fixture(scope="session")
def camera() -> Camera:
    return watching_camera()


@pytest.fixture(scope="session")
def truth(body: BodyModel) -> PoseSequence:
    """The walk itself, as a sequence that knows everything exactly."""
    return walking_mouse(body, seconds=3, frames_per_second=30).sequence(body)


@pytest.fixture(scope="session")
def keypoints(body: BodyModel, truth: PoseSequence, camera: Camera) -> Keypoints2D:
    return observe(
        body, truth.pose, truth.times, camera, occluded_feet=0.3, gaps=[(1.0, 1.2)], seed=2
    )


@pytest.fixture(scope="session")
def sequence(truth: PoseSequence, keypoints: Keypoints2D) -> PoseSequence:
    """The truth with noise of 2 mm, and of 5 mm where a keypoint was not seen."""
    random = np.random.default_rng(0)
    seen = np.isfinite(keypoints.xy[:, 0, :, 0])
    sd = np.where(seen, 2.0, 5.0)[..., None]
    turns = 0.08 * random.standard_normal(truth.rotation_sd.shape)
    status = np.where(seen.any(axis=1), Status.OK, Status.BRIDGED).astype(np.uint8)
    return replace(
        truth,
        pose=replace(truth.pose, joint_rotation=truth.pose.joint_rotation + turns),
        keypoints=truth.keypoints + sd * random.standard_normal(truth.keypoints.shape),
        covariance=(sd**2)[..., None] * np.eye(3),
        state=np.where(seen, State.SEEN, State.INFERRED).astype(np.uint8),
        rotation_sd=np.full_like(truth.rotation_sd, 0.08),
        report=replace(truth.report, status=status),
    )
