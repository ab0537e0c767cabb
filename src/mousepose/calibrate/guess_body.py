"""What a usual mouse looks like to a floor: where its marks lie, how high, how far they wander."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mousepose.errors import InputError
from mousepose.fit.setup import BODY_ENDS, PAW_HEIGHT, Animal, Setup
from mousepose.geometry import rotation
from mousepose.types import Floats

#: Fewer marks of the trunk and the head than this show no shape.
_LEAST_MARKS = 3
#: The tail goes its own ways.
_LEFT_OUT = ("MID_TAIL", "TIP_TAIL")
_SIDES = ("LEFT", "RIGHT")
_LEGS = ("KNEE", "PAW", "ELBOW")
#: mm that marks wander from their mean place on a mouse: on trunk and head, and on the legs.
_TRUNK_SIGMA, _LEG_SIGMA = 5.0, 8.0
#: mm from the joint; a mark farther off is not at the end of the animal.
_AT_END = 8.0


@dataclass(frozen=True, eq=False)
class Silhouette:
    """Marks of a usual mouse standing on a floor, for the `columns` (K,) of a file that it knows.

    `place` (K, 2) mm is forward and left, `height` (K,) mm above the floor and `sigma` (K,) mm how
    far a mark wanders. `ends` are the marks on the snout and on the tail base, if there are both:
    the way between them is the length of the animal, else the extent of all marks stands for it.
    """

    columns: NDArray[np.int64]
    place: Floats
    height: Floats
    sigma: Floats
    ends: tuple[int, ...]


def silhouette(setup: Setup, names: Sequence[str]) -> Silhouette:
    """Return the silhouette of the animal that `setup` assumes, for a file's keypoint `names`.

    Raises `InputError` where the file has too few keypoints that the map knows.
    """
    body, found = setup.body, setup.keypoint_map.select(names)
    kept = [i for i, bone in enumerate(found.map.bones) if bone not in _LEFT_OUT]
    if len(kept) < _LEAST_MARKS:
        raise InputError(
            f"the keypoint map knows {len(kept)} keypoints of head, trunk and legs in the file, at "
            f"least {_LEAST_MARKS} are needed; the file has {', '.join(names)}, the map "
            f"{', '.join(setup.keypoint_map.names)}"
        )
    animal = Animal.typical(setup)
    pose = replace(body.rest_pose(), joint_rotation=animal.mean, shape=animal.shape)
    joints = body.joints(pose) @ body.axes.T
    fore, hind = (
        np.mean([joints[body.skeleton.index(f"{side}_{paw}")] for side in _SIDES], axis=0)
        for paw in ("FORE_PAW", "HIND_PAW")
    )
    rise = fore - hind
    level = rotation.exp([0.0, np.arctan2(rise[2], rise[0]), 0.0])
    marks = body.marks(pose, found.map.marks(body)) @ body.axes.T @ level.T
    # The mean of postures is straighter than postures are on average.
    usual = setup.prior.typical_length / _straight(setup)
    floor = float((level @ hind)[2]) - PAW_HEIGHT
    bones = [found.map.bones[i] for i in kept]
    near = np.linalg.norm(found.map.offset[kept], axis=1)
    ends = [
        [i for i in np.argsort(near).tolist() if bones[i] == end and near[i] < _AT_END][:1]
        for end in BODY_ENDS
    ]
    return Silhouette(
        columns=np.array(found.columns)[kept],
        place=usual * marks[kept, :2],
        height=marks[kept, 2] - floor,
        sigma=np.array([_LEG_SIGMA if b.endswith(_LEGS) else _TRUNK_SIGMA for b in bones]),
        ends=(ends[0][0], ends[1][0]) if all(ends) else (),
    )


def _straight(setup: Setup) -> float:
    """Return the length (mm) from snout to tail base of the prior's mean mouse."""
    body, prior = setup.body, setup.prior
    shape = np.array(prior.shape) if len(prior.shape) else body.shape_space.mean
    joints = body.joints(replace(body.rest_pose(), joint_rotation=prior.mean, shape=shape))
    nose, tail = (joints[body.skeleton.index(name)] for name in BODY_ENDS)
    return float(np.linalg.norm(nose - tail))
