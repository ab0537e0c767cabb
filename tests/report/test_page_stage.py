"""The stage keeps shapes, and puts the floor below the animal whatever the axes of the file."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mousepose.geometry import rotation
from mousepose.report.page_stage import stage_of
from mousepose.types import Floats, PoseSequence
from results import camera, walk

PAWS = ("LEFT_FORE_PAW", "RIGHT_FORE_PAW", "LEFT_HIND_PAW", "RIGHT_HIND_PAW")


def turned(sequence: PoseSequence, turn: Floats, shift: Floats, frame: str) -> PoseSequence:
    pose = replace(
        sequence.pose,
        root_rotation=rotation.log(turn @ rotation.exp(sequence.pose.root_rotation)),
        root_translation=sequence.pose.root_translation @ turn.T + shift,
    )
    points = sequence.keypoints @ turn.T + shift
    return replace(sequence, pose=pose, keypoints=points, frame=frame)


@pytest.mark.parametrize("seed", range(4))
def test_paws_stand_on_the_floor_in_any_axes(seed: int) -> None:
    random = np.random.default_rng(seed)
    turn = rotation.exp(random.normal(0, 1.5, 3))
    given = walk(2.0)
    moved = turned(given, turn, random.normal(0, 300, 3), "camera")
    stage = stage_of(moved)
    points = stage.place(moved.keypoints)
    paws = points[:, [given.keypoint_names.index(name) for name in PAWS]]
    assert abs(np.quantile(paws[..., 2], 0.15)) < 4.0
    back = points[:, given.keypoint_names.index("SPINE_MID"), 2]
    assert (back > 15).all()
    assert abs(np.median(points[..., :2])) < 40
    distances = np.linalg.norm(np.diff(given.keypoints, axis=1), axis=-1)
    np.testing.assert_allclose(np.linalg.norm(np.diff(points, axis=1), axis=-1), distances)
    spread = stage.spread(given.covariance[0])
    np.testing.assert_allclose(np.linalg.eigvalsh(spread), np.linalg.eigvalsh(given.covariance[0]))


def test_the_floor_of_the_camera_file_goes_first() -> None:
    watching = camera()
    world = walk(1.0)
    seen = turned(world, watching.rotation, watching.translation, "camera")
    stage = stage_of(seen, [watching])
    assert "camera file" in stage.words
    points = stage.place(seen.keypoints)
    np.testing.assert_allclose(points[..., 2], world.keypoints[..., 2], atol=1e-6)
    axes, place = stage.camera_pose(watching)
    np.testing.assert_allclose(place[2], watching.position[2], atol=1e-6)
    # The camera looks at the animal.
    towards = -place / np.linalg.norm(place)
    assert axes[:, 2] @ towards > 0.97
    np.testing.assert_allclose(axes @ axes.T, np.eye(3), atol=1e-9)


def test_a_result_without_a_pose_has_a_stage() -> None:
    nothing = walk(1.0)
    nothing = replace(nothing, keypoints=np.full_like(nothing.keypoints, np.nan))
    assert "no frame has a pose" in stage_of(nothing).words
