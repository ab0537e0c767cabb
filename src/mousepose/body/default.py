"""The mouse that comes with the package: joints of `data/body.toml`, skin of `data/skin.npz`."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib import resources
from typing import Any

import numpy as np

from mousepose.body.body_file import load_skin
from mousepose.body.keypoint_map import load_keypoint_map
from mousepose.body.mesh import Mesh
from mousepose.body.model import BodyModel, Marks
from mousepose.body.shape import ShapeSpace
from mousepose.errors import ModelError
from mousepose.skeleton import MOUSE_SKELETON, Skeleton, mirrored_name
from mousepose.types import Floats

_AXES = ("roll_deg", "pitch_deg", "yaw_deg")  # about x, y, z
_MIRROR = np.array([1.0, -1.0, 1.0])  # y is left


def default_body() -> BodyModel:
    """Return our own adult mouse of about 25 g, standing: x forward, y left, z up, floor z = 0.

    `data/body.toml` holds every figure with its source; the skin is built by
    `tools/build_default_skin.py`, whose sources its file names.
    """
    text = (resources.files("mousepose") / "data" / "body.toml").read_text(encoding="utf-8")
    return body_from_table(tomllib.loads(text)).with_mesh(_skin())


@cache
def _skin() -> Mesh | None:
    """Return the skin that ships, None while it is being built."""
    with resources.as_file(resources.files("mousepose") / "data" / "skin.npz") as path:
        return load_skin(path) if path.is_file() else None


def body_from_table(table: dict[str, Any]) -> BodyModel:
    """Return the body that a table like `data/body.toml` describes, its right side mirrored.

    Raises `ModelError` for a bone that is missing, unknown or given for the right side.
    """
    skeleton = MOUSE_SKELETON
    bones = table["bones"]
    given = {name for name in skeleton.joint_names[1:] if not name.startswith("RIGHT_")}
    if bones.keys() != given:
        wrong = ", ".join(sorted(bones.keys() ^ given))
        raise ModelError(f"body table: expected each midline and left bone once; see {wrong}")
    limits = _limits(bones, skeleton)
    body = BodyModel(
        name=table["name"],
        skeleton=skeleton,
        rest=_rest(table["root"]["rest_mm"], bones, skeleton),
        free=limits[..., 1] > limits[..., 0],
        limits=limits,
        keypoints=Marks.of_joints(skeleton),
        shape_space=_shape_space(table["shape"], skeleton),
        source=table["source"],
    )
    return body.with_keypoints(load_keypoint_map("dataset22").marks(body))


def _left(name: str) -> tuple[str, bool]:
    """Return under which name a bone stands in the table, and whether it is mirrored."""
    right = name.startswith("RIGHT_")
    return (mirrored_name(name) if right else name), right


def _rest(root: list[float], bones: dict[str, Any], skeleton: Skeleton) -> Floats:
    rest = np.zeros((len(skeleton.joint_names), 3))
    rest[0] = root
    for j, (name, parent) in enumerate(zip(skeleton.joint_names, skeleton.parents, strict=True)):
        if parent < 0:
            continue
        given, mirrored = _left(name)
        direction = np.array(bones[given]["direction"], np.float64)
        bone = bones[given]["length_mm"] * direction / np.linalg.norm(direction)
        rest[j] = rest[parent] + (bone * _MIRROR if mirrored else bone)
    return rest


def _limits(bones: dict[str, Any], skeleton: Skeleton) -> Floats:
    """Return the limits (J, 3, 2) rad; an axis that is not given is [0, 0]."""
    limits = np.zeros((len(skeleton.joint_names), 3, 2))
    for j, name in enumerate(skeleton.joint_names[1:], start=1):
        given, mirrored = _left(name)
        for axis, key in enumerate(_AXES):
            low, high = np.deg2rad(bones[given].get(key, (0, 0)))
            flips = mirrored and axis != 1  # a mirror turns roll and yaw round, not pitch
            limits[j, axis] = (-high, -low) if flips else (low, high)
    return limits + 0.0  # no minus before zero


def _shape_space(coefficients: list[dict[str, Any]], skeleton: Skeleton) -> ShapeSpace:
    basis = np.zeros((len(coefficients), len(skeleton.joint_names)))
    for row, entry in zip(basis, coefficients, strict=True):
        if entry["bones"] == "all":
            row[:] = 1  # the root too: its factor scales what rides on it
            continue
        for name in entry["bones"]:
            row[[skeleton.index(name), skeleton.index(mirrored_name(name))]] = 1
    return ShapeSpace(
        names=tuple(entry["name"] for entry in coefficients),
        basis=basis,
        sd=np.array([entry["log_sd"] for entry in coefficients], np.float64),
        source="; ".join(f"{entry['name']}: {entry['source']}" for entry in coefficients),
    )
