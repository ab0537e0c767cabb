"""Forward kinematics: rest, rigid motion, mirror, and an independent way to the same joints."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from mousepose.body.mesh import Mesh
from mousepose.body.model import BodyModel, Marks
from mousepose.errors import ModelError
from mousepose.types import Floats, Pose


def homogeneous_joints(rest: Floats, parents: tuple[int, ...], pose: Pose) -> Floats:
    """The published way: T_j = T_parent [R_j about rest(parent)], p_j = T_j rest_j."""

    def about(centre: Floats, vector: Floats) -> Floats:
        turn = np.eye(4)
        turn[:3, :3] = Rotation.from_rotvec(vector).as_matrix()
        turn[:3, 3] = centre - turn[:3, :3] @ centre
        return turn

    placed = np.eye(4)
    placed[:3, 3] = pose.root_translation - rest[0]
    transforms = [placed @ about(rest[0], pose.root_rotation)]
    for j, parent in enumerate(parents[1:], start=1):
        transforms.append(transforms[parent] @ about(rest[parent], pose.joint_rotation[j]))
    return np.array([(t @ [*r, 1])[:3] for t, r in zip(transforms, rest, strict=True)])


def test_the_rest_pose_gives_the_rest_joints(body: BodyModel) -> None:
    np.testing.assert_allclose(body.joints(body.rest_pose()), body.rest, atol=1e-12)


def test_joints_are_those_of_homogeneous_matrices(
    body: BodyModel, make_pose: Callable[..., Pose]
) -> None:
    pose = replace(make_pose(body, seed=1), shape=body.shape_space.mean)
    expected = homogeneous_joints(body.rest, body.skeleton.parents, pose)
    np.testing.assert_allclose(body.joints(pose), expected, atol=1e-10)


def test_a_batch_is_its_poses_one_by_one(body: BodyModel, make_pose: Callable[..., Pose]) -> None:
    poses = make_pose(body, 2, 3)
    joints = body.joints(poses)
    assert joints.shape == (2, 3, len(body.rest), 3)
    for index in np.ndindex(2, 3):
        one = Pose(
            poses.root_rotation[index],
            poses.root_translation[index],
            poses.joint_rotation[index],
            poses.shape,
        )
        np.testing.assert_allclose(body.joints(one), joints[index], atol=1e-12)


def test_bones_keep_their_length_in_any_pose(
    body: BodyModel, make_pose: Callable[..., Pose]
) -> None:
    pose = make_pose(body, 7)
    joints = body.joints(pose)
    parents = np.maximum(body.skeleton.parents, 0)
    lengths = np.linalg.norm(joints - joints[:, parents], axis=-1)
    expected = np.linalg.norm(body.bone_vectors, axis=1) * body.bone_scale(pose.shape)
    np.testing.assert_allclose(lengths, np.broadcast_to(expected, lengths.shape), atol=1e-10)


def test_moving_the_root_moves_the_whole_body(
    body: BodyModel, make_pose: Callable[..., Pose]
) -> None:
    pose = make_pose(body)
    turn = Rotation.from_rotvec([0.3, -1.0, 2.0])
    shift = np.array([5.0, -3.0, 8.0])
    root = turn * Rotation.from_rotvec(pose.root_rotation)
    moved = replace(
        pose,
        root_rotation=root.as_rotvec(),
        root_translation=turn.apply(pose.root_translation) + shift,
    )
    expected = turn.apply(body.keypoints_of(pose)) + shift
    np.testing.assert_allclose(body.keypoints_of(moved), expected, atol=1e-10)


def test_mirrored_in_is_mirrored_out(body: BodyModel, make_pose: Callable[..., Pose]) -> None:
    pose = make_pose(body, 4)
    reflected = body.joints(pose) * [1, -1, 1]
    joints = body.joints(body.mirrored(pose))
    np.testing.assert_allclose(joints[:, list(body.skeleton.mirror)], reflected, atol=1e-10)
    twice = body.mirrored(body.mirrored(pose))
    np.testing.assert_allclose(twice.joint_rotation, pose.joint_rotation, atol=1e-12)


def test_the_size_coefficient_scales_bones_and_marks_alike(body: BodyModel) -> None:
    size = np.zeros(len(body.shape_space))
    size[body.shape_space.names.index("size")] = np.log(1.25)
    pose = replace(body.rest_pose(), root_translation=np.zeros(3))
    grown = body.keypoints_of(replace(pose, shape=size))
    np.testing.assert_allclose(grown, 1.25 * body.keypoints_of(pose), atol=1e-10)
    assert body.body_length_of(size) == pytest.approx(1.25 * body.body_length)


def test_body_length_is_the_way_along_the_spine(body: BodyModel) -> None:
    on_the_way = ["NECK", "NOSE", "SPINE_MID", "SPINE_HIP", "ROOT_TAIL"]
    bones = body.bone_vectors[[body.skeleton.index(name) for name in on_the_way]]
    assert body.body_length == pytest.approx(np.linalg.norm(bones, axis=1).sum())


def test_a_mark_turns_with_its_bone(body: BodyModel, make_pose: Callable[..., Pose]) -> None:
    knee = body.skeleton.index("LEFT_KNEE")
    mark = Marks(("thigh",), np.array([knee]), np.array([[1.0, 2.0, 3.0]]), np.ones(1))
    pose = make_pose(body, 3)
    rotations, joints = body.bones(pose)
    scale = body.bone_scale(pose.shape)[knee]
    expected = joints[:, knee] + scale * (rotations[:, knee] @ [1.0, 2.0, 3.0])
    np.testing.assert_allclose(body.marks(pose, mark)[:, 0], expected, atol=1e-10)


def test_a_frame_without_a_pose_stays_nan_alone(
    body: BodyModel, make_pose: Callable[..., Pose]
) -> None:
    pose = make_pose(body, 3)
    pose.root_translation[1] = np.nan
    lost = np.isnan(body.keypoints_of(pose)).all(axis=(1, 2))
    assert lost.tolist() == [False, True, False]


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda b: {"rest": b.rest[:-1]}, "rest: expected"),
        (lambda b: {"rest": b.rest * np.nan}, "finite"),
        (lambda b: {"limits": b.limits + 9}, "low <= 0 <= high"),
        (lambda b: {"free": ~b.free}, "row 0 of free"),
        (lambda b: {"axes": -np.eye(3)}, "right-handed"),
        (lambda b: {"keypoints": replace(b.keypoints, bone=b.keypoints.bone + 9)}, "outside"),
        (lambda b: {"skeleton": replace(b.skeleton, parents=(-1, *[19] * 19))}, "before its child"),
    ],
)
def test_a_body_that_does_not_fit_together_is_refused(
    body: BodyModel, change: Callable[[BodyModel], dict[str, Any]], complaint: str
) -> None:
    with pytest.raises(ModelError, match=complaint):
        replace(body, **change(body))


def test_marks_and_meshes_that_do_not_fit_are_refused(body: BodyModel) -> None:
    one = np.zeros(1, np.int64)
    with pytest.raises(ModelError, match="2 marks need"):
        Marks(("a", "b"), one, np.zeros((1, 3)), np.zeros(1))
    with pytest.raises(ModelError, match="negative"):
        Marks(("a",), one, np.zeros((1, 3)), np.array([-1.0]))
    with pytest.raises(ModelError, match="sum to 1"):
        Mesh(np.zeros((2, 3)), np.zeros((0, 3), np.int64), np.zeros((2, 20)))
    with pytest.raises(ModelError, match="outside 0..1"):
        Mesh(np.zeros((2, 3)), np.array([[0, 1, 2]]), np.eye(2, 20))
    with pytest.raises(ModelError, match="has weights for 3 bones"):
        body.with_mesh(Mesh(np.zeros((2, 3)), np.array([[0, 1, 1]]), np.eye(2, 3)))


def test_a_pose_of_another_skeleton_is_refused(
    body: BodyModel, make_pose: Callable[..., Pose]
) -> None:
    pose = make_pose(body)
    with pytest.raises(ModelError, match="20 joints, the pose 18"):
        body.joints(replace(pose, joint_rotation=pose.joint_rotation[:18]))
    with pytest.raises(ModelError, match="shape coefficients"):
        body.joints(replace(pose, shape=np.zeros(2)))
    with pytest.raises(ModelError, match="no skin"):
        body.with_mesh(None).vertices(pose)
