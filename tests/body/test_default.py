"""The default mouse: symmetric, standing, of a mouse's size, its hinges bend the right way."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from dataclasses import replace
from importlib import resources
from typing import Any

import numpy as np
import pytest

from mousepose.body.default import body_from_table
from mousepose.body.model import BodyModel
from mousepose.errors import ModelError
from mousepose.types import Floats


@pytest.fixture
def table() -> dict[str, Any]:
    text = (resources.files("mousepose") / "data" / "body.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def inner_angle(body: BodyModel, names: tuple[str, str, str], pitch: float) -> float:
    """The angle (degrees) at the middle joint when the last bone turns by `pitch` rad."""
    pose = body.rest_pose()
    turned = pose.joint_rotation.copy()
    turned[body.skeleton.index(names[2]), 1] = pitch
    joints = body.joints(replace(pose, joint_rotation=turned))
    start, middle, end = (joints[body.skeleton.index(name)] for name in names)
    first, second = start - middle, end - middle
    cosine = first @ second / np.linalg.norm(first) / np.linalg.norm(second)
    return float(np.degrees(np.arccos(cosine)))


def at(body: BodyModel, name: str) -> Floats:
    return body.rest[body.skeleton.index(name)]


def test_bones_have_the_lengths_of_the_file(body: BodyModel, table: dict[str, Any]) -> None:
    lengths = np.linalg.norm(body.bone_vectors, axis=1)
    for name, bone in table["bones"].items():
        assert lengths[body.skeleton.index(name)] == pytest.approx(bone["length_mm"])
        assert bone["source"]
    assert 88 <= body.body_length <= 96


def test_the_body_is_its_own_mirror_image(body: BodyModel) -> None:
    partner = list(body.skeleton.mirror)
    np.testing.assert_allclose(body.rest[partner], body.rest * [1, -1, 1], atol=1e-12)
    np.testing.assert_array_equal(body.free[partner], body.free)
    roll_and_yaw = body.limits[:, [0, 2]]
    np.testing.assert_allclose(body.limits[partner, 1], body.limits[:, 1])
    np.testing.assert_allclose(body.limits[partner][:, [0, 2]], -roll_and_yaw[..., ::-1])


def test_it_stands_on_its_paws_and_looks_ahead(body: BodyModel) -> None:
    heights = {name: at(body, name)[2] for name in body.skeleton.joint_names}
    paws = [height for name, height in heights.items() if name.endswith("PAW")]
    assert all(1 < height < 2.5 for height in paws)
    assert min(heights.values()) == min(paws)
    assert max(heights.values()) == heights["SPINE_MID"]
    assert at(body, "NOSE")[0] > at(body, "SPINE_SHOULDER")[0] > at(body, "ROOT_TAIL")[0]
    assert at(body, "LEFT_KNEE")[1] > 0


def test_knee_and_elbow_are_hinges_that_bend_the_right_way(body: BodyModel) -> None:
    knee = ("LEFT_HIP", "LEFT_KNEE", "LEFT_HIND_PAW")
    elbow = ("LEFT_SHOULDER", "LEFT_ELBOW", "LEFT_FORE_PAW")
    assert inner_angle(body, knee, 0.3) < inner_angle(body, knee, 0) < inner_angle(body, knee, -0.3)
    assert (
        inner_angle(body, elbow, -0.3) < inner_angle(body, elbow, 0) < inner_angle(body, elbow, 0.3)
    )
    for name in (knee[2], elbow[2]):
        widths = np.diff(body.limits[body.skeleton.index(name)], axis=-1)[:, 0]
        assert widths[1] > 2 * widths[[0, 2]].max()


def test_no_limit_lets_a_hinge_turn_inside_out(body: BodyModel) -> None:
    for names in (
        ("LEFT_HIP", "LEFT_KNEE", "LEFT_HIND_PAW"),
        ("LEFT_SHOULDER", "LEFT_ELBOW", "LEFT_FORE_PAW"),
    ):
        low, high = body.limits[body.skeleton.index(names[2]), 1]
        angles = [inner_angle(body, names, pitch) for pitch in np.linspace(low, high, 60)]
        steps = np.sign(np.diff(angles))
        assert abs(steps.sum()) == len(steps)  # the angle only grows, or only shrinks


@pytest.mark.parametrize(
    "change",
    [
        lambda bones: bones.pop("NOSE"),
        lambda bones: bones.update(RIGHT_KNEE=bones["LEFT_KNEE"]),
        lambda bones: bones.update(WING=bones["NOSE"]),
    ],
)
def test_a_table_with_other_bones_is_refused(
    table: dict[str, Any], change: Callable[[dict[str, Any]], object]
) -> None:
    change(table["bones"])
    with pytest.raises(ModelError, match="each midline and left bone once; see"):
        body_from_table(table)
