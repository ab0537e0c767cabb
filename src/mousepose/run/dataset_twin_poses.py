"""Half a second of each behaviour of the data set: poses of a mouse on a floor, plainly acted.

Walking and the wheel are the walk of `simulate`. The other behaviours hold a posture of the trunk,
given in degrees here, sway about it, and their legs reach for the floor or for the mouth.
World frame: z up, floor z = 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from mousepose.body.model import BodyModel
from mousepose.geometry import rotation
from mousepose.simulate import walking_mouse
from mousepose.simulate.limbs import reach
from mousepose.types import Floats, Pose

#: Paws stand so far above the floor (mm), fore and hind.
_PAW_HEIGHT = 1.6
#: Trunk bones keep so far above the floor (mm): their flesh is below them.
_CLEARANCE = 7.0
_LEGS = ("LEFT_FORE_PAW", "RIGHT_FORE_PAW", "LEFT_HIND_PAW", "RIGHT_HIND_PAW")
_GIRDLES = ("LEFT_SHOULDER", "RIGHT_SHOULDER", "LEFT_HIP", "RIGHT_HIP")


@dataclass(frozen=True)
class Posture:
    """How a behaviour holds the trunk: `pitch` of the body, `bones` (pitch, yaw) in degrees.

    A positive pitch turns what points forward down. `hips` is their height as a share of a standing
    mouse's. `hands` says where the fore paws are: on the "floor", in the "air", or at the "mouth",
    where they move `hand_mm` up and down `hand_hz` times a second. `sway` degrees is how the trunk
    moves.
    """

    pitch: float = 0.0
    bones: Mapping[str, tuple[float, float]] | None = None
    hips: float = 1.0
    hands: str = "floor"
    hand_mm: float = 0.0
    hand_hz: float = 0.0
    sway: float = 1.5


#: The bones that carry the tail, and how the tail's own bones make up for their pitch.
_RUMP = ("SPINE_MID", "SPINE_HIP")
_TAIL_LIFT = {"ROOT_TAIL": 0.5, "MID_TAIL": 0.6}
#: What a mouse does in the data set's clips; None is the simulated walk.
POSTURES: Mapping[str, Posture | None] = {
    "background": Posture(pitch=-2, bones={"NECK": (-6, 0), "MID_TAIL": (12, 10)}, sway=2.5),
    "drinking": Posture(
        pitch=-24, bones={"SPINE_HIP": (-14, 0), "NECK": (-24, 0), "NOSE": (-22, 0)},
        hips=0.85, hands="air", hand_mm=1.0, hand_hz=5.0, sway=1.0,
    ),
    "eating": Posture(
        pitch=-30, bones={"SPINE_MID": (-22, 0), "SPINE_HIP": (-34, 0), "NECK": (34, 0),
                          "NOSE": (26, 0), "MID_TAIL": (0, 25)},
        hips=0.6, hands="mouth", hand_mm=1.0, hand_hz=4.0,
    ),
    "grooming": Posture(
        pitch=-44, bones={"SPINE_MID": (-26, 0), "SPINE_HIP": (-40, 0), "NECK": (42, 12),
                          "NOSE": (34, 10), "MID_TAIL": (0, -30)},
        hips=0.55, hands="mouth", hand_mm=5.0, hand_hz=6.0, sway=3.0,
    ),
    "sleeping": Posture(
        pitch=6, bones={"SPINE_MID": (-12, -36), "SPINE_HIP": (-22, -42), "NECK": (22, 46),
                        "NOSE": (24, 44), "ROOT_TAIL": (0, -30), "MID_TAIL": (18, -60),
                        "TIP_TAIL": (0, -70)},
        hips=0.45, sway=0.3,
    ),
    "walking": None,
    "wheel running": None,
}  # fmt: skip
_STRIDES = {"walking": (48.0, 2.6), "wheel running": (62.0, 5.5)}
#: The inside of a wheel rises in front of the mouse (degrees).
_WHEEL_SLOPE = -14.0


def act(
    behaviour: str, body: BodyModel, shape: Floats, times: Floats, random: np.random.Generator
) -> Pose:
    """Return poses (T) of an animal `shape` at `times` (T,) s, about (0, 0), heading along x."""
    posture = POSTURES[behaviour]
    if posture is None:
        return _walk(behaviour, body, shape, times, random)
    return _hold(posture, body, shape, times, random)


def placed(pose: Pose, place: Floats, heading: float) -> Pose:
    """Return poses turned by `heading` rad about the origin and moved by `place` (2,) mm."""
    turn = rotation.exp(np.array([0.0, 0.0, heading]))
    root = rotation.log(turn @ rotation.exp(pose.root_rotation))
    moved = pose.root_translation @ turn.T + np.array([*place, 0.0])
    return replace(pose, root_rotation=rotation.unwrap(root), root_translation=moved)


def _walk(
    behaviour: str, body: BodyModel, shape: Floats, times: Floats, random: np.random.Generator
) -> Pose:
    stride, rate = _STRIDES[behaviour]
    size = float(np.exp(body.shape_space.log_scale(shape)[0]))
    walk = walking_mouse(
        body, len(times) / _rate(times), _rate(times),
        stride_length_mm=stride * size * random.uniform(0.85, 1.0),
        strides_per_second=rate * random.uniform(0.9, 1.1),
        turn_radius_mm=1e6 if behaviour == "wheel running" else float(random.uniform(150, 400)),
        shape=shape, seed=int(random.integers(2**31)),
    )  # fmt: skip
    pose = walk.pose
    start = pose.root_translation[0] * [1, 1, 0]
    if behaviour == "walking":
        heading = rotation.exp(pose.root_rotation[0])[:2, 0]
        straight = replace(pose, root_translation=pose.root_translation - start)
        return placed(straight, np.zeros(2), -float(np.arctan2(heading[1], heading[0])))
    # On the wheel the mouse runs in place, up the slope of the wheel.
    way = pose.root_translation - start
    place = np.column_stack([0 * way[:, :2], way[:, 2]])
    slope = rotation.exp(np.array([0.0, np.deg2rad(_WHEEL_SLOPE), 0.0]))
    turned = rotation.log(slope @ rotation.exp(pose.root_rotation))
    lifted = place @ slope.T + [0.0, 0.0, 12.0]
    return replace(pose, root_rotation=rotation.unwrap(turned), root_translation=lifted)


def _hold(
    posture: Posture, body: BodyModel, shape: Floats, times: Floats, random: np.random.Generator
) -> Pose:
    frames = len(times)
    sway = np.deg2rad(posture.sway) * _sways(times, random)
    joint_rotation = np.zeros((frames, len(body.skeleton.joint_names), 3))
    for name, (pitch, yaw) in (posture.bones or {}).items():
        if name in body.skeleton.joint_names:
            jitter = np.array([0.0, *random.normal(0, 3, 2)])
            joint = body.skeleton.index(name)
            joint_rotation[:, joint] = np.deg2rad(np.array([0.0, pitch, yaw]) + jitter)
    behind = (
        np.deg2rad(posture.pitch)
        + joint_rotation[0, [body.skeleton.index(name) for name in _RUMP], 1].sum()
    )
    for name, share in _TAIL_LIFT.items():
        if name in body.skeleton.joint_names:  # the tail lies on the floor however the rump hangs
            joint_rotation[:, body.skeleton.index(name), 1] -= share * behind
    for place, name in enumerate(("NECK", "NOSE", "SPINE_HIP", "MID_TAIL")):
        if name in body.skeleton.joint_names:
            joint_rotation[:, body.skeleton.index(name), 1:] += sway[:, place : place + 2]
    limits = body.limits
    joint_rotation = np.where(body.free, joint_rotation, 0.0)
    joint_rotation = np.clip(joint_rotation, limits[..., 0], limits[..., 1])
    trunk = np.zeros((frames, 3))
    trunk[:, 1] = np.deg2rad(posture.pitch) + 0.5 * sway[:, 0]
    pose = Pose(trunk, np.zeros((frames, 3)), joint_rotation @ body.axes, shape)
    pose = _on_floor(pose, posture, body)
    targets = _targets(pose, posture, body, times)
    return replace(pose, joint_rotation=reach(body, pose, targets))


def _on_floor(pose: Pose, posture: Posture, body: BodyModel) -> Pose:
    """Return the poses with their hips as high as the posture says, no trunk bone in the floor."""
    index = body.skeleton.index
    hips = [index("LEFT_HIP"), index("RIGHT_HIP")]
    standing = replace(body.rest_pose(), shape=pose.shape)
    rest = body.joints(standing)
    floor = rest[[index(name) for name in _LEGS], 2].min()
    wanted = posture.hips * (rest[hips, 2].mean() - floor)
    joints = body.joints(pose)
    rise = wanted - joints[:, hips, 2].mean(axis=1)
    trunk = [index(n) for n in ("SPINE_SHOULDER", "SPINE_MID", "SPINE_HIP", "NOSE", "NECK")]
    lowest = joints[:, trunk, 2].min(axis=1)
    rise = np.maximum(rise, _CLEARANCE - lowest)
    lifted = pose.root_translation + rise[:, None] * np.array([0.0, 0.0, 1.0])
    return replace(pose, root_translation=lifted)


def _targets(pose: Pose, posture: Posture, body: BodyModel, times: Floats) -> Floats:
    """Return where the paws (T, 4, 3) mm reach: under their girdles, or for the mouth."""
    index = body.skeleton.index
    joints = body.joints(pose)
    rest = body.joints(replace(body.rest_pose(), shape=pose.shape))
    girdles, paws = ([index(name) for name in names] for names in (_GIRDLES, _LEGS))
    targets = joints[:, girdles] + (rest[paws] - rest[girdles])
    targets = np.broadcast_to(targets.mean(axis=0), targets.shape).copy()  # standing still
    targets[..., 2] = _PAW_HEIGHT
    if posture.hands == "floor":
        return targets
    phase = 2 * np.pi * posture.hand_hz * times
    lift = posture.hand_mm * np.stack([np.sin(phase), np.sin(phase + 0.5)], axis=1)
    nose = joints[:, index("NOSE")]
    for side, sign in enumerate((1.0, -1.0)):
        if posture.hands == "mouth":
            targets[:, side] = nose + np.array([1.0, 3.5 * sign, -4.0])
        else:
            targets[:, side] = joints[:, girdles[side]] + np.array([12.0, 0.0, -10.0])
        targets[:, side, 2] += lift[:, side]
    return targets


def _sways(times: Floats, random: np.random.Generator) -> Floats:
    """Return smooth motions (T, 5) of variance about 1."""
    frequency, phase = random.uniform(0.3, 1.5, (3, 5)), random.uniform(0, 2 * np.pi, (3, 5))
    waves = np.sin(2 * np.pi * frequency * times[:, None, None] + phase)
    return np.asarray(waves.sum(axis=1) / 1.22)


def _rate(times: Floats) -> float:
    return float(1 / (times[1] - times[0]))
