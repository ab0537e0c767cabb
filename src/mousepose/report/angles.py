"""Joint angles a reader of gait papers expects, with their standard deviation."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from mousepose.body.model import BodyModel
from mousepose.geometry import rotation
from mousepose.types import Floats, PoseSequence

#: Step (rad) of the central difference; its error is about the square of it.
_STEP = 1e-4

#: Joint -> the two bones (named by the joint where they end) and whether the angle is the inner
#: one (180 degrees where the second bone goes on in the direction of the first).
_BONES: Mapping[str, tuple[str, str, bool]] = {
    "knee": ("{side}_KNEE", "{side}_HIND_PAW", True),
    "hip": ("SPINE_HIP", "{side}_KNEE", True),
    "elbow": ("{side}_ELBOW", "{side}_FORE_PAW", True),
    "shoulder": ("SPINE_MID", "{side}_ELBOW", False),
    "spine": ("SPINE_MID", "SPINE_HIP", True),
}
#: What each angle is, in words.
MEANING = {
    "knee": "thigh to shank, 180° = straight",
    "hip": "thigh to trunk",
    "elbow": "upper to lower arm, 180° = straight",
    "shoulder": "upper arm to trunk",
    "spine": "front to hind trunk, 180° = straight",
}


@dataclass(frozen=True, eq=False)
class JointAngles:
    """Angles by name ("left knee", ..., "spine"): `degrees` and `sd` (T,) degrees of each."""

    degrees: Mapping[str, Floats]
    sd: Mapping[str, Floats]


def joint_angles(body: BodyModel, sequence: PoseSequence) -> JointAngles:
    """Return knee, hip, elbow and shoulder of both sides and the spine, in degrees.

    The standard deviation follows to first order from `sequence.rotation_sd`, whose components are
    taken as independent.
    """
    degrees, sd = {}, {}
    for joint, (first, second, inner) in _BONES.items():
        for side in ("LEFT", "RIGHT") if "{side}" in second else ("",):
            name = f"{side.lower()} {joint}".strip()
            bones = first.format(side=side), second.format(side=side)
            degrees[name], sd[name] = _angle(body, sequence, bones, inner)
    return JointAngles(degrees, sd)


def _angle(
    body: BodyModel, sequence: PoseSequence, bones: tuple[str, str], inner: bool
) -> tuple[Floats, Floats]:
    """Return the angle (T,) and its standard deviation (T,), both in degrees."""
    ends = [body.skeleton.index(name) for name in bones]
    paths = [body.skeleton.path(end) for end in ends]
    shared = set(paths[0]) & set(paths[1])  # their turns move both bones alike
    paths = [[joint for joint in path if joint not in shared] for path in paths]
    turns = sequence.pose.joint_rotation
    angle = _between(*(_direction(body, turns, end, p) for end, p in zip(ends, paths, strict=True)))
    variance = np.zeros_like(angle)
    for joint, axis in itertools.product(itertools.chain(*paths), range(3)):
        step = np.zeros_like(turns[:1])
        step[0, joint, axis] = _STEP
        high, low = (
            _between(*(_direction(body, moved, e, p) for e, p in zip(ends, paths, strict=True)))
            for moved in (turns + step, turns - step)
        )
        slope = (high - low) / (2 * _STEP)
        variance += (slope * sequence.rotation_sd[:, joint, axis]) ** 2
    return np.rad2deg(np.pi - angle if inner else angle), np.rad2deg(np.sqrt(variance))


def _direction(body: BodyModel, turns: Floats, bone: int, path: list[int]) -> Floats:
    """Return the direction (T, 3) of a bone in the frame in which its `path` of joints begins."""
    vector = np.broadcast_to(body.bone_vectors[bone], (len(turns), 3))
    for joint in reversed(path):
        vector = (rotation.exp(turns[:, joint]) @ vector[..., None])[..., 0]
    return vector


def _between(one: Floats, other: Floats) -> Floats:
    """Return the angle (T,) rad between vectors (T, 3), exact near 0 and pi too."""
    across = np.linalg.norm(np.cross(one, other), axis=-1)
    return np.asarray(np.arctan2(across, (one * other).sum(axis=-1)))
