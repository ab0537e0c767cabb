"""The data types refuse shapes that do not fit together, and say which."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from mousepose.errors import InputError, MouseposeError, UnknownNameError
from mousepose.types import FitReport, Keypoints2D, Keypoints3D, Pose, PoseSequence

FRAMES, CAMERAS, KEYPOINTS, JOINTS = 5, 2, 3, 4


def tracked() -> Keypoints2D:
    return Keypoints2D(
        xy=np.zeros((FRAMES, CAMERAS, KEYPOINTS, 2)),
        confidence=np.ones((FRAMES, CAMERAS, KEYPOINTS)),
        times=np.arange(FRAMES) / 30,
        frame_numbers=np.arange(FRAMES),
        keypoint_names=("NOSE", "NECK", "SPINE_MID"),
    )


def sequence() -> PoseSequence:
    return PoseSequence(
        pose=Pose(
            root_rotation=np.zeros((FRAMES, 3)),
            root_translation=np.zeros((FRAMES, 3)),
            joint_rotation=np.zeros((FRAMES, JOINTS, 3)),
            shape=np.zeros(2),
        ),
        keypoints=np.zeros((FRAMES, KEYPOINTS, 3)),
        covariance=np.zeros((FRAMES, KEYPOINTS, 3, 3)),
        state=np.zeros((FRAMES, KEYPOINTS), np.uint8),
        rotation_sd=np.zeros((FRAMES, JOINTS, 3)),
        times=np.arange(FRAMES) / 30,
        frame_numbers=np.arange(FRAMES),
        report=FitReport(np.zeros(FRAMES, np.uint8), np.zeros(FRAMES, np.int64), {}),
        keypoint_names=("NOSE", "NECK", "SPINE_MID"),
        joint_names=("SPINE_SHOULDER", "SPINE_MID", "NECK", "NOSE"),
    )


def test_length_is_the_number_of_frames() -> None:
    assert len(tracked()) == FRAMES
    assert len(sequence()) == FRAMES


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("xy", np.zeros((KEYPOINTS, FRAMES, CAMERAS, 2))),
        ("xy", np.zeros((FRAMES, KEYPOINTS, 2))),
        ("xy", np.zeros((FRAMES, CAMERAS, KEYPOINTS, 3))),
        ("confidence", np.ones((FRAMES, CAMERAS))),
        ("times", np.zeros(FRAMES + 1)),
        ("frame_numbers", np.zeros((FRAMES, 1), np.int64)),
        ("keypoint_names", ("NOSE",)),
        ("covariance", np.zeros((FRAMES, CAMERAS, KEYPOINTS, 2))),
    ],
)
def test_keypoints_of_a_wrong_shape_are_refused(field: str, value: Any) -> None:
    with pytest.raises(InputError, match="expected shape"):
        replace(tracked(), **{field: value})


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("keypoints", np.zeros((FRAMES, KEYPOINTS, 2))),
        ("covariance", np.zeros((FRAMES, KEYPOINTS, 3))),
        ("state", np.zeros(FRAMES, np.uint8)),
        ("rotation_sd", np.zeros((FRAMES, JOINTS + 1, 3))),
        ("times", np.zeros(FRAMES - 1)),
        ("joint_names", ("NOSE",)),
    ],
)
def test_a_sequence_of_a_wrong_shape_is_refused(field: str, value: Any) -> None:
    with pytest.raises(InputError, match="expected shape"):
        replace(sequence(), **{field: value})


def test_a_refusal_names_the_field_and_both_shapes() -> None:
    with pytest.raises(InputError, match=r"xyz: expected shape \(any, 1, 3\), got \(5, 2, 3\)"):
        Keypoints3D(np.zeros((5, 2, 3)), np.zeros(5), ("NOSE",))


def test_a_pose_takes_any_batch_axes() -> None:
    pose = Pose(np.zeros((2, 5, 3)), np.zeros((2, 5, 3)), np.zeros((2, 5, JOINTS, 3)), np.zeros(0))
    assert pose.joint_rotation.shape == (2, 5, JOINTS, 3)
    with pytest.raises(InputError, match="root_translation"):
        replace(pose, root_translation=np.zeros((5, 3)))


def test_costs_have_one_value_a_frame() -> None:
    with pytest.raises(InputError, match=r"cost\['prior'\]"):
        FitReport(np.zeros(3, np.uint8), np.zeros(3, np.int64), {"prior": np.zeros(2)})


def test_every_error_is_a_value_error() -> None:
    assert issubclass(MouseposeError, ValueError)
    error = UnknownNameError.of("keypoint", "SNOOT", ["NOSE", "NECK"])
    assert str(error) == "unknown keypoint 'SNOOT'; known: NECK, NOSE"
