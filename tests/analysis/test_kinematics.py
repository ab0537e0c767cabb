"""Laws of the kinematics table: known motion is told, in both frames, with its uncertainty."""

from __future__ import annotations

import numpy as np
import pytest
from tests.analysis.walkers import STRIDE_MM, STRIDES_PER_SECOND, mirrored, points, walk

from mousepose.analysis.kinematics import kinematics
from mousepose.body.default import default_body
from mousepose.geometry import rotation
from mousepose.report.angles import MEANING
from mousepose.types import Keypoints3D


def test_speed_and_heading_are_those_of_the_walk() -> None:
    table = kinematics(points())
    assert table["speed_mm_s"].median() == pytest.approx(STRIDE_MM * STRIDES_PER_SECOND, rel=0.03)
    assert table["velocity_left_mm_s"].mean() == pytest.approx(0.0, abs=3.0)
    way = table.iloc[-1] - table.iloc[0]
    along = np.degrees(np.arctan2(way["centre_y_mm"], way["centre_x_mm"]))
    assert table["heading_deg"].mean() == pytest.approx(along, abs=2.0)
    assert table.attrs["bandwidth_hz"] > 5.0


def test_a_turn_of_the_floor_leaves_the_bodys_frame_alone() -> None:
    source = points()
    turn = rotation.exp(np.array([0.0, 0.0, 0.9]))
    turned = Keypoints3D(source.xyz @ turn.T, source.times, source.keypoint_names)
    one, other = kinematics(source), kinematics(turned)
    for column in one.columns:
        if not column.startswith(("centre", "velocity_x", "velocity_y", "acceleration_x")):
            if column.endswith("_sd") or column == "acceleration_y_mm_s2":
                continue
            shift = np.degrees(0.9) if column in {"heading_deg", "head_direction_deg"} else 0.0
            np.testing.assert_allclose(other[column], one[column] + shift, atol=1e-5)


def test_the_mirror_turns_what_has_a_side() -> None:
    one, other = kinematics(points(radius=180.0)), kinematics(mirrored(points(radius=180.0)))
    for column in ("turning_deg_s", "curvature_left_per_m", "velocity_left_mm_s"):
        np.testing.assert_allclose(other[column], -one[column], atol=1e-5)
    np.testing.assert_allclose(other["left_knee_deg"], one["right_knee_deg"], atol=1e-8)
    assert one["turning_deg_s"].mean() == pytest.approx(np.degrees(143 / 180), rel=0.1)
    assert one["curvature_left_per_m"].mean() > 0  # the path turns left


def test_the_angles_are_those_that_the_body_has() -> None:
    body = default_body()
    truth = walk().sequence(body).joint_angles(body)
    joints = body.joints(walk().pose)
    table = kinematics(Keypoints3D(joints, walk().times, body.skeleton.joint_names))
    for name in MEANING:
        for label in (name,) if name == "spine" else (f"left {name}", f"right {name}"):
            found = table[f"{label.replace(' ', '_')}_deg"]
            np.testing.assert_allclose(found, truth[label], atol=1e-4, err_msg=label)


def test_a_known_spread_of_points_is_that_of_their_speed() -> None:
    source = points()
    one = kinematics(source)["speed_mm_s_sd"]
    louder = Keypoints3D(source.xyz, source.times, source.keypoint_names, 9 * source.covariance)
    np.testing.assert_allclose(kinematics(louder)["speed_mm_s_sd"], 3 * one)


def test_what_is_hidden_is_not_known() -> None:
    source = points()
    xyz = source.xyz.copy()
    xyz[100:110, source.keypoint_names.index("LEFT_KNEE")] = np.nan
    table = kinematics(Keypoints3D(xyz, source.times, source.keypoint_names))
    assert table["left_knee_deg"].iloc[100:110].isna().all()
    assert table["right_knee_deg"].notna().all()
    assert table["speed_mm_s"].notna().all()
