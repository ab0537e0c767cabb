"""A posed skin brought back to rest: linear blend skinning, inverted vertex by vertex."""

from __future__ import annotations

import numpy as np

from mousepose.body.model import BodyModel
from mousepose.errors import ModelError
from mousepose.types import Floats, Pose

#: A blend that squeezes space to less than this share along some way is folded; more folded
#: vertices than this share, and the pose itself is wrong.
_LEAST_STRETCH, _MOST_FOLDED = 0.25, 0.05


def unpose(body: BodyModel, pose: Pose, posed: Floats) -> Floats:
    """Return the rest vertices (V, 3) mm that the body's skinning carries to `posed` (V, 3) mm.

    What the pose does to the body's skin, its bone lengths and bulges too, is undone: what is left
    is how this animal differs. Where bones turn against each other so far that the skin folds,
    there is no way back, and a vertex keeps only what lies along the ways that are left. Raises
    `ModelError` for a body without a skin, for another number of vertices, and for a pose that
    folds more than a twentieth of the skin.
    """
    mesh = body.mesh
    if mesh is None:
        raise ModelError(f"body {body.name!r} has no skin that could be brought to rest")
    if posed.shape != mesh.vertices.shape:
        raise ModelError(f"expected the {mesh.vertices.shape} skin, got {posed.shape}")
    linear = np.tensordot(mesh.weights, body.bone_transforms(pose)[:, :, :3], 1)  # (V, 3, 3)
    left, stretch, right = np.linalg.svd(linear)
    flipped = np.linalg.det(left @ right) < 0
    folded = flipped | (stretch[:, -1] < _LEAST_STRETCH)
    if folded.mean() > _MOST_FOLDED:
        raise ModelError(
            f"{int(folded.sum())} of {len(folded)} vertices lie where the pose turns neighbouring "
            "bones against each other so far that the skin folds; check the joints of this scan"
        )
    left[flipped, :, -1] *= -1
    away = np.einsum("vji,vj->vi", left, posed - body.vertices(pose))
    back = np.einsum("vji,vj->vi", right, away / np.maximum(stretch, _LEAST_STRETCH))
    return np.asarray(mesh.vertices + back)
