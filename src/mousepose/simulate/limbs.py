"""Inverse kinematics of the four legs: which joint angles put the paws where they shall be.

All frames and legs are solved at once. A leg has three bones. Its angles are a = l tanh(u / l) with
l the limit on that side, so that no u leaves the limits; minimised are, with e the way from the paw
to its target and u0 the usual posture, |e|^2 / sigma^2 + sum ((u - u0) / width)^2. The step is
Levenberg-Marquardt's with damping d, written as the damped least squares of Wampler (IEEE Trans.
SMC 16, 1986) with a 3 x 3 matrix, W = diag(width^2) / (1 + d) and v = (u0 - u) / (1 + d):
du = v + W J^T (J W J^T + sigma^2 I)^-1 (e - J v).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mousepose.body.model import BodyModel
from mousepose.geometry import rotation
from mousepose.types import Floats, Pose

#: The bones of one leg, from the trunk to the paw.
FORE_LEG = ("SHOULDER", "ELBOW", "FORE_PAW")
HIND_LEG = ("HIP", "KNEE", "HIND_PAW")
#: How near (mm) the paw comes to its target before comfort counts as much.
_TARGET_SIGMA = 0.02
#: Comfortable share of a joint's range, about rest: the pull back to rest grows beyond it.
_COMFORT = 0.4
_ITERATIONS = 40
#: A limit below this (rad) leaves no room; the axis is fixed, and u stays 0.
_NO_RANGE = 1e-9


@dataclass(frozen=True, eq=False)
class Legs:
    """The four legs of a body: `joints` (4, 3) index their bones, outermost last.

    `bones` (4, 3, 3) mm are the bones at rest, `width` (4, 3, 3) rad how freely each angle moves (0
    where it is fixed) and `limits` (4, 3, 3, 2) rad how far.
    """

    joints: NDArray[np.int64]
    bones: Floats
    width: Floats
    limits: Floats

    @classmethod
    def of(cls, body: BodyModel, shape: Floats) -> Legs:
        """Return the legs of an animal `shape` (S,): left fore, right fore, left and right hind."""
        names = [
            [f"{side}_{bone}" for bone in leg]
            for leg in (FORE_LEG, HIND_LEG)
            for side in ("LEFT", "RIGHT")
        ]
        joints = np.array([[body.skeleton.index(name) for name in leg] for leg in names])
        limits = body.limits[joints]
        width = _COMFORT * (limits[..., 1] - limits[..., 0]) / 2 * body.free[joints]
        scale = body.bone_scale(shape)[joints, None]
        return cls(joints, scale * body.bone_vectors[joints], width, limits)

    def free_of(self, angles: Floats) -> Floats:
        """Return the variables u (T, 4, 9) of angles (T, 4, 9) rad, kept just inside the limits."""
        limits = self.limits.reshape(4, 9, 2)
        limit = np.maximum(np.where(angles < 0, -limits[..., 0], limits[..., 1]), _NO_RANGE)
        return np.asarray(limit * np.arctanh(np.clip(angles / limit, -0.95, 0.95)))


def reach(body: BodyModel, pose: Pose, targets: Floats) -> Floats:
    """Return the joint rotations (T, J, 3) of `pose` with legs that put the paws on `targets`.

    `targets` (T, 4, 3) mm are those of `Legs`, in its order. Angles stay within the limits of the
    body, so a target out of reach is approached only; legs like to stay as they are in `pose`.
    """
    legs = Legs.of(body, pose.shape)
    rotations, joints = body.bones(pose)
    trunk = np.array(body.skeleton.parents)[legs.joints[:, 0]]
    base, start = rotations[:, trunk], joints[:, trunk]
    usual = legs.free_of(pose.joint_rotation[:, legs.joints].reshape(*targets.shape[:2], 9))
    free = usual.copy()
    damping = np.full(targets.shape[:2], 1e-2)
    cost, miss, jacobian = _cost(legs, base, start, targets, free, usual)
    for _ in range(_ITERATIONS):
        tried = free + _step(legs, miss, jacobian, free - usual, damping)
        new_cost, new_miss, new_jacobian = _cost(legs, base, start, targets, tried, usual)
        better = new_cost < cost
        free = np.where(better[..., None], tried, free)
        cost = np.where(better, new_cost, cost)
        miss = np.where(better[..., None], new_miss, miss)
        jacobian = np.where(better[..., None, None], new_jacobian, jacobian)
        damping = np.clip(np.where(better, damping / 5, damping * 4), 1e-6, 1e9)
    turned = pose.joint_rotation.copy()
    turned[:, legs.joints] = _within(legs, free)[0].reshape(*free.shape[:2], 3, 3)
    return turned


def _step(legs: Legs, miss: Floats, jacobian: Floats, away: Floats, damping: Floats) -> Floats:
    """Return the step (T, 4, 9) of the variables u by the formula at the top of this file."""
    drawn_back = -away / (1 + damping[..., None])
    weighted = jacobian * (legs.width.reshape(4, 9) ** 2 / (1 + damping[..., None]))[..., None, :]
    normal = weighted @ np.swapaxes(jacobian, -1, -2) + _TARGET_SIGMA**2 * np.eye(3)
    aim = miss[..., None] - jacobian @ drawn_back[..., None]
    step = np.swapaxes(weighted, -1, -2) @ np.linalg.solve(normal, aim)
    return np.asarray(drawn_back + step[..., 0])


def _cost(
    legs: Legs, base: Floats, start: Floats, targets: Floats, free: Floats, usual: Floats
) -> tuple[Floats, Floats, Floats]:
    """Return the cost (T, 4), the way to the target (T, 4, 3) and the paw's derivative by u."""
    angles, slope = _within(legs, free)
    paw, jacobian = _paw(legs, base, start, angles.reshape(*free.shape[:2], 3, 3))
    miss = targets - paw
    comfort = ((free - usual) / np.maximum(legs.width.reshape(4, 9), _NO_RANGE)) ** 2
    cost = (miss**2).sum(axis=-1) / _TARGET_SIGMA**2 + comfort.sum(axis=-1)
    return cost, miss, jacobian * slope[..., None, :]


def _within(legs: Legs, free: Floats) -> tuple[Floats, Floats]:
    """Return the angles (T, 4, 9) rad within the limits and their slope d angle / d u."""
    limits = legs.limits.reshape(4, 9, 2)
    limit = np.maximum(np.where(free < 0, -limits[..., 0], limits[..., 1]), _NO_RANGE)
    share = np.tanh(free / limit)
    return limit * share, 1 - share**2


def _paw(legs: Legs, base: Floats, start: Floats, angles: Floats) -> tuple[Floats, Floats]:
    """Return the paws (T, 4, 3) mm and their derivative (T, 4, 3, 9) mm/rad by the angles."""
    turn, place = base, start
    pivots, axes = [], []
    for bone in range(3):
        pivots.append(place)
        axes.append(turn @ rotation.left_jacobian(angles[:, :, bone]))
        turn = turn @ rotation.exp(angles[:, :, bone])
        place = place + (turn @ legs.bones[:, bone, :, None])[..., 0]
    # A turn omega about a pivot moves the paw by omega x lever = -[lever]x omega.
    columns = [
        -rotation.skew(place - pivot) @ axis for pivot, axis in zip(pivots, axes, strict=True)
    ]
    return place, np.concatenate(columns, axis=-1)
