"""A plain mouse of capsules around the bones of a body, for tests of what goes on with skins."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from mousepose.body.default import default_body
from mousepose.body.mesh import Mesh
from mousepose.body.model import BodyModel
from mousepose.ct.statistics.rig import skin_weights
from mousepose.ct.types import Surface
from mousepose.types import Floats, Pose

_RADIUS = {"SPINE_MID": 8.0, "SPINE_HIP": 8.0, "NECK": 6.0, "NOSE": 4.0, "TAIL": 2.0, "PAW": 2.0}


def capsules(body: BodyModel, pose: Pose, step: float, thicker: float = 1.0) -> Surface:
    """The skin of a body in a pose: thick along the spine, thin along limbs and tail."""
    measure = pytest.importorskip("skimage.measure", reason="surfaces need scikit-image")
    joints = body.joints(pose)
    low, high = joints.min(axis=0) - 12, joints.max(axis=0) + 12
    axes = [np.arange(a, b + step, step) for a, b in zip(low, high, strict=True)]
    grid = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
    field = np.zeros(grid.shape[:3])
    for joint, parent in enumerate(body.skeleton.parents):
        if parent < 0:
            continue
        name = body.skeleton.joint_names[joint]
        radius = thicker * next((r for key, r in _RADIUS.items() if key in name), 3.0)
        way = joints[joint] - joints[parent]
        arm = grid - joints[parent]
        along = np.clip((arm @ way) / (way @ way), 0, 1)
        distance = np.linalg.norm(arm - along[..., None] * way, axis=-1)
        field += np.exp(-(distance - radius) / 0.7)
    vertices, faces, _, _ = measure.marching_cubes(-np.log(field + 1e-30), 0.0)
    surface = Surface(vertices.astype(np.float64) * step + low, faces.astype(np.int64))
    corners = surface.vertices[surface.faces]
    volume = np.einsum("fi,fi->", corners[:, 0], np.cross(corners[:, 1], corners[:, 2]))
    return surface if volume > 0 else Surface(surface.vertices, surface.faces[:, ::-1].copy())


@cache
def capsule_mouse(step: float = 1.5) -> BodyModel:
    """The default body at rest in such a skin, with weights of its own."""
    body = default_body().with_mesh(None)
    skin = capsules(body, body.rest_pose(), step)
    return body.with_mesh(Mesh(skin.vertices, skin.faces, skin_weights(skin, body)))


def turned(body: BodyModel, **degrees: tuple[float, float, float]) -> Floats:
    """Rotation vectors (J, 3) of a few bones, the others at rest."""
    rotations = np.zeros((len(body.rest), 3))
    for name, angles in degrees.items():
        rotations[body.skeleton.index(name)] = np.deg2rad(angles)
    return rotations
