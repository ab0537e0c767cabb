"""Where learning begins: rest poses laid on the trunk's marks, and whether the marks can be right.

A mark on the shoulders' end of the spine, one at the base of the tail and one pair of marks left
and right give every pose its place and direction.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mousepose.body.model import BodyModel, Marks
from mousepose.errors import InputError
from mousepose.fit.arrays import PoseArrays
from mousepose.fit.learn import mark_partners
from mousepose.geometry import rotation
from mousepose.types import Floats, Ints

#: Bones whose marks may show where the body is, the best first, and where it ends.
_FRONT = ("SPINE_SHOULDER", "SPINE_MID", "NECK")
_BACK = ("ROOT_TAIL", "SPINE_HIP")
_HEAD = ("NOSE",)
#: Bones whose marks show where left is: the first of each row that has any.
_SIDES = (("LEFT_SHOULDER", "LEFT_ELBOW"), ("LEFT_HIP", "LEFT_KNEE"))
_LIMBS = {
    "left fore limb": "LEFT_FORE_PAW", "right fore limb": "RIGHT_FORE_PAW",
    "left hind limb": "LEFT_HIND_PAW", "right hind limb": "RIGHT_HIND_PAW",
}  # fmt: skip
#: mm; shorter distances between marks say too little of a body's size.
_LEAST_DISTANCE = 5.0


@dataclass(frozen=True, eq=False)
class Landmarks:
    """Which marks tell how a pose lies: `front`, `back`, `nose`, and the pairs `left`, `right`.

    `paws` are the marks on the four paws' bones.
    """

    front: int
    back: int
    nose: int
    left: Ints
    right: Ints
    paws: Ints

    @classmethod
    def of(cls, body: BodyModel, marks: Marks) -> Landmarks:
        """Return the landmarks among some marks. Raises `InputError` where one is missing."""
        bones = [body.skeleton.joint_names[bone] for bone in marks.bone]
        lacking = [
            f"{limb} ({', '.join(sorted({paw, _above(body, paw)}))})"
            for limb, paw in _LIMBS.items()
            if paw not in bones
        ]
        partner, paired = mark_partners(body, marks)
        left = _pairs(bones, paired & (partner != np.arange(len(marks))))
        for name, wanted in (("the front of the spine", _FRONT), ("the tail's base", _BACK)):
            if not set(wanted) & set(bones):
                lacking.append(f"{name} ({' or '.join(wanted)})")
        if "NOSE" not in bones:
            lacking.append("the head (NOSE)")
        if not left:
            lacking.append("a pair of shoulders, elbows, hips or knees")
        if lacking:
            raise InputError(
                f"the keypoints that the map knows mark nothing on {'; '.join(lacking)}: a prior "
                "of how a whole mouse bends needs marks on its trunk and on every limb. Give a "
                "keypoint map that names them (mousepose keypoints --help), or record them"
            )
        paws = [i for i, bone in enumerate(bones) if bone in _LIMBS.values()]
        front, back, nose = (_nearest(body, marks, b, names) for b, names in (
            (bones, _FRONT), (bones, _BACK), (bones, _HEAD)))  # fmt: skip
        return cls(front, back, nose, np.array(left), partner[left], np.array(paws))

    def forward(self, xyz: Floats) -> Floats:
        """Return the direction (T, 3) from the tail's base to the front of the spine."""
        return np.asarray(xyz[:, self.front] - xyz[:, self.back])

    def leftward(self, xyz: Floats) -> Floats:
        """Return the mean way (T, 3) from right to left marks, NaN where no pair is known."""
        across = xyz[:, self.left] - xyz[:, self.right]
        known = np.asarray(np.isfinite(across).all(axis=-1))
        total = np.where(known[..., None], across, 0.0).sum(axis=1)
        count = known.sum(axis=1)
        return np.where(count[:, None] > 0, total / np.maximum(count, 1)[:, None], np.nan)

    def length(self, xyz: Floats) -> Floats:
        """Return the straight distance (T,) from snout to tail base."""
        return np.asarray(np.linalg.norm(xyz[:, self.nose] - xyz[:, self.back], axis=1))

    def usable(self, xyz: Floats) -> NDArray[np.bool_]:
        """Return the poses (T,) that can be laid on their trunk's marks."""
        forward, left = self.forward(xyz), self.leftward(xyz)
        across = np.linalg.norm(np.cross(forward, left), axis=-1)
        return np.asarray(np.isfinite(across) & (across > 0))

    def upside_down(self, xyz: Floats) -> NDArray[np.bool_]:
        """Return the poses (T,) whose paws lie on the back: left and right are swapped there."""
        up = np.cross(self.forward(xyz), self.leftward(xyz))
        paws = xyz[:, self.paws]
        known = np.asarray(np.isfinite(paws).all(axis=-1))
        middle = np.where(known[..., None], paws, 0.0).sum(1) / np.maximum(known.sum(1), 1)[:, None]
        trunk = (xyz[:, self.front] + xyz[:, self.back]) / 2
        return np.asarray(known.any(axis=1) & (((trunk - middle) * up).sum(-1) < 0))


