"""The stick figure knows which keypoints belong together, in any set of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mousepose.body.keypoint_map import load_keypoint_map
from mousepose.body.model import BodyModel
from mousepose.geometry import rotation
from mousepose.report.stick import Stick, animal_axes, is_upright
from mousepose.skeleton import KEYPOINT_NAMES
from mousepose.types import PoseSequence


def test_the_dataset_keypoints_form_one_tree_and_a_head() -> None:
    stick = Stick.of(KEYPOINT_NAMES)
    assert len(stick.edges) == len(KEYPOINT_NAMES) - 1 + 2
    reached = {0}
    for _ in KEYPOINT_NAMES:
        reached |= {b for a, b in stick.edges if a in reached}
    assert reached == set(range(len(KEYPOINT_NAMES)))


def test_a_missing_keypoint_is_bridged() -> None:
    names = ("SPINE_SHOULDER", "LEFT_ELBOW", "LEFT_FORE_PAW")
    assert Stick.of(names).edges == [(0, 1), (1, 2)]


def test_other_trackers_names_are_known() -> None:
    names = load_keypoint_map("dannce22").names
    stick = Stick.of(names)
    group = dict(zip(names, stick.groups, strict=True))
    assert group["ForepawL"] == "left legs"
    assert group["KneeR"] == "right legs"
    assert group["EarL"] == group["Snout"] == "head"
    assert group["Tail(end)"] == "tail"
    assert len(stick.edges) > 10


def test_a_name_nobody_knows_is_a_single_point() -> None:
    assert Stick.of(("NOSE", "laser dot")).edges == []


def test_the_animals_axes_turn_with_it(body: BodyModel) -> None:
    points = body.keypoints_of(body.rest_pose())
    turn = rotation.exp([0.3, -1.0, 2.0])
    upright = animal_axes(points, body.keypoints.names, upright=False)
    np.testing.assert_allclose(upright, np.eye(3), atol=0.1)
    turned = animal_axes(points @ turn.T, body.keypoints.names, upright=False)
    np.testing.assert_allclose(turned, upright @ turn.T, atol=1e-12)


def test_in_a_world_up_is_up(body: BodyModel) -> None:
    points = body.keypoints_of(body.rest_pose()) @ rotation.exp([0.4, 0.3, 1.0]).T
    axes = animal_axes(points, body.keypoints.names, upright=True)
    np.testing.assert_allclose(axes[2], [0, 0, 1])
    np.testing.assert_allclose(axes @ axes.T, np.eye(3), atol=1e-12)


def test_unknown_points_give_the_cameras_axes() -> None:
    axes = animal_axes(np.full((2, 3), np.nan), ("NOSE", "NECK"), upright=False)
    np.testing.assert_allclose(axes @ axes.T, np.eye(3))


def test_up_is_found_in_worlds_that_stand_on_their_head(sequence: PoseSequence) -> None:
    assert is_upright(sequence)
    over = np.diag([1.0, -1.0, -1.0])  # half a turn about x
    assert not is_upright(replace(sequence, keypoints=sequence.keypoints @ over))
    assert not is_upright(replace(sequence, frame="camera"))
    nothing = np.full_like(sequence.keypoints, np.nan)
    assert is_upright(replace(sequence, keypoints=nothing))
