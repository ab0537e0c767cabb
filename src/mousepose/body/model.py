"""The body model: a tree of bones, points that ride on them, and a skin; forward kinematics.

Bone j ends at joint j and turns about its parent's joint. With a_j its rotation vector, s_j its
length factor and r the rest joints (Hu et al. 2023, Sci Rep 13:13554, written without 4 x 4's):

    R_j = R_parent exp(a_j)        R_0 = exp(root rotation)
    p_j = p_parent + R_j s_j (r_j - r_parent)        p_0 = root translation
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mousepose.body.mesh import Mesh
from mousepose.body.shape import ShapeSpace
from mousepose.errors import ModelError
from mousepose.geometry import rotation
from mousepose.skeleton import Skeleton
from mousepose.types import Floats, Ints, Pose

#: The way from the nose to the base of the tail, whose length is the body length.
_BODY_ENDS = ("NOSE", "ROOT_TAIL")


def _expect(good: bool, message: str) -> None:
    if not good:
        raise ModelError(message)


@dataclass(frozen=True, eq=False)
class Marks:
    """Points that ride on bones: `names` (M,), `bone` (M,), `offset` (M, 3) mm, `sigma` (M,) mm.

    A mark stays at `offset` from the joint at which its bone ends, in rest axes, and turns and
    grows with that bone. `sigma` says how far the real mark wanders from that place (1 SD per
    axis). Raises `ModelError` where the fields do not fit together.
    """

    names: tuple[str, ...]
    bone: Ints
    offset: Floats
    sigma: Floats

    def __post_init__(self) -> None:
        count = len(self.names)
        shapes = (self.bone.shape, self.offset.shape, self.sigma.shape)
        _expect(
            shapes == ((count,), (count, 3), (count,)),
            f"{count} marks need bone ({count},), offset ({count}, 3), sigma ({count},); "
            f"got {shapes[0]}, {shapes[1]}, {shapes[2]}",
        )
        _expect(len(set(self.names)) == count, f"marks named twice: {', '.join(self.names)}")
        _expect(bool(np.isfinite(self.offset).all()), "mark offsets must be finite")
        _expect(bool((self.sigma >= 0).all()), "mark sigmas must not be negative or NaN")

    def __len__(self) -> int:
        return len(self.names)

    @classmethod
    def of_joints(cls, skeleton: Skeleton) -> Marks:
        """Return the joints themselves as marks."""
        count = len(skeleton.joint_names)
        return cls(skeleton.joint_names, np.arange(count), np.zeros((count, 3)), np.zeros(count))


def _identity_axes() -> Floats:
    return np.eye(3)


@dataclass(frozen=True, eq=False)
class BodyModel:
    """A mouse: skeleton, rest joints, limits, keypoints, shapes and, if wanted, a skin.

    `rest` (J, 3) mm; `free` (J, 3) says which components of a bone's rotation vector may move and
    `limits` (J, 3, 2) rad how far (row 0 belongs to no bone and is fixed). The rows of `axes` are
    the animal's forward, left and up in rest axes. `source` says where the figures come from.
    Raises `ModelError` where the fields do not fit together.
    """

    name: str
    skeleton: Skeleton
    rest: Floats
    free: NDArray[np.bool_]
    limits: Floats
    keypoints: Marks
    shape_space: ShapeSpace
    mesh: Mesh | None = None
    source: str = ""
    axes: Floats = field(default_factory=_identity_axes)

    def __post_init__(self) -> None:
        joints = len(self.skeleton.joint_names)
        for name, have, want in (
            ("rest", self.rest.shape, (joints, 3)),
            ("free", self.free.shape, (joints, 3)),
            ("limits", self.limits.shape, (joints, 3, 2)),
            ("shape basis", self.shape_space.basis.shape, (len(self.shape_space), joints)),
            ("axes", self.axes.shape, (3, 3)),
        ):
            _expect(have == want, f"body {self.name!r}: {name}: expected {want}, got {have}")
        parents = self.skeleton.parents
        _expect(
            parents[0] == -1 and all(0 <= p < j for j, p in enumerate(parents) if j > 0),
            f"body {self.name!r}: every parent must come before its child, joint 0 is the root",
        )
        _expect(bool(np.isfinite(self.rest).all()), f"body {self.name!r}: rest must be finite")
        low, high = self.limits[..., 0], self.limits[..., 1]
        _expect(
            bool((low <= 0).all() and (high >= 0).all()),
            f"body {self.name!r}: limits must hold the rest pose: low <= 0 <= high",
        )
        _expect(not self.free[0].any(), f"body {self.name!r}: row 0 of free must be False")
        _expect(
            bool(rotation.is_rotation(self.axes)),
            f"body {self.name!r}: axes must be forward, left and up, orthonormal, right-handed",
        )
        self._check_bones(self.keypoints)
        if self.mesh is not None and self.mesh.weights.shape[1] != joints:
            raise ModelError(
                f"body {self.name!r}: mesh has weights for {self.mesh.weights.shape[1]} bones, "
                f"the skeleton has {joints}"
            )

    def _check_bones(self, marks: Marks) -> None:
        joints = len(self.skeleton.joint_names)
        inside = marks.bone.size == 0 or (marks.bone.min() >= 0 and marks.bone.max() < joints)
        _expect(bool(inside), f"body {self.name!r}: marks ride on bones outside 0..{joints - 1}")

    @cached_property
    def bone_vectors(self) -> Floats:
        """Return every bone at rest (J, 3) mm, from its parent's joint to its own; row 0 is 0."""
        parents = np.maximum(self.skeleton.parents, 0)
        return np.asarray(self.rest - self.rest[parents])

    @property
    def body_length(self) -> float:
        """Return the length from nose to tail base along the spine, at rest, in mm."""
        return self.body_length_of(self.shape_space.mean)

    def body_length_of(self, shape: ArrayLike) -> float:
        """Return the length from nose to tail base along the spine of an animal `shape`, in mm.

        Raises `UnknownNameError` for a skeleton without the two ends.
        """
        ends = [set(self.skeleton.path(self.skeleton.index(name))) for name in _BODY_ENDS]
        on_the_way = sorted(ends[0] ^ ends[1])  # what both paths share lies before the fork
        lengths = np.linalg.norm(self.bone_vectors, axis=1) * self.bone_scale(shape)
        return float(lengths[on_the_way].sum())

    def rest_pose(self) -> Pose:
        """Return the pose in which the joints are the rest joints."""
        joints = len(self.skeleton.joint_names)
        return Pose(np.zeros(3), self.rest[0], np.zeros((joints, 3)), self.shape_space.mean)

    def bone_scale(self, shape: ArrayLike) -> Floats:
        """Return the length factor (*B, J) of every bone for shape coefficients (*B, S)."""
        return np.asarray(np.exp(self.shape_space.log_scale(shape)))

    def bones(self, pose: Pose) -> tuple[Floats, Floats]:
        """Return the rotation (*B, J, 3, 3) of every bone and the joints (*B, J, 3) mm.

        Raises `ModelError` where the pose has another number of joints or shape coefficients.
        """
        parents = self.skeleton.parents
        if pose.joint_rotation.shape[-2] != len(parents):
            raise ModelError(
                f"body {self.name!r} has {len(parents)} joints, "
                f"the pose {pose.joint_rotation.shape[-2]}"
            )
        bone = self.bone_scale(pose.shape)[:, None] * self.bone_vectors
        local = rotation.exp(pose.joint_rotation)
        rotations = np.empty_like(local)
        joints = np.empty(pose.joint_rotation.shape)
        rotations[..., 0, :, :] = rotation.exp(pose.root_rotation)
        joints[..., 0, :] = pose.root_translation
        for j, parent in enumerate(parents[1:], start=1):
            rotations[..., j, :, :] = rotations[..., parent, :, :] @ local[..., j, :, :]
            joints[..., j, :] = joints[..., parent, :] + rotations[..., j, :, :] @ bone[j]
        return rotations, joints

    def joints(self, pose: Pose) -> Floats:
        """Return the joints (*B, J, 3) mm of poses."""
        return self.bones(pose)[1]

    def marks(self, pose: Pose, marks: Marks) -> Floats:
        """Return points (*B, M, 3) mm that ride on the bones of poses."""
        self._check_bones(marks)
        rotations, joints = self.bones(pose)
        offset = self.bone_scale(pose.shape)[marks.bone, None] * marks.offset
        turned = rotations[..., marks.bone, :, :] @ offset[..., None]
        return np.asarray(joints[..., marks.bone, :] + turned[..., 0])

    def keypoints_of(self, pose: Pose) -> Floats:
        """Return the body's own keypoints (*B, K, 3) mm in poses."""
        return self.marks(pose, self.keypoints)

    def vertices(self, pose: Pose, build: ArrayLike | None = None, coat: bool = False) -> Floats:
        """Return the skin (*B, V, 3) mm of poses by linear blend skinning.

        `build` (N,) says in SD how the animal's skin differs besides its bones; `coat` adds the
        fur. Raises `ModelError` for a body without a skin.
        """
        if self.mesh is None:
            raise ModelError(f"body {self.name!r} has no skin; give it one with `with_mesh`")
        from mousepose.body.skinning import skin  # starts numba

        rest = self.mesh.at_rest(pose.joint_rotation, build, coat)
        return skin(rest, self.mesh.sparse_weights, self.bone_transforms(pose))

    def bone_transforms(self, pose: Pose) -> Floats:
        """Return the maps (*B, J, 3, 4) that carry rest points on bone j to where they are now.

        A rest point v goes to p_parent + R_j s_j (v - r_parent); on the root to p_0 + R_0 s_0
        (v - r_0).
        """
        rotations, joints = self.bones(pose)
        start = np.maximum(self.skeleton.parents, 0)
        linear = self.bone_scale(pose.shape)[:, None, None] * rotations
        shift = joints[..., start, :] - (linear @ self.rest[start][..., None])[..., 0]
        return np.concatenate([linear, shift[..., None]], axis=-1)

    def mirrored(self, pose: Pose) -> Pose:
        """Return the pose as a mirror shows it that stands on the animal's rest midplane.

        Left and right change places: for a body that is symmetric at rest, the mirrored joints of
        the one are the joints of the other.
        """
        left = self.axes[1]
        reflection = np.eye(3) - 2 * np.outer(left, left)
        # A rotation vector is an axial vector: reflecting space flips its other two components.
        partner = np.array(self.skeleton.mirror)
        return replace(
            pose,
            root_rotation=-pose.root_rotation @ reflection,
            root_translation=pose.root_translation @ reflection,
            joint_rotation=-pose.joint_rotation[..., partner, :] @ reflection,
        )

    def with_mesh(self, mesh: Mesh | None) -> BodyModel:
        """Return the same body in another skin, or in none."""
        return replace(self, mesh=mesh)

    def with_keypoints(self, keypoints: Marks) -> BodyModel:
        """Return the same body with other keypoints."""
        return replace(self, keypoints=keypoints)

    def with_shape_space(self, shape_space: ShapeSpace) -> BodyModel:
        """Return the same body with other ways to differ in shape."""
        return replace(self, shape_space=shape_space)