def start_poses(body: BodyModel, landmarks: Landmarks, xyz: Floats) -> PoseArrays:
    """Return rest poses laid on the trunks of marks `xyz` (T, M, 3), all of them usable."""
    forward, left = landmarks.forward(xyz), landmarks.leftward(xyz)
    x = forward / np.linalg.norm(forward, axis=1, keepdims=True)
    y = left - (left * x).sum(1, keepdims=True) * x
    y /= np.linalg.norm(y, axis=1, keepdims=True)
    world = np.stack([x, y, np.cross(x, y)], 2)
    turn = rotation.exp(rotation.log(world @ body.axes))
    place = xyz[:, landmarks.front].copy()
    return PoseArrays(turn, place, np.zeros((len(xyz), int(body.free.sum()))))


def relative_size(body: BodyModel, marks: Marks, xyz: Floats) -> float:
    """Return how many times larger than the body the animal is, NaN where nothing tells.

    The median over pairs of marks on one bone or on neighbouring ones, whose distance changes
    little as the animal bends.
    """
    parents = np.array(body.skeleton.parents)
    bone = marks.bone
    near = (bone[:, None] == bone) | (parents[bone][:, None] == bone)
    rest = body.rest[bone] + marks.offset
    usual = np.linalg.norm(rest[:, None] - rest, axis=-1)
    one, other = np.nonzero(near & (usual > _LEAST_DISTANCE))
    distance = np.linalg.norm(xyz[:, one] - xyz[:, other], axis=-1)
    known = np.isfinite(distance).any(axis=0)
    if not known.any():
        return float("nan")
    ratio = np.nanmedian(distance[:, known], axis=0) / usual[one, other][known]
    return float(np.median(ratio))


def _nearest(body: BodyModel, marks: Marks, bones: list[str], wanted: tuple[str, ...]) -> int:
    """Return the mark nearest to the joint that the first of the `wanted` bones ends at."""
    rows = [i for i, bone in enumerate(bones) if bone in wanted]
    first = body.rest[body.skeleton.index(wanted[0])]
    at = body.rest[marks.bone[rows]] + marks.offset[rows]
    return rows[int(np.linalg.norm(at - first, axis=1).argmin())]


def _pairs(bones: list[str], paired: NDArray[np.bool_]) -> list[int]:
    """Return the left marks that show where left is, those that have a partner."""
    found = []
    for row in _SIDES:
        for name in row:
            rows = [i for i, bone in enumerate(bones) if bone == name and paired[i]]
            found += rows[:1]
            if rows:
                break
    return found


def _above(body: BodyModel, joint: str) -> str:
    names = body.skeleton.joint_names
    return names[body.skeleton.parents[names.index(joint)]]
