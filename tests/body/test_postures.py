"""Typical postures are within reach, lie on the floor, and mirror where they are symmetric."""

from __future__ import annotations

import numpy as np
import pytest

from mousepose.body.model import BodyModel
from mousepose.body.postures import posture, posture_names
from mousepose.errors import UnknownNameError


@pytest.mark.parametrize("name", posture_names())
def test_joints_turn_no_further_than_they_can(body: BodyModel, name: str) -> None:
    turns = posture(body, name).joint_rotation
    low, high = body.limits[..., 0], body.limits[..., 1]
    beyond = np.argwhere((turns < low - 1e-9) | (turns > high + 1e-9))
    names = body.skeleton.joint_names
    assert not len(beyond), [(names[j], "xyz"[k], np.degrees(turns[j, k])) for j, k in beyond]


@pytest.mark.parametrize("name", posture_names())
def test_the_animal_stands_on_the_floor(body: BodyModel, name: str) -> None:
    assert body.joints(posture(body, name))[:, 2].min() == pytest.approx(0.0)


@pytest.mark.parametrize("name", ["standing", "rearing", "grooming", "stretched"])
def test_symmetric_postures_are_their_own_mirror(body: BodyModel, name: str) -> None:
    pose = posture(body, name)
    np.testing.assert_allclose(body.joints(body.mirrored(pose)), body.joints(pose), atol=1e-9)


def test_an_unknown_posture_is_told_with_the_known_ones(body: BodyModel) -> None:
    with pytest.raises(UnknownNameError, match="curled"):
        posture(body, "flying")
