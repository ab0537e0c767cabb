"""What is said of columns, sides and images before anything is solved."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mousepose.body.keypoint_map import load_keypoint_map, shipped_maps
from mousepose.errors import InputError
from mousepose.io import load_keypoints, read_cameras
from mousepose.run.columns import best_maps, check_columns, check_side
from mousepose.run.image import check_image
from mousepose.types import Keypoints2D


@pytest.fixture(scope="module")
def keypoints(recording: Path) -> Keypoints2D:
    return load_keypoints(recording / "side.csv", fps=30)


@pytest.mark.parametrize("name", [name for name in shipped_maps() if name != "anatomy"])
def test_the_names_of_a_map_find_it(name: str) -> None:
    names = load_keypoint_map(name).names
    best, known = best_maps(names)
    assert name in best
    assert known == len(names)
    assert check_columns(names, load_keypoint_map(name), name, 3) == ""


def test_the_better_map_is_named_and_the_given_one_not() -> None:
    names = load_keypoint_map("homecage15").names
    with pytest.raises(InputError, match="'homecage15' knows 15 of 15: give --keypoints homecage"):
        check_columns(names, load_keypoint_map("dannce22"), "dannce22", 5)
    strange = [f"point {i}" for i in range(8)]
    with pytest.raises(InputError, match="Say where each column rides"):
        check_columns(strange, load_keypoint_map("dannce22"), "dannce22", 5)
    note = check_columns(["x", *names], load_keypoint_map("homecage15"), "homecage15", 5)
    assert note.endswith(": x")


def test_names_that_clash_in_one_map_are_those_of_another() -> None:
    names = load_keypoint_map("homecage15").names  # its Nose and Head are one name of the dataset
    with pytest.raises(InputError, match=r"'dataset22'.* are both .*give --keypoints homecage15"):
        check_columns(names, load_keypoint_map("dataset22"), "dataset22", 5)


def test_maps_of_two_sides_are_both_named() -> None:
    names = load_keypoint_map("beam15_left").names
    assert set(best_maps(names)[0]) == {"beam15_left", "beam15_right"}
    with pytest.raises(InputError, match="the one that the camera sees"):
        check_columns(names, load_keypoint_map("dataset22"), "dataset22", 5)


def test_the_other_side_is_told() -> None:
    right = load_keypoint_map("beam15_right")
    # A standing animal that walks to the right of the image, seen from its right side.
    bones = {"NOSE": 60.0, "FORE": 30.0, "HIND": -20.0, "TAIL": -60.0}
    x = np.array([next((v for k, v in bones.items() if k in bone), 0.0) for bone in right.bones])
    frames = np.arange(60)
    xy = np.stack([x + 4.0 * frames[:, None], np.full((60, len(x)), 300.0)], axis=-1)
    xy[..., 1] -= 10.0 * right.offset[:, 2]
    seen = Keypoints2D(
        xy[:, None], np.ones((60, 1, len(x))), frames / 30.0, frames, right.names
    )  # fmt: skip
    assert check_side(seen, right, "beam15_right") is None
    told = check_side(seen, load_keypoint_map("beam15_left"), "beam15_left")
    assert told is not None
    assert "the camera seems to see the right one" in told


def test_points_outside_the_image_are_told(keypoints: Keypoints2D, recording: Path) -> None:
    cameras = read_cameras(recording / "camera.toml")
    assert check_image(keypoints, cameras, 0.1) is None
    far = replace(keypoints, xy=keypoints.xy + 5000.0)
    with pytest.raises(InputError, match="100% of the points lie outside the 1280 x 1024"):
        check_image(far, cameras, 0.1)
    some = keypoints.xy.copy()
    some[: len(some) // 4] += 5000.0
    told = check_image(replace(keypoints, xy=some), cameras, 0.1)
    assert told is not None
    assert "is it the camera of this video" in told
    unsure = replace(far, confidence=np.full_like(far.confidence, 0.05))
    assert check_image(unsure, cameras, 0.1) is None
