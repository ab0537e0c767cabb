"""Joint angles are those of the joints, and their spread is that of the rotations."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mousepose.body.model import BodyModel
from mousepose.report import joint_angles
from mousepose.types import PoseSequence


def test_the_knee_is_the_angle_between_its_neighbours(body: BodyModel, truth: PoseSequence) -> None:
    hip, knee, paw = (
        truth.keypoints[:, truth.keypoint_names.index(name)]
        for name in ("LEFT_HIP", "LEFT_KNEE", "LEFT_HIND_PAW")
    )
    thigh, shank = hip - knee, paw - knee
    cosine = (thigh * shank).sum(axis=1)
    cosine /= np.linalg.norm(thigh, axis=1) * np.linalg.norm(shank, axis=1)
    expected = np.rad2deg(np.arccos(cosine))
    np.testing.assert_allclose(joint_angles(body, truth).degrees["left knee"], expected, atol=1e-6)


def test_turning_the_whole_animal_changes_no_angle(body: BodyModel, truth: PoseSequence) -> None:
    pose = replace(truth.pose, root_rotation=truth.pose.root_rotation + [0.5, -0.2, 1.0])
    turned = joint_angles(body, replace(truth, pose=pose))
    for name, degrees in joint_angles(body, truth).degrees.items():
        np.testing.assert_allclose(turned.degrees[name], degrees, atol=1e-9)


@pytest.mark.parametrize("name", ["right elbow", "left hip", "spine"])
def test_the_spread_is_that_of_noisy_rotations(
    body: BodyModel, truth: PoseSequence, name: str
) -> None:
    sd, random = 0.01, np.random.default_rng(0)
    some = replace(truth, rotation_sd=np.full_like(truth.rotation_sd, sd))
    expected = joint_angles(body, some).sd[name]
    frame = 7
    drawn = []
    for _ in range(20):
        turns = truth.pose.joint_rotation[frame] + sd * random.standard_normal((90, 20, 3))
        noisy = replace(truth, pose=replace(truth.pose, joint_rotation=turns))
        drawn.append(joint_angles(body, noisy).degrees[name])
    assert np.std(drawn) == pytest.approx(expected[frame], rel=0.08)
