"""Every voxel of the animal is given to the part that it belongs to, also where parts touch."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ct.skins import capsule_mouse, turned
from mousepose.ct.registration.parts import PARTS, label_parts, part_volumes
from mousepose.ct.registration.register_body import BodyRegistration
from mousepose.ct.segmentation.segment_levels import Levels
from mousepose.ct.segmentation.segment_types import Segmentation
from mousepose.ct.types import Volume
from mousepose.errors import InputError
from mousepose.types import Floats

STEP = 0.7
#: The thigh lies along the flank, the forearm under the chest.
TUCKED = {"LEFT_KNEE": (25.0, 25.0, 0.0), "RIGHT_ELBOW": (0.0, -40.0, 0.0)}


def laid_and_found() -> tuple[BodyRegistration, Segmentation, Floats]:
    """A posed mouse, its voxels, and the bone that is nearest to each voxel of the animal."""
    body = capsule_mouse()
    pose = replace(body.rest_pose(), joint_rotation=turned(body, **TUCKED))
    vertices, joints = body.vertices(pose), body.joints(pose)
    low = vertices.min(axis=0) - 2
    shape = np.ceil((vertices.max(axis=0) + 2 - low) / STEP).astype(int)
    matrix = np.diag([STEP, STEP, STEP, 1.0])
    matrix[:3, 3] = low
    volume = Volume(np.zeros(tuple(shape), np.int16), matrix)
    voxels = np.argwhere(np.ones(tuple(shape), bool))
    points = volume.to_world(voxels)
    distance = np.full((len(points), len(joints)), np.inf)
    for joint, parent in enumerate(body.skeleton.parents[1:], start=1):
        way = joints[joint] - joints[parent]
        along = np.clip((points - joints[parent]) @ way / (way @ way), 0, 1)
        distance[:, joint] = np.linalg.norm(points - joints[parent] - along[:, None] * way, axis=1)
    inside = distance.min(axis=1) < 2.5
    mask = inside.reshape(tuple(shape))
    found = Segmentation(
        volume, mask, mask, np.zeros_like(mask), Levels(0, 1, 0.5, 2, 0.1), None,
        np.array([0.0, 0, 1]), np.array([0.0, 1, 0]), (),
    )  # fmt: skip
    count = len(vertices)
    laid = BodyRegistration(
        body, pose, pose.shape, np.ones(len(joints)), vertices, vertices, np.zeros(count),
        np.ones(count), np.zeros(len(joints)), np.ones(len(joints)), np.ones(len(joints)),
    )  # fmt: skip
    return laid, found, distance[inside].argmin(axis=1)


def test_voxels_along_a_limb_are_that_limb() -> None:
    laid, found, nearest = laid_and_found()
    labels = label_parts(found, laid)
    assert ((labels > 0) == found.body).all()
    names = laid.body.skeleton.joint_names
    for bone, part in (
        ("LEFT_HIND_PAW", "left hind limb"), ("RIGHT_HIND_PAW", "right hind limb"),
        ("LEFT_FORE_PAW", "left fore limb"), ("RIGHT_FORE_PAW", "right fore limb"),
        ("TIP_TAIL", "tail"), ("SPINE_HIP", "trunk and head"),
    ):  # fmt: skip
        own = labels[found.body][nearest == names.index(bone)]
        assert (own == 1 + PARTS.index(part)).mean() > 0.9, part


def test_volumes_add_up_to_the_animal() -> None:
    laid, found, _ = laid_and_found()
    volumes = part_volumes(label_parts(found, laid), found)
    assert sum(volumes.values()) == pytest.approx(found.body_ml)
    assert volumes["trunk and head"] > volumes["left hind limb"] > 0


def test_a_body_without_a_skin_is_told() -> None:
    laid, found, _ = laid_and_found()
    bare = replace(laid, body=laid.body.with_mesh(None))
    with pytest.raises(InputError, match="no skin"):
        label_parts(found, bare)
