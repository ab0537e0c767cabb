"""Skinning: the compiled sum is the plain formula, and rigid where it must be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from scipy.spatial.transform import Rotation

from mousepose.body.model import BodyModel
from mousepose.body.skinning import SparseWeights
from mousepose.types import Floats, Pose


def plain_skin(body: BodyModel, pose: Pose) -> Floats:
    """sum_j w_vj (p_parent + R_j s_j (v - rest_parent)), bone by bone."""
    mesh = body.mesh
    assert mesh is not None
    rotations, joints = body.bones(pose)
    scale = body.bone_scale(pose.shape)
    moved = np.zeros((*joints.shape[:-2], *mesh.vertices.shape))
    for j, parent in enumerate(np.maximum(body.skeleton.parents, 0)):
        from_start = scale[j] * (mesh.vertices - body.rest[parent])
        carried = joints[..., None, parent, :] + from_start @ np.swapaxes(
            rotations[..., j, :, :], -1, -2
        )
        moved += mesh.weights[:, j, None] * carried
    return moved


def test_the_compiled_skin_is_the_plain_formula(
    skinned: BodyModel, make_pose: Callable[..., Pose]
) -> None:
    for batch in ((), (5,), (2, 3), (0,)):
        pose = make_pose(skinned, *batch)
        assert skinned.vertices(pose).shape == (*batch, 200, 3)
        np.testing.assert_allclose(skinned.vertices(pose), plain_skin(skinned, pose), atol=1e-9)


def test_the_rest_pose_leaves_the_skin_where_it_is(skinned: BodyModel) -> None:
    assert skinned.mesh is not None
    vertices = skinned.vertices(skinned.rest_pose())
    np.testing.assert_allclose(vertices, skinned.mesh.vertices, atol=1e-10)


def test_turning_the_root_turns_the_skin(skinned: BodyModel) -> None:
    assert skinned.mesh is not None
    vector = np.array([0.4, -0.2, 1.5])
    pose = replace(skinned.rest_pose(), root_rotation=vector)
    root = skinned.rest[0]
    expected = Rotation.from_rotvec(vector).apply(skinned.mesh.vertices - root) + root
    np.testing.assert_allclose(skinned.vertices(pose), expected, atol=1e-10)


def test_a_pose_of_nan_has_a_skin_of_nan(
    skinned: BodyModel, make_pose: Callable[..., Pose]
) -> None:
    pose = make_pose(skinned, 2)
    pose.root_translation[0] = np.nan
    vertices = skinned.vertices(pose)
    assert np.isnan(vertices[0]).all()
    assert np.isfinite(vertices[1]).all()


def test_sparse_weights_hold_exactly_the_weights(skinned: BodyModel) -> None:
    assert skinned.mesh is not None
    sparse = SparseWeights.of(skinned.mesh.weights)
    rebuilt = np.zeros_like(skinned.mesh.weights)
    vertex = np.repeat(np.arange(len(rebuilt)), np.diff(sparse.start))
    rebuilt[vertex, sparse.bone] = sparse.value
    np.testing.assert_array_equal(rebuilt, skinned.mesh.weights)
