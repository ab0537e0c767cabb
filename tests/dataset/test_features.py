"""Features whose names are not published are found by their names and what they hold."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from labelled_frames import KINDS
from mousepose.dataset.features import map_features, survey
from mousepose.errors import UnknownNameError
from mousepose.skeleton import KEYPOINT_NAMES


def records(make: Callable[[int, int], dict[str, Any]], count: int = 36) -> list[dict[str, Any]]:
    """Records with a picture and a point; `make(clip, frame)` gives their other features."""
    out = []
    for number in range(count):
        features = {
            "image/encoded": [b"\xff\xd8 picture"],
            "NOSE/region/point/x": np.array([0.5], np.float32),
            "NOSE/region/point/y": np.array([0.5], np.float32),
        } | make(*divmod(number, 12))
        out.append({name: value for name, value in features.items() if value is not None})
    return out


def kind(clip: int) -> list[bytes]:
    return [KINDS[clip % 3].encode()]


def numbers(value: int) -> np.ndarray:
    return np.array([value])


def sequences(clip: int, frame: int) -> dict[str, Any]:
    """Names as sequences of pictures are often written."""
    return {
        "clip/label/string": kind(clip), "clip/label/index": numbers(clip % 3),
        "clip/media_id": [b"video %d" % clip], "clip/data_path": [b"/a/%d.mp4" % (clip % 2)],
        "clip/start/timestamp": numbers(0), "clip/end/timestamp": numbers(500_000),
        "image/timestamp": numbers(41_667 * frame), "image/frame_rate": np.array([24], np.float32),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("make", "roles"),
    [
        (
            sequences,
            {
                "behaviour": "clip/label/string",
                "clip": "clip/media_id",
                "frame": "image/timestamp",
            },
        ),
        (
            lambda c, f: {
                "label": kind(c),
                "video_name": [b"v%d" % c],
                "frame_index": numbers(f),
                "num_frames": numbers(12),
            },
            {"behaviour": "label", "clip": "video_name", "frame": "frame_index"},
        ),
        (lambda c, f: {"what": kind(c), "who": [b"m%d" % c]}, {"behaviour": "what"}),
        # A detector's class is the same in all records and no behaviour.
        (lambda c, f: {"image/object/class/text": [b"mouse"]}, {}),
    ],
)
def test_roles_are_guessed(make: Callable[[int, int], Any], roles: dict[str, str]) -> None:
    found = map_features(survey(records(make)))
    assert dict(found.roles) == roles
    assert len(found.guessed) == len(roles)


@pytest.mark.parametrize("pattern", ["{}/p/{}", "keypoints/{}/{}", "kp/{}_{}", "{}:{}"])
def test_points_of_other_names_are_guessed(pattern: str) -> None:
    def make(clip: int, frame: int) -> dict[str, Any]:
        points = {
            pattern.format(name, axis): np.array([0.25], np.float32)
            for name in KEYPOINT_NAMES
            for axis in "xy"
        }
        gone = {"NOSE/region/point/x": None, "NOSE/region/point/y": None}
        return points | gone | {"size_x": np.array([0.5], np.float32)}

    found = map_features(survey(records(make)))
    assert found.keypoint_names == KEYPOINT_NAMES
    assert found.points["NOSE"] == (pattern.format("NOSE", "x"), pattern.format("NOSE", "y"))
    assert any("taken for the point" in told for told in found.guessed)


def test_an_unknown_feature_is_told_with_those_that_are_no_points() -> None:
    with pytest.raises(UnknownNameError, match="'nope'; known: image/encoded, label"):
        map_features(survey(records(lambda c, f: {"label": kind(c)})), {"behaviour": "nope"})
