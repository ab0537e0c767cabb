"""The pose and the bone lengths of a scanned animal, from its joints."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mousepose.body.model import BodyModel
from mousepose.body.shape import ShapeSpace
from mousepose.ct.registration.register_start import fit_similarity
from mousepose.ct.types import NamedPoints
from mousepose.errors import InputError
from mousepose.geometry import rotation
from mousepose.types import Floats, Pose

#: SD (mm) of a joint that was located with confidence 1, and the least confidence that counts.
_JOINT_SD, _LEAST_CONFIDENCE = 0.12, 0.05
#: SD (rad) of a joint angle about rest, as wide as limits are, and of how far a limit may give.
_ANGLE_SD, _LIMIT_SD = 1.2, 0.05
#: SD of the log of one bone's length, beside what the body's own shape space explains.
_BONE_SD = 0.03
_STEPS, _SMALL = 60, 1e-9
#: Fewer joints than this do not tell a pose.
_LEAST_JOINTS = 8


@dataclass(frozen=True, eq=False)
class PoseFit:
    """An animal as its joints show it: `pose` of `body`, whose every bone has its own length.

    `shape` (S,) are the coefficients of the body that was given, nearest to these lengths.
    `bone_lengths` (J,) mm, 0 for the root. `residual` (J,) mm is how far each joint lies from where
    it was located, NaN where it was not. `measured` (J,) mm are the distances between the joints as
    they were located, which no prior draws to what is usual, and `measured_sd` (J,) mm how sure
    they are; both NaN where an end was not located.
    """

    body: BodyModel
    pose: Pose
    shape: Floats
    bone_lengths: Floats
    residual: Floats
    measured: Floats
    measured_sd: Floats


def fit_pose(body: BodyModel, joints: NamedPoints) -> PoseFit:
    """Return the pose and bone lengths that lay the body's joints on those located in a scan.

    Least squares over rotations within the limits and log lengths (Levenberg-Marquardt); what the
    joints do not tell, such as the turn of a limb about itself, stays as near to rest as it can.
    Raises `InputError` where fewer than 8 joints are known.
    """
    places, sd = _located(body, joints)
    known = np.isfinite(places[:, 0])
    if known.sum() < _LEAST_JOINTS:
        raise InputError(
            f"{known.sum()} of the body's joints are known, {', '.join(joints.names)} were given; "
            f"a pose needs {_LEAST_JOINTS} or more, named as {', '.join(body.skeleton.joint_names)}"
        )
    wide = with_bone_lengths(body)
    problem = _Problem(wide, places, sd)
    solution = _solve(problem, problem.start())
    pose = problem.pose(solution)
    lengths = np.linalg.norm(wide.bone_vectors, axis=1) * wide.bone_scale(pose.shape)
    residual = np.linalg.norm(wide.joints(pose) - places, axis=1)
    parents = np.maximum(body.skeleton.parents, 0)
    measured = np.linalg.norm(places - places[parents], axis=1)
    measured_sd = np.where(np.isfinite(measured), np.hypot(sd, sd[parents]), np.nan)
    return PoseFit(
        wide, pose, _nearest_shape(body, wide, pose), lengths, residual, measured, measured_sd
    )


def with_bone_lengths(body: BodyModel) -> BodyModel:
    """Return the body with a shape coefficient for the length of each bone, after its own ones."""
    names, space = body.skeleton.joint_names, body.shape_space
    own = np.eye(len(names))[1:]
    return body.with_shape_space(
        ShapeSpace(
            space.names + tuple(f"length of {name}" for name in names[1:]),
            np.concatenate([space.basis, own]),
            np.concatenate([space.sd, np.full(len(own), _BONE_SD)]),
            source=space.source,
        )
    )


def _located(body: BodyModel, joints: NamedPoints) -> tuple[Floats, Floats]:
    """Return the place (J, 3) of every joint of the body, NaN where unknown, and its SD (J,)."""
    names = body.skeleton.joint_names
    places, sd = np.full((len(names), 3), np.nan), np.full(len(names), np.inf)
    for index, name in enumerate(names):
        if name in joints.names:
            row = joints.names.index(name)
            confidence = joints.confidence[row]
            if np.isfinite(joints.points[row]).all() and confidence >= _LEAST_CONFIDENCE:
                places[index], sd[index] = joints.points[row], _JOINT_SD / confidence
    return places, sd


def _nearest_shape(body: BodyModel, wide: BodyModel, pose: Pose) -> Floats:
    """Return the coefficients (S,) of the body whose lengths are nearest, a priori likely ones."""
    space = body.shape_space
    scale = wide.shape_space.log_scale(pose.shape)[1:]
    basis = space.basis[:, 1:]
    matrix = basis @ basis.T / _BONE_SD**2 + np.diag(space.sd**-2)
    return np.asarray(np.linalg.solve(matrix, basis @ scale / _BONE_SD**2))


class _Problem:
    """Residuals of one animal; unknowns: root turn and place, free angles, shape coefficients."""

    def __init__(self, body: BodyModel, places: Floats, sd: Floats) -> None:
        self.body, self.places, self.sd = body, places, sd
        self.known = np.isfinite(places[:, 0])
        self.angles = int(body.free.sum())
        self.parents = np.array(body.skeleton.parents)
        self.low, self.high = body.limits[body.free].T

    def start(self) -> Floats:
        """Return the unknowns of a body laid on the joints as a whole, and then bone by bone.

        Each bone turns the short way to where its end was located.
        """
        body, places = self.body, self.places
        whole = fit_similarity(body.rest[self.known], places[self.known])
        turns = np.repeat(whole.rotation[None], len(places), axis=0)
        rotations = np.zeros((len(places), 3))
        for joint, parent in enumerate(self.parents):
            if parent < 0:
                continue
            above = turns[parent]
            turns[joint] = above
            if self.known[joint] and self.known[parent]:
                bone = body.bone_vectors[joint]
                wanted = above.T @ (places[joint] - places[parent])
                turn = np.where(body.free[joint], _short_way(bone, wanted), 0.0)
                rotations[joint] = np.clip(turn, *body.limits[joint].T)
                turns[joint] = above @ rotation.exp(rotations[joint])
        shape = np.zeros(len(body.shape_space))
        shape[: self._sizes()] = np.log(whole.scale)
        root = rotation.log(whole.rotation)
        place = places[0] if self.known[0] else whole.apply(body.rest[0])
        return np.concatenate([root, place, rotations[body.free], shape])

    def _sizes(self) -> int:
        """Return 1 where the first coefficient is that of size, else 0."""
        return int(self.body.shape_space.names[0] == "size")

    def pose(self, unknowns: Floats) -> Pose:
        """Return the pose that the unknowns (U,) stand for."""
        rotations = np.zeros((len(self.places), 3))
        rotations[self.body.free] = unknowns[6 : 6 + self.angles]
        return Pose(unknowns[:3], unknowns[3:6], rotations, unknowns[6 + self.angles :])

    def residuals(self, unknowns: Floats) -> Floats:
        """Return the whitened residuals (B, R) of unknowns (B, U)."""
        count = len(unknowns)
        rotations = np.zeros((count, len(self.places), 3))
        angle = unknowns[:, 6 : 6 + self.angles]
        rotations[:, self.body.free] = angle
        shape = unknowns[:, 6 + self.angles :]
        joints = self._joints(unknowns, rotations, shape)
        miss = (joints - self.places)[:, self.known] / self.sd[self.known, None]
        over = np.maximum(angle - self.high, 0) + np.minimum(angle - self.low, 0)
        return np.concatenate(
            [
                miss.reshape(count, -1), angle / _ANGLE_SD, over / _LIMIT_SD,
                shape / self.body.shape_space.sd,
            ],
            axis=1,
        )  # fmt: skip

    def _joints(self, unknowns: Floats, rotations: Floats, shape: Floats) -> Floats:
        """Return the joints (B, J, 3) of poses (B,), each with a shape (B, S) of its own."""
        bones = self.body.bone_scale(shape)[..., None] * self.body.bone_vectors
        turns = rotation.exp(rotations)
        turns[:, 0] = rotation.exp(unknowns[:, :3])
        joints = np.empty_like(bones)
        joints[:, 0] = unknowns[:, 3:6]
        for joint, parent in enumerate(self.parents[1:], start=1):
            turns[:, joint] = turns[:, parent] @ turns[:, joint]
            joints[:, joint] = joints[:, parent] + np.einsum(
                "bij,bj->bi", turns[:, joint], bones[:, joint]
            )
        return joints


def _solve(problem: _Problem, start: Floats) -> Floats:
    """Return the unknowns of least squares, by Levenberg-Marquardt with central differences."""
    step = 1e-5
    unknowns, damping = start, 1e-3
    residual = problem.residuals(unknowns[None])[0]
    for _ in range(_STEPS):
        moved = step * np.eye(len(unknowns))
        ahead, behind = (problem.residuals(unknowns + sign * moved) for sign in (1, -1))
        jacobian = (ahead - behind).T / (2 * step)
        matrix, gradient = jacobian.T @ jacobian, jacobian.T @ residual
        while damping < 1e8:
            held = matrix + damping * np.diag(np.diag(matrix) + 1e-9)
            tried = unknowns - np.linalg.solve(held, gradient)
            new = problem.residuals(tried[None])[0]
            if new @ new <= residual @ residual:
                break
            damping *= 10
        else:
            break
        gain = residual @ residual - new @ new
        unknowns, residual, damping = tried, new, max(damping / 10, 1e-9)
        if gain < _SMALL * (1 + residual @ residual):
            break
    turn = rotation.log(rotation.exp(unknowns[:3]))
    return np.concatenate([turn, unknowns[3:]])


def _short_way(start: Floats, end: Floats) -> Floats:
    """Return the rotation vector (3,) that turns one direction the short way to another."""
    axis = np.cross(start, end)
    sine, cosine = float(np.linalg.norm(axis)), float(start @ end)
    return np.asarray(axis / max(sine, 1e-12) * np.arctan2(sine, cosine))
