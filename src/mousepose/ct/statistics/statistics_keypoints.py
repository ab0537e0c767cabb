"""Keypoints from the skin and the joints of a posed body: a few weights that sum to 1 for each."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy import sparse

from mousepose.body.mesh import Mesh
from mousepose.body.model import BodyModel
from mousepose.errors import ModelError
from mousepose.types import Floats, Ints, Pose

#: A keypoint is told by so many vertices and joints near it.
_VERTICES, _JOINTS = 12, 3
#: Vertices with this much of a bone ride on it, and those taken lie so far (mm) apart.
_RIDING, _APART_MM = 0.6, 2.0
_POSES = 40
#: mm; how far weights may wander from being equal for the sake of so much less error.
_RIDGE_MM = 0.15
#: Share of the limits within which poses are drawn.
_WITHIN = 0.7


@dataclass(frozen=True, eq=False)
class KeypointRegressor:
    """Keypoints = `vertex_weights` (K, V) @ vertices + `joint_weights` (K, J) @ joints.

    Rows of both sum to 1 together. `error` (K,) mm is the root mean square miss in poses from which
    nothing was learned.
    """

    names: tuple[str, ...]
    vertex_weights: sparse.csr_matrix
    joint_weights: Floats
    error: Floats

    def keypoints(self, vertices: Floats, joints: Floats) -> Floats:
        """Return keypoints (*B, K, 3) of vertices (*B, V, 3) and joints (*B, J, 3)."""
        batch = vertices.shape[:-2]
        flat = vertices.reshape(-1, *vertices.shape[-2:])
        skin = np.stack([self.vertex_weights @ each for each in flat]).reshape(*batch, -1, 3)
        return np.asarray(skin + self.joint_weights @ joints)


def learn_keypoints(body: BodyModel, *, seed: int = 0) -> KeypointRegressor:
    """Return the regressor of the body's own keypoints, learned from poses within its limits.

    A body of another shape or build, or a scan laid on by `register_body`, then has its keypoints
    where its skin is. Raises `ModelError` for a body without a skin.
    """
    mesh = body.mesh
    if mesh is None:
        raise ModelError(f"body {body.name!r} has no skin to tell keypoints from")
    poses = _random_poses(body, _POSES, np.random.default_rng(seed))
    points, joints, vertices = body.keypoints_of(poses), body.joints(poses), body.vertices(poses)
    seen = np.arange(_POSES) < _POSES * 3 // 4
    count = len(body.keypoints)
    skin = sparse.lil_matrix((count, len(mesh.vertices)))
    bones = np.zeros((count, len(body.rest)))
    error = np.zeros(count)
    rest = body.keypoints_of(body.rest_pose())
    for index in range(count):
        near = _around(mesh, rest[index], int(body.keypoints.bone[index]))
        close = _joints_around(body, rest[index], int(body.keypoints.bone[index]))
        candidates = np.concatenate([vertices[:, near], joints[:, close]], axis=1)
        weights = _weights(candidates[seen], points[seen, index])
        skin[index, near] = weights[: len(near)]
        bones[index, close] = weights[len(near) :]
        miss = np.einsum("c,bcx->bx", weights, candidates[~seen]) - points[~seen, index]
        error[index] = np.sqrt((miss**2).sum(axis=1).mean())
    return KeypointRegressor(body.keypoints.names, skin.tocsr(), bones, error)


def _around(mesh: Mesh, place: Floats, bone: int) -> Ints:
    """Return the indices of vertices near a place, some way apart, that ride on a bone.

    Neighbours that nearly touch could tell a place beside them only by large weights of both signs.
    """
    riding = np.flatnonzero(mesh.weights[:, bone] > _RIDING)
    if len(riding) < _VERTICES:
        riding = np.argsort(mesh.weights[:, bone])[::-1][: 4 * _VERTICES]
    riding = riding[np.argsort(np.linalg.norm(mesh.vertices[riding] - place, axis=1))]
    taken: list[int] = []
    for index in riding.tolist():
        apart = np.linalg.norm(mesh.vertices[taken] - mesh.vertices[index], axis=1)
        if (apart > _APART_MM).all():
            taken.append(index)
        if len(taken) == _VERTICES:
            break
    return np.array(taken)


def _joints_around(body: BodyModel, place: Floats, bone: int) -> Ints:
    """Return the indices of the joints at both ends of a bone, and of the one nearest beside."""
    ends = [bone, max(body.skeleton.parents[bone], 0)]
    order = np.argsort(np.linalg.norm(body.rest - place, axis=1)).tolist()
    return np.array([*dict.fromkeys([*ends, *order])][:_JOINTS])


def _weights(candidates: Floats, points: Floats) -> Floats:
    """Return the weights (C,) that bring candidates (B, C, 3) nearest to points (B, 3); sum is 1.

    Lagrange's condition beside the normal equations; equal weights where the poses do not tell.
    """
    poses, count, _ = candidates.shape
    arms = candidates - points[:, None]  # so that the equations do not know of the origin
    inner = np.einsum("bcx,bdx->cd", arms, arms) / poses + _RIDGE_MM**2 * np.eye(count)
    ones = np.ones(count)
    solved = np.linalg.solve(inner, ones)
    return np.asarray(solved / (ones @ solved))


def _random_poses(body: BodyModel, count: int, random: np.random.Generator) -> Pose:
    """Return poses (count,) within the body's limits, the first at rest."""
    share = random.uniform(size=(count, *body.free.shape)) * _WITHIN
    upper = random.uniform(size=share.shape) < 0.5
    turns = np.where(upper, share * body.limits[..., 1], share * body.limits[..., 0])
    turns[0] = 0
    rest = body.rest_pose()
    return replace(
        rest,
        root_rotation=np.zeros((count, 3)),
        root_translation=np.repeat(rest.root_translation[None], count, axis=0),
        joint_rotation=turns,
    )
