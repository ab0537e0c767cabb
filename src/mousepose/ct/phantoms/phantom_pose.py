"""Animals as they lie in a scanner: random size, build and limbs, posed within the joint limits."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mousepose.body.model import BodyModel
from mousepose.geometry import rotation
from mousepose.types import Floats, Pose

#: The body's forward, left and up as RAS directions: superior, left and posterior (dorsal).
_RAS_OF_AXES = np.array([[0.0, 0.0, 1.0], [-1.0, 0.0, 0.0], [0.0, -1.0, 0.0]])
#: Degrees by which the left bones turn about roll, pitch and yaw in a sleeping animal that lies
#: with its limbs tucked, and with its limbs stretched.
_TUCKED = {
    "LEFT_KNEE": (22.0, -36.0, 0.0),
    "LEFT_HIND_PAW": (0.0, 50.0, 0.0),
    "LEFT_ELBOW": (12.0, -10.0, 0.0),
    "LEFT_FORE_PAW": (0.0, -31.0, 0.0),
}
_STRETCHED = {
    "LEFT_KNEE": (24.0, 66.0, 6.0),
    "LEFT_HIND_PAW": (0.0, 2.0, 0.0),
    "LEFT_ELBOW": (12.0, -84.0, -6.0),
    "LEFT_FORE_PAW": (0.0, 40.0, 0.0),
}
#: The head is stretched forward into the nose cone, the tail lies level.
_USUAL = {
    "NECK": (0.0, -2.0, 0.0),
    "NOSE": (0.0, -18.0, 0.0),
    "MID_TAIL": (0.0, 9.0, 0.0),
    "TIP_TAIL": (0.0, 0.0, 0.0),
}
#: SD (degrees) about that, alike on both sides, of single limb bones, and of bones of the midline.
_LIMB_SD, _SIDE_SD, _MIDLINE_SD = 7.0, 5.0, 5.0
#: Bones of the pelvis and shoulder girdle: they hardly move in the trunk.
_GIRDLE, _GIRDLE_SD = ("HIP", "SHOULDER"), (0.0, 4.0)
#: The tail lies level, to either side.
_TAIL_SD = (2.0, 5.0, 10.0)


def animal_shape(body: BodyModel, rng: np.random.Generator) -> Floats:
    """Return shape coefficients (S,) drawn from the body's shape space."""
    return rng.normal(0.0, body.shape_space.sd)


def scan_pose(
    body: BodyModel, shape: Floats, rng: np.random.Generator, *, posed: bool = True
) -> Pose:
    """Return an animal in RAS mm, its nose up along +z: at rest, or lying with limbs at random.

    Left and right differ. Angles stay within 95 % of the body's limits. The origin lies near the
    root; the whole animal is turned by some degrees, as animals lie on a bed.
    """
    rotations = np.zeros((len(body.skeleton.joint_names), 3))
    tilt = np.zeros(3)
    if posed:
        rotations = np.deg2rad(_angles(body, rng))
        low, high = 0.95 * body.limits[..., 0], 0.95 * body.limits[..., 1]
        rotations = np.clip(rotations, low, high)
        tilt = np.deg2rad(rng.normal(0.0, (3.0, 3.0, 4.0)))
    to_ras = _RAS_OF_AXES.T @ body.axes
    root = rotation.log(rotation.exp(tilt) @ to_ras)
    pose = replace(body.rest_pose(), root_rotation=root, root_translation=np.zeros(3))
    return replace(pose, joint_rotation=rotations, shape=shape)


def _angles(body: BodyModel, rng: np.random.Generator) -> Floats:
    """Return roll, pitch and yaw (J, 3) degrees; a mirror turns roll and yaw round, not pitch."""
    names = body.skeleton.joint_names
    stretch = {"hind": rng.uniform(), "fore": rng.uniform()}
    alike = {name: rng.normal(0.0, _LIMB_SD, 3) for name in _TUCKED}
    angles = np.zeros((len(names), 3))
    for j, name in enumerate(names[1:], start=1):
        left = name.replace("RIGHT_", "LEFT_")
        mirror = np.array([-1.0, 1.0, -1.0]) if name != left else np.ones(3)
        if left in _TUCKED:
            share = stretch["hind" if left in ("LEFT_KNEE", "LEFT_HIND_PAW") else "fore"]
            share = np.clip(share + rng.normal(0.0, 0.12), 0.0, 1.0)
            mean = (1 - share) * np.array(_TUCKED[left]) + share * np.array(_STRETCHED[left])
            angles[j] = mirror * (mean + alike[left] + rng.normal(0.0, _SIDE_SD, 3))
        elif left != name or name.startswith("LEFT_"):
            sd = _GIRDLE_SD[[left.endswith(part) for part in _GIRDLE].index(True)]
            angles[j] = rng.normal(0.0, 1.0, 3) * sd
        else:
            spread = np.array(_TAIL_SD if name.endswith("_TAIL") else 3 * (_MIDLINE_SD,))
            angles[j] = np.array(_USUAL.get(name, (0.0, 0.0, 0.0))) + rng.normal(0.0, spread, 3)
    return angles
