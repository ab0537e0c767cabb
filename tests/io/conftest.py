"""Tracked points and pose sequences of random numbers, the same for the same arguments."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from mousepose.types import FitReport, Keypoints2D, Pose, PoseSequence

FPS = 50.0
NAMES = ("NOSE", "SPINE_MID", "ROOT_TAIL")
JOINTS = ("SPINE_SHOULDER", "SPINE_MID", "SPINE_HIP", "ROOT_TAIL")


def make_keypoints(frames: int = 12, animal: str = "animal0", first_frame: int = 0) -> Keypoints2D:
    random = np.random.default_rng(frames)
    xy = random.uniform(0, 1000, (frames, 1, len(NAMES), 2))
    confidence = random.uniform(0, 1, (frames, 1, len(NAMES)))
    lost = random.random(confidence.shape) < 0.2
    numbers = np.arange(first_frame, first_frame + 2 * frames, 2)
    return Keypoints2D(
        xy=np.where(lost[..., None], np.nan, xy),
        confidence=np.where(lost, 0.0, confidence),
        times=numbers / FPS,
        frame_numbers=numbers,
        keypoint_names=NAMES,
        animal=animal,
    )


def make_sequence(frames: int = 30, animal: str = "animal0", first_frame: int = 0) -> PoseSequence:
    random = np.random.default_rng(frames)
    factor = random.normal(size=(frames, len(NAMES), 3, 3))
    covariance = (factor @ factor.swapaxes(-1, -2)).astype(np.float32).astype(np.float64)
    numbers = np.arange(first_frame, first_frame + frames)
    return PoseSequence(
        pose=Pose(
            root_rotation=random.normal(size=(frames, 3)),
            root_translation=random.normal(size=(frames, 3)),
            joint_rotation=random.normal(size=(frames, len(JOINTS), 3)),
            shape=np.array([0.25, -1.5]),
        ),
        keypoints=np.where(random.random((frames, len(NAMES), 1)) < 0.1, np.nan, factor[..., 0]),
        covariance=covariance,
        state=random.integers(0, 3, (frames, len(NAMES))).astype(np.uint8),
        rotation_sd=random.random((frames, len(JOINTS), 3)).astype(np.float32).astype(np.float64),
        times=numbers / FPS,
        frame_numbers=numbers,
        report=FitReport(
            status=random.integers(0, 5, frames).astype(np.uint8),
            iterations=random.integers(0, 30, frames),
            cost={"image": random.random(frames), "prior": random.random(frames)},
        ),
        keypoint_names=NAMES,
        joint_names=JOINTS,
        animal=animal,
        frame="world",
        scale_source="floor",
        provenance={"version": "0.1.0", "config": {"prior_sigma": 0.5}},
    )


@pytest.fixture(scope="session")
def keypoints() -> Callable[..., Keypoints2D]:
    return make_keypoints


@pytest.fixture(scope="session")
def sequence() -> Callable[..., PoseSequence]:
    return make_sequence
