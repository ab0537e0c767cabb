"""Which part of the animal every voxel belongs to, also where a limb lies on the belly.

Skin that touches skin is one in a scan. The laid body tells them apart: a voxel belongs to the bone
on which the nearest of its bones or its skin hangs.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from mousepose.ct.registration.register_body import BodyRegistration
from mousepose.ct.segmentation.segment_types import Segmentation
from mousepose.errors import InputError
from mousepose.types import Floats, Ints

#: Names of the parts, in the order of their labels from 1 on.
PARTS = (
    "trunk and head", "left hind limb", "right hind limb", "left fore limb", "right fore limb",
    "tail",
)  # fmt: skip
_BONES = {
    "KNEE": "hind limb",
    "HIND_PAW": "hind limb",
    "ELBOW": "fore limb",
    "FORE_PAW": "fore limb",
}
_TAIL = ("MID_TAIL", "TIP_TAIL")
#: Points along every bone beside the skin: deep inside a thigh the belly's skin may be as near.
_STEP_MM = 0.5


def label_parts(found: Segmentation, laid: BodyRegistration) -> NDArray[np.uint8]:
    """Return the part (X, Y, Z) of every voxel: 0 is not the animal, k is `PARTS[k - 1]`.

    Raises `InputError` for a body without a skin.
    """
    mesh = laid.body.mesh
    if mesh is None:
        raise InputError(f"body {laid.body.name!r} has no skin that could tell parts")
    names = laid.body.skeleton.joint_names
    part = np.array([_part(name) for name in names], np.uint8)
    along, bone = _bone_points(laid)
    points = np.concatenate([laid.vertices, along])
    labels = np.concatenate([part[mesh.weights.argmax(axis=1)], part[bone]])
    voxels = np.argwhere(found.body)
    nearest = cKDTree(points).query(found.volume.to_world(voxels))[1]
    volume = np.zeros(found.body.shape, np.uint8)
    volume[tuple(voxels.T)] = labels[nearest]
    return volume


def part_volumes(labels: NDArray[np.uint8], found: Segmentation) -> dict[str, float]:
    """Return the volume (ml) of every part."""
    counts = np.bincount(labels.ravel(), minlength=len(PARTS) + 1)[1:]
    voxel_ml = float(found.volume.spacing.prod()) / 1000
    return dict(zip(PARTS, (counts * voxel_ml).tolist(), strict=True))


def _part(joint: str) -> int:
    side, _, place = joint.partition("_")
    if joint in _TAIL:
        return 1 + PARTS.index("tail")
    if place in _BONES:
        return 1 + PARTS.index(f"{side.lower()} {_BONES[place]}")
    return 1


def _bone_points(laid: BodyRegistration) -> tuple[Floats, Ints]:
    """Return points (P, 3) along the laid body's bones, and the bone (P,) of each."""
    joints = laid.body.joints(laid.pose)
    points, bones = [], []
    for joint, parent in enumerate(laid.body.skeleton.parents[1:], start=1):
        length = float(np.linalg.norm(joints[joint] - joints[parent]))
        share = np.linspace(0, 1, max(int(length / _STEP_MM), 2))[:, None]
        points.append(joints[parent] + share * (joints[joint] - joints[parent]))
        bones.append(np.full(len(share), joint))
    return np.concatenate(points), np.concatenate(bones)
