"""How flesh gives way to posture, learned from skins of known poses.

Linear blend skinning thins a body at its bends. Here skins in many poses say where the flesh truly
is; how it differs from the blended skin is carried back to rest and explained by the joint
rotations: ridge regression of reduced rank (Izenman 1975), of which the first directions are kept.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import sparse

from mousepose.body.mesh import Mesh
from mousepose.body.model import BodyModel
from mousepose.ct.surfaces.surface_smooth import neighbours_mean
from mousepose.errors import InputError
from mousepose.geometry.triangles import vertex_normals
from mousepose.types import Floats, Ints, Pose

#: The distance (P,) mm of points (P, 3) from the skin of an animal in a pose, negative inside.
SkinDistance = Callable[[Floats], Floats]

#: mm; what lies farther along a normal is another part of the animal.
_REACH = 4.0
_STEPS = 8
#: rad^2 per pose; against directions in which the poses hardly differ.
_RIDGE = 0.01
_SMOOTHINGS = 6


@dataclass(frozen=True, eq=False)
class LearnedBulges:
    """A skin whose flesh gives way, and how far it is from the true one (mm, means).

    `before` and `after` are of poses from which nothing was learned.
    """

    mesh: Mesh
    before: float
    after: float


def learn_bulges(
    body: BodyModel, poses: Sequence[Pose], skins: Sequence[SkinDistance], count: int, held_out: int
) -> LearnedBulges:
    """Return the body's skin with `count` bulges learned from its true skin in some poses.

    The last `held_out` poses only judge. Raises `InputError` for a body without a skin and for too
    few poses.
    """
    if body.mesh is None:
        raise InputError(f"body {body.name!r} has no skin whose flesh could be learned")
    if not 0 < held_out < len(poses) - count or len(poses) != len(skins):
        raise InputError(
            f"{count} bulges of {len(poses)} poses and {len(skins)} skins, {held_out} of them held "
            "out: give a skin for every pose, and more poses than bulges"
        )
    none = np.zeros((0, 0, 3))
    plain = body.with_mesh(replace(body.mesh, bulges=none, drivers=none))
    seen = range(len(poses) - held_out)
    turns = np.stack([poses[i].joint_rotation for i in seen])
    moves = np.stack([moved_to_skin(plain, poses[i], skins[i]) for i in seen])
    bulges, drivers = _reduced_rank(turns, moves, count)
    fleshed = replace(body.mesh, bulges=bulges, drivers=drivers)
    judged = range(len(poses) - held_out, len(poses))
    before, after = (
        float(np.mean([np.abs(skins[i](model.vertices(poses[i]))).mean() for i in judged]))
        for model in (plain, body.with_mesh(fleshed))
    )
    return LearnedBulges(fleshed, before, after)


def moved_to_skin(body: BodyModel, pose: Pose, skin: SkinDistance) -> Floats:
    """Return how the rest vertices (V, 3) mm must move for the posed skin to lie on `skin`.

    Every vertex goes along its posed normal, smoothed over its neighbours; where the true skin is
    not within 4 mm it stays. Raises `InputError` for a body without a skin.
    """
    mesh = body.mesh
    if mesh is None:
        raise InputError(f"body {body.name!r} has no skin to move")
    posed = body.vertices(pose)
    normals = vertex_normals(posed, mesh.faces)
    far = _along(posed, normals, skin)
    average = averaging(mesh.faces, len(far))
    for _ in range(_SMOOTHINGS):
        far = average @ far
    linear = body.bone_transforms(pose)[:, :, :3]
    blended = np.tensordot(mesh.weights, linear, 1)
    return np.asarray(np.linalg.solve(blended, (far[:, None] * normals)[..., None])[..., 0])


def _along(points: Floats, normals: Floats, skin: SkinDistance) -> Floats:
    """Return how far (V,) mm along its normal each point meets the skin; 0 where it does not."""
    far = np.zeros(len(points))
    for _ in range(_STEPS):  # a distance never overshoots: sphere tracing (Hart 1996)
        far -= skin(points + far[:, None] * normals)
    met = (np.abs(far) < _REACH) & (np.abs(skin(points + far[:, None] * normals)) < 0.1)
    return np.where(met, far, 0.0)


def averaging(faces: Ints, count: int) -> sparse.csr_array:
    """Return the matrix (V, V) that replaces a vertex's value by the mean with its neighbours'."""
    return sparse.csr_array(0.5 * (sparse.eye_array(count) + neighbours_mean(faces, count)))


def _reduced_rank(turns: Floats, moves: Floats, count: int) -> tuple[Floats, Floats]:
    """Return bulges (P, V, 3) and drivers (P, J, 3) with moves = sum_p (driver_p . turns) bulge_p.

    There is no constant: the skin at rest is what it is.
    """
    poses = len(turns)
    x, y = turns.reshape(poses, -1), moves.reshape(poses, -1)
    scatter = x.T @ x + _RIDGE * poses * np.eye(x.shape[1])
    slope = np.linalg.solve(scatter, x.T @ y)
    directions = np.linalg.svd(x @ slope, full_matrices=False)[2][:count]
    drivers = (slope @ directions.T).T
    return directions.reshape(count, *moves.shape[1:]), drivers.reshape(count, *turns.shape[1:])
