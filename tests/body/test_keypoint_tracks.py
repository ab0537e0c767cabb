"""Tracks are described as they are; exchanged sides and the side that is seen are noticed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mousepose.body.keypoint_map import load_keypoint_map
from mousepose.body.keypoint_tracks import describe_tracks, seen_side
from mousepose.body.model import BodyModel
from mousepose.simulate import observe, walking_mouse, watching_camera
from mousepose.types import Keypoints2D

NAMES = load_keypoint_map("superanimal27").names


def filmed(body: BodyModel, name: str, *, turn: float = np.inf, elevation: float = 75.0,
           azimuth: float = -90.0) -> Keypoints2D:  # fmt: skip
    walk = walking_mouse(body, 4, 30, turn_radius_mm=turn, seed=2)
    middle = tuple(walk.pose.root_translation.mean(0) * [1, 1, 0] + [0, 0, 15])
    camera = watching_camera(
        middle, azimuth_deg=azimuth, elevation_deg=elevation, distance_mm=2000, size=(4000, 4000)
    )
    marks = load_keypoint_map(name)
    return observe(body, walk.pose, walk.times, camera, marks, noise_px=0.5, seed=1)


@pytest.fixture(scope="module")
def topview(body: BodyModel) -> Keypoints2D:
    return filmed(body, "superanimal27", turn=180.0)


def exchanged(keypoints: Keypoints2D, part: str, frames: slice) -> Keypoints2D:
    xy = keypoints.xy.copy()
    left, right = (NAMES.index(f"{side}_{part}") for side in ("left", "right"))
    xy[frames, :, [left, right]] = xy[frames, :, [right, left]]
    return replace(keypoints, xy=xy)


def test_a_good_file_raises_no_suspicion(topview: Keypoints2D) -> None:
    tracks = describe_tracks(topview, load_keypoint_map("superanimal27"))
    assert [track.name for track in tracks] == list(NAMES)
    for track in tracks:
        assert track.suspicion == ""
        assert track.seen == 1
        assert 0.85 <= track.confidence <= 1
        assert track.distance > 0


def test_distances_are_those_of_the_image(topview: Keypoints2D) -> None:
    tracks = {t.name: t for t in describe_tracks(topview, load_keypoint_map("superanimal27"))}
    tail = tracks["tail3"]
    places = [NAMES.index(name) for name in ("tail3", tail.neighbour)]
    away = np.linalg.norm(np.diff(topview.xy[:, 0, places], axis=1)[:, 0], axis=-1)
    assert tail.neighbour in ("tail2", "tail4")
    assert tail.distance == pytest.approx(np.median(away))


def test_hidden_points_are_counted(topview: Keypoints2D) -> None:
    xy, confidence = topview.xy.copy(), topview.confidence.copy()
    xy[:30, :, 0] = np.nan
    confidence[30:60, :, 1] = 0.05
    hidden = replace(topview, xy=xy, confidence=confidence)
    nose, ear = describe_tracks(hidden, load_keypoint_map("superanimal27"))[:2]
    assert nose.seen == ear.seen == pytest.approx(0.75)


@pytest.mark.parametrize("part", ["hip", "ear", "shoulder"])
def test_a_pair_named_the_wrong_way_round_is_noticed(topview: Keypoints2D, part: str) -> None:
    wrong = exchanged(topview, part, slice(None))
    for track in describe_tracks(wrong, load_keypoint_map("superanimal27")):
        suspected = "exchanged?" in track.suspicion
        assert suspected == track.name.endswith(f"_{part}"), track


def test_sides_that_change_places_for_a_while_are_noticed(topview: Keypoints2D) -> None:
    wrong = exchanged(topview, "hip", slice(40, 50))
    tracks = {t.name: t for t in describe_tracks(wrong, load_keypoint_map("superanimal27"))}
    assert "change places 2 times" in tracks["left_hip"].suspicion
    assert tracks["left_ear"].suspicion == ""


@pytest.mark.parametrize(("azimuth", "side"), [(-90.0, "right"), (90.0, "left")])
def test_the_side_that_a_side_camera_sees(body: BodyModel, azimuth: float, side: str) -> None:
    keypoints = filmed(body, "beam15_right", elevation=10.0, azimuth=azimuth)
    for name in ("beam15_right", "beam15_left"):  # the limbs of the map do not matter
        assert seen_side(keypoints, load_keypoint_map(name)) == side


def test_an_animal_that_goes_round_shows_no_side(body: BodyModel) -> None:
    keypoints = filmed(body, "superanimal27", turn=60.0)
    assert seen_side(keypoints, load_keypoint_map("superanimal27")) == ""


def test_nothing_seen_is_told_as_nothing(topview: Keypoints2D) -> None:
    empty = replace(topview, xy=np.full_like(topview.xy, np.nan))
    for track in describe_tracks(empty, load_keypoint_map("superanimal27")):
        assert track.seen == 0
        assert np.isnan(track.confidence) and np.isnan(track.distance)
    assert seen_side(empty, load_keypoint_map("superanimal27")) == ""


def test_a_file_of_something_else_is_told_as_nothing(topview: Keypoints2D) -> None:
    other = replace(topview, keypoint_names=tuple(f"light {k}" for k in range(27)))
    assert describe_tracks(other, load_keypoint_map("jabs12")) == []
    assert seen_side(other, load_keypoint_map("jabs12")) == ""
