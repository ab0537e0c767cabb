"""What mice do: postures drawn from the learned prior, typical ones mixed, and strides; grounded.

A pose here stands on the floor z = 0 with its shoulders above (0, 0) and faces anywhere.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from mousepose.body.model import BodyModel
from mousepose.body.postures import posture
from mousepose.body.prior import PosePrior
from mousepose.geometry import rotation
from mousepose.types import Floats, Pose

#: Postures drawn beside those of the body's table: degrees (roll, pitch, yaw) of its bones.
_CROUCHED = {
    "SPINE_MID": (0, -16, 0), "SPINE_HIP": (0, -30, 0), "ROOT_TAIL": (0, 20, 0),
    "NECK": (0, 4, 0), "NOSE": (0, 12, 0), "LEFT_KNEE": (0, 22, 0), "RIGHT_KNEE": (0, 22, 0),
    "LEFT_HIND_PAW": (0, 20, 0), "RIGHT_HIND_PAW": (0, 20, 0), "LEFT_ELBOW": (0, 12, 0),
    "RIGHT_ELBOW": (0, 12, 0), "LEFT_FORE_PAW": (0, -10, 0), "RIGHT_FORE_PAW": (0, -10, 0),
}  # fmt: skip
_LOAF = _CROUCHED | {
    "SPINE_MID": (0, -27, 0), "SPINE_HIP": (0, -46, 0), "ROOT_TAIL": (0, 42, 0),
    "NECK": (0, 14, 0), "NOSE": (0, 2, 0),
}  # fmt: skip
_OURS = {"crouched": _CROUCHED, "loaf": _LOAF}
#: How often each is drawn, and whether all four paws stand.
_KINDS = {
    "prior": (0.26, True), "walk": (0.16, True), "crouched": (0.14, True), "loaf": (0.1, True),
    "standing": (0.06, True), "walking": (0.06, True), "stretched": (0.06, True), 
    "curled": (0.06, False), "rearing": (0.08, False), "grooming": (0.06, False),
}  # fmt: skip
#: SD of the prior's coordinates, as a factor of what it learned from one animal: alone, and on top
#: of a typical posture.
_WIDE, _ON_TOP = 1.15, 0.55
#: A plane through four paws that is steeper than this (rad) is no stance.
_STEEPEST = 0.6
#: Hind feet are no higher than this above what is lowest, the spine no lower, mm; a posture that
#: does otherwise is drawn again, at most so often.
_FOOT_MM, _TRUNK_MM, _MOST_TRIES = 9.0, 7.0, 8
_TRUNK = ("SPINE_SHOULDER", "SPINE_MID", "SPINE_HIP")
_TAIL = ("ROOT_TAIL", "MID_TAIL", "TIP_TAIL")
_PAWS = ("LEFT_FORE_PAW", "RIGHT_FORE_PAW", "LEFT_HIND_PAW", "RIGHT_HIND_PAW")


@dataclass(frozen=True, eq=False)
class Strides:
    """Poses of walking animals: `root_rotation` (N, 3), `joint_rotation` (N, J, 3), `shape` (N, S).

    The paws are where strides put them on the floor.
    """

    root_rotation: Floats
    joint_rotation: Floats
    shape: Floats

    def __len__(self) -> int:
        return len(self.shape)

    def one(self, index: int) -> Pose:
        """Return one of the poses, its shoulders at (0, 0, 0)."""
        turns = self.joint_rotation[index]
        return Pose(self.root_rotation[index], np.zeros(3), turns, self.shape[index])


class PostureSampler:
    """Draws poses of `body`; `strides` hold walks, without which none are drawn."""

    def __init__(self, body: BodyModel, prior: PosePrior, strides: Strides | None = None) -> None:
        self._body, self._prior, self._strides = body, prior, strides
        self._typical = {
            name: _ours(body, name) if name in _OURS else posture(body, name)
            for name in _KINDS
            if name not in ("prior", "walk")
        }
        self._kinds = [name for name in _KINDS if name != "walk" or strides is not None]
        share = np.array([_KINDS[name][0] for name in self._kinds])
        self._share = share / share.sum()
        names = body.skeleton.joint_names
        self._paws = [names.index(name) for name in _PAWS]
        self._trunk = [names.index(name) for name in _TRUNK]
        self._tail = [names.index(name) for name in _TAIL]
        self._solid = [k for k in range(len(names)) if k not in self._tail[1:]]

    def draw(self, random: np.random.Generator) -> Pose:
        """Return a pose that is level, but not yet lowered onto the floor."""
        kind = str(random.choice(self._kinds, p=self._share))
        shape = self._shape(random)
        if kind == "walk" and self._strides is not None:
            pose = self._strides.one(int(random.integers(len(self._strides))))
            pose = self._with_tail(pose, random, 0.3)
        else:
            for _ in range(_MOST_TRIES):
                pose = self._posture(kind, shape, random)
                if self._stands(pose):
                    break
            pose = self._with_tail(pose, random, 0.85)
        return self._body.mirrored(pose) if random.random() < 0.5 else pose

    def _shape(self, random: np.random.Generator) -> Floats:
        sd = self._body.shape_space.sd
        return np.asarray(np.clip(random.normal(0, 1.2 * sd), -2.5 * sd, 2.5 * sd))

    def _posture(self, kind: str, shape: Floats, random: np.random.Generator) -> Pose:
        free, limits = self._body.free, self._body.limits
        around = self._prior.basis @ random.normal(0, 1, self._prior.basis.shape[-1])
        if kind == "prior":
            turns, root = self._prior.mean + _WIDE * around, np.zeros(3)
        else:
            base = self._typical[kind]
            # part of the way to another posture, so that what lies between is seen too
            other = self._typical[str(random.choice(list(self._typical)))]
            stands = _KINDS[kind][1]
            share = random.beta(1.0, 4.0) if stands else random.beta(1.0, 3.0)
            turns = (1 - share) * base.joint_rotation + share * other.joint_rotation
            root = (1 - share) * base.root_rotation + share * other.root_rotation
            turns = turns + _ON_TOP * around
            root = root + np.radians([6.0, 10.0, 0.0]) * random.normal(size=3) * (not stands)
        turns = np.where(free, np.clip(turns, limits[..., 0], limits[..., 1]), 0)
        pose = Pose(root, np.zeros(3), turns, shape)
        return self._level(pose) if _KINDS[kind][1] else pose

    def _level(self, pose: Pose) -> Pose:
        """Turn a pose so that its four paws stand level, as far as such a plane is a stance."""
        paws = self._body.joints(pose)[self._paws]
        normal = np.linalg.svd(paws - paws.mean(axis=0))[2][2]
        normal = normal if normal[2] > 0 else -normal
        axis = np.cross(normal, [0.0, 0.0, 1.0])
        sine = np.linalg.norm(axis)
        if not 1e-9 < sine < np.sin(_STEEPEST):
            return pose
        turn = rotation.exp(axis / sine * np.arcsin(sine))
        return replace(pose, root_rotation=rotation.log(turn @ rotation.exp(pose.root_rotation)))

    def _stands(self, pose: Pose) -> bool:
        """Return whether the hind feet are below and the body above, as on a floor."""
        height = self._body.joints(pose)[self._solid, 2]
        height = height - height.min()
        feet, trunk = height[self._paws[2:]], height[self._trunk]
        return bool(feet.max() < _FOOT_MM and trunk.min() > _TRUNK_MM)

    def _with_tail(self, pose: Pose, random: np.random.Generator, how_often: float) -> Pose:
        """Lay the tail on the floor, or lift its end, in a loose bow, instead of as it was."""
        if random.random() > how_often:
            return pose
        rotations, joints = self._body.bones(pose)
        height = joints[:, 2] - joints[:, 2].min()
        base, middle, tip = self._tail
        bones = self._body.bone_scale(pose.shape)[:, None] * self._body.bone_vectors
        away = joints[base] - joints[self._body.skeleton.parents[base]]
        heading = np.arctan2(away[1], away[0])
        turns, turned, start = pose.joint_rotation.copy(), rotations[base], height[base]
        lifted = random.random() < 0.25
        bow = random.normal(0, 0.55)
        for bone in (middle, tip):
            length = np.linalg.norm(bones[bone])
            end = random.uniform(2, 45) if lifted else random.uniform(1.5, 4.0)
            fall = np.clip((end - start) / length, -0.85, 0.85)
            heading += np.clip(bow + random.normal(0, 0.25), -1.1, 1.1)
            flat = np.sqrt(1 - fall**2)
            aim = np.array([flat * np.cos(heading), flat * np.sin(heading), fall])
            turns[bone] = _shortest_turn(bones[bone] / length, aim @ turned)
            turned = turned @ rotation.exp(turns[bone])
            start = start + fall * length
        return replace(pose, joint_rotation=turns)


def _shortest_turn(source: Floats, target: Floats) -> Floats:
    """Return the rotation vector that takes one unit vector to another by the shortest way."""
    axis = np.cross(source, target)
    sine, cosine = np.linalg.norm(axis), float(source @ target)
    return np.asarray(axis / max(float(sine), 1e-9) * np.arctan2(sine, cosine))


def _ours(body: BodyModel, name: str) -> Pose:
    pose = body.rest_pose()
    turns = pose.joint_rotation.copy()
    for bone, degrees in _OURS[name].items():
        turns[body.skeleton.index(bone)] = np.radians(degrees)
    return replace(pose, joint_rotation=turns)
