"""Typical postures of a mouse, to look at a body in and to try its skin: `data/postures.toml`."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib import resources
from typing import Any

import numpy as np

from mousepose.body.model import BodyModel
from mousepose.errors import UnknownNameError
from mousepose.skeleton import mirrored_name
from mousepose.types import Floats, Pose

_AXES = ("roll", "pitch", "yaw")
_MIRROR = np.array([-1.0, 1.0, -1.0])  # of a turn, where y is left


def posture_names() -> tuple[str, ...]:
    """Return the names of the postures that are known."""
    return tuple(_table())


def posture(body: BodyModel, name: str) -> Pose:
    """Return a body in a posture, its lowest joint at height 0; bones that it lacks are left out.

    Raises `UnknownNameError` with the list of postures.
    """
    if name not in _table():
        raise UnknownNameError.of("posture", name, posture_names())
    turns = dict(_table()[name])
    root = _turn(turns.pop("root", {})) @ body.axes
    names = body.skeleton.joint_names
    rotation = np.zeros((len(names), 3))
    for bone, degrees in turns.items():
        other = mirrored_name(bone)
        if other != bone and other not in turns and other in names:
            rotation[names.index(other)] = _turn(degrees) * _MIRROR
        if bone in names:
            rotation[names.index(bone)] = _turn(degrees)
    rotation = rotation @ body.axes
    pose = Pose(root, np.zeros(3), rotation, body.shape_space.mean)
    height = float((body.joints(pose) @ body.axes[2]).min())
    return Pose(root, -height * body.axes[2], rotation, body.shape_space.mean)


def _turn(degrees: dict[str, float]) -> Floats:
    return np.radians([degrees.get(axis, 0.0) for axis in _AXES])


@cache
def _table() -> dict[str, Any]:
    text = (resources.files("mousepose") / "data" / "postures.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)
