"""Residuals are zero for the truth and as large as the noise otherwise."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mousepose.body.keypoint_map import load_keypoint_map
from mousepose.body.model import BodyModel
from mousepose.errors import InputError
from mousepose.geometry import rotation
from mousepose.geometry.camera import Camera
from mousepose.report import reprojection_residuals
from mousepose.simulate import observe
from mousepose.types import Keypoints2D, Pose, PoseSequence

MAP = load_keypoint_map("dannce22")


@pytest.fixture(scope="module")
def clean(body: BodyModel, truth: PoseSequence, camera: Camera) -> Keypoints2D:
    return observe(body, truth.pose, truth.times, camera, MAP, noise_px=0)


def test_the_truth_has_none(
    body: BodyModel, truth: PoseSequence, camera: Camera, clean: Keypoints2D
) -> None:
    residuals, names = reprojection_residuals(truth, clean, [camera], body, MAP)
    assert residuals.shape == (len(truth), 1, len(MAP))
    assert set(names) == set(clean.keypoint_names)
    assert np.nanmax(residuals) < 1e-9


def test_poses_in_the_cameras_frame_are_carried_to_the_world(
    body: BodyModel, truth: PoseSequence, camera: Camera, clean: Keypoints2D
) -> None:
    turned = rotation.log(camera.rotation @ rotation.exp(truth.pose.root_rotation))
    place = camera.to_camera(truth.pose.root_translation)
    pose = Pose(turned, place, truth.pose.joint_rotation, truth.pose.shape)
    there = replace(truth, pose=pose, frame="camera")
    residuals, _ = reprojection_residuals(there, clean, [camera], body, MAP)
    assert np.nanmax(residuals) < 1e-6


def test_columns_may_stand_in_any_order_and_have_strangers(
    body: BodyModel, truth: PoseSequence, camera: Camera, clean: Keypoints2D
) -> None:
    names = (*clean.keypoint_names[::-1], "laser dot")
    stranger = np.zeros((len(truth), 1, 1, 2))
    mixed = replace(
        clean,
        xy=np.concatenate([clean.xy[:, :, ::-1], stranger], axis=2),
        confidence=np.ones((len(truth), 1, len(names))),
        keypoint_names=names,
    )
    residuals, found = reprojection_residuals(truth, mixed, [camera], body, MAP)
    assert "laser dot" not in found
    assert np.nanmax(residuals) < 1e-9


def test_other_frames_are_refused(
    body: BodyModel, truth: PoseSequence, camera: Camera, clean: Keypoints2D
) -> None:
    shifted = replace(clean, frame_numbers=clean.frame_numbers + 1)
    with pytest.raises(InputError, match="frames"):
        reprojection_residuals(truth, shifted, [camera], body, MAP)
