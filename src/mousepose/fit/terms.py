"""The energy terms, one pure NumPy function each: whitened residuals and their Jacobians.

They say plainly what `mousepose.fit.energy` compiles, are the oracle that it is tested against, and
serve where speed does not matter (learning a prior, the published mixture). T frames, n = 6 + r
variables (root turn, root place, z), J joints, M marks, C cameras, R residuals of a term.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from mousepose.body.mixture import PositionMixture
from mousepose.fit.arrays import BodyArrays, PoseArrays, Views
from mousepose.fit.energy import CONTACT_REACH, NEAREST
from mousepose.geometry import rotation
from mousepose.types import Floats


class Residuals(NamedTuple):
    """A term's whitened residuals (T, R) and their derivative (T, R, n)."""

    value: Floats
    jacobian: Floats


class Motion(NamedTuple):
    """Bones of T poses and how they move with the n variables."""

    rotation: Floats  #: (T, J, 3, 3)
    joint: Floats  #: (T, J, 3)
    turn: Floats  #: (T, J, 3, n) angular velocity of each bone
    velocity: Floats  #: (T, J, 3, n) velocity of each joint
    angle: Floats  #: (T, J, 3)


def motion(body: BodyArrays, poses: PoseArrays) -> Motion:
    """Return forward kinematics with derivatives."""
    frames, joints, r = len(poses.place), len(body.parent), body.basis.shape[2]
    angle = body.mean + np.einsum("jir,tr->tji", body.basis, poses.z)
    local, spread = rotation.exp(angle), rotation.left_jacobian(angle)
    out = Motion(
        np.empty((frames, joints, 3, 3)), np.empty((frames, joints, 3)),
        np.zeros((frames, joints, 3, 6 + r)), np.zeros((frames, joints, 3, 6 + r)), angle,
    )  # fmt: skip
    out.rotation[:, 0], out.joint[:, 0] = poses.rotation, poses.place
    out.turn[:, 0, :, :3] = np.eye(3)
    out.velocity[:, 0, :, 3:6] = np.eye(3)
    for j in range(1, joints):
        q = body.parent[j]
        out.rotation[:, j] = out.rotation[:, q] @ local[:, j]
        way = out.rotation[:, j] @ body.bone[j]
        out.joint[:, j] = out.joint[:, q] + way
        out.turn[:, j] = out.turn[:, q]
        out.turn[:, j, :, 6:] += out.rotation[:, q] @ spread[:, j] @ body.basis[j]
        out.velocity[:, j] = out.velocity[:, q] - rotation.skew(way) @ out.turn[:, j]
    return out


def mark_points(body: BodyArrays, moved: Motion) -> tuple[Floats, Floats]:
    """Return the marks (T, M, 3) and their derivative (T, M, 3, n)."""
    bone = body.mark_bone
    arm = (moved.rotation[:, bone] @ body.mark_offset[..., None])[..., 0]
    velocity = moved.velocity[:, bone] - rotation.skew(arm) @ moved.turn[:, bone]
    return moved.joint[:, bone] + arm, velocity


def _image(
    body: BodyArrays, views: Views, xy: Floats, whitening: Floats, moved: Motion
) -> tuple[Floats, Floats, Floats]:
    """Return whitened distances (T, C, M, 2), their slopes (T, C, M, 2, 3), velocities of marks."""
    points, velocity = mark_points(body, moved)
    values, slopes = [], []
    for view, turn in enumerate(views.rotation):
        camera = points @ turn.T + views.translation[view]
        depth = camera[..., 2:]
        ahead = depth >= NEAREST
        depth = np.where(ahead, depth, 1.0)
        projected = camera[..., :2] / depth
        slope = (turn[:2] - projected[..., None] * turn[2]) / depth[..., None]
        a, b, c = np.moveaxis(whitening[:, view], -1, 0)
        factor = np.stack([np.stack([a, b], -1), np.stack([np.zeros_like(c), c], -1)], -2)
        seen = ahead & np.isfinite(xy[:, view, :, :1])
        difference = np.where(seen, projected - np.nan_to_num(xy[:, view]), 0.0)
        values.append((factor @ difference[..., None])[..., 0])
        slopes.append(np.where(seen[..., None], factor @ slope, 0.0))
    return np.stack(values, 1), np.stack(slopes, 1), velocity


def image_slopes(
    body: BodyArrays, views: Views, xy: Floats, whitening: Floats, moved: Motion
) -> Floats:
    """Return how whitened image distances move with the marks: (T, C, M, 2, 3)."""
    return _image(body, views, xy, whitening, moved)[1]


def reprojection(
    body: BodyArrays, views: Views, xy: Floats, whitening: Floats, moved: Motion
) -> Residuals:
    """Return image distances before the robust loss, two rows a point; unseen points are 0.

    `xy` (T, C, M, 2) normalised; `whitening` (T, C, M, 3) as `energy.information_of` writes it.
    """
    values, slopes, velocity = _image(body, views, xy, whitening, moved)
    frames, n = len(values), velocity.shape[-1]
    jacobian = slopes @ velocity[:, None]
    return Residuals(values.reshape(frames, -1), jacobian.reshape(frames, -1, n))


def robust(pairs: Residuals, square: float) -> Residuals:
    """Return two-row residuals weighted as Geman and McClure's loss q / (1 + q / square)."""
    frames, rows = pairs.value.shape
    distance = (pairs.value.reshape(frames, -1, 2) ** 2).sum(-1)
    pull = np.repeat(1 / (1 + distance / square), 2, axis=-1).reshape(frames, rows)
    return Residuals(pairs.value * pull, pairs.jacobian * pull[..., None])


def robust_cost(pairs: Residuals, square: float) -> Floats:
    """Return the cost (T,) of two-row residuals under Geman and McClure's loss."""
    distance = (pairs.value.reshape(len(pairs.value), -1, 2) ** 2).sum(-1)
    return np.asarray(0.5 * (distance / (1 + distance / square)).sum(-1))


def points_in_space(body: BodyArrays, xyz: Floats, sigma: Floats, moved: Motion) -> Residuals:
    """Return distances to marks known in 3D: `xyz` (T, M, 3) mm, NaN = unknown; `sigma` (M,)."""
    points, velocity = mark_points(body, moved)
    known = np.isfinite(xyz)
    weight = np.where(known, 1 / sigma[:, None], 0.0)
    value = np.where(known, points - np.nan_to_num(xyz), 0.0) * weight
    frames, n = len(points), velocity.shape[-1]
    jacobian = velocity * weight[..., None]
    return Residuals(value.reshape(frames, -1), jacobian.reshape(frames, -1, n))


def prior(poses: PoseArrays, weight: Floats | float) -> Residuals:
    """Return z itself: the learned prior is N(0, I). `weight` is one number or (r,)."""
    frames, r = poses.z.shape
    root = np.sqrt(np.broadcast_to(weight, r))
    jacobian = np.zeros((frames, r, 6 + r))
    jacobian[:, :, 6:] = np.diag(root)
    return Residuals(root * poses.z, jacobian)


def limits(body: BodyArrays, weight: float, moved: Motion) -> Residuals:
    """Return how far angles lie beyond their joint limits."""
    beyond = np.maximum(moved.angle - body.high, 0) + np.minimum(moved.angle - body.low, 0)
    beyond[:, 0] = 0
    frames, joints, _, r = len(beyond), *body.basis.shape
    jacobian = np.zeros((frames, joints, 3, 6 + r))
    jacobian[..., 6:] = np.where(beyond[..., None] != 0, body.basis, 0.0)
    scale = np.sqrt(weight)
    return Residuals(
        scale * beyond.reshape(frames, -1), scale * jacobian.reshape(frames, joints * 3, -1)
    )


def floor(
    body: BodyArrays, views: Views, penetration: float, contact: float, moved: Motion
) -> Residuals:
    """Return paws below the floor, and paws near it with a pull that fades with height."""
    height = moved.joint[:, body.paw] @ views.floor[:3] + views.floor[3]
    fading = np.sqrt(contact) / (1 + (height / CONTACT_REACH) ** 2)
    scale = np.where(height < 0, np.sqrt(penetration), fading)
    velocity = np.einsum("i,tpin->tpn", views.floor[:3], moved.velocity[:, body.paw])
    return Residuals(height * scale, velocity * scale[..., None])


def published_prior(
    mixture: PositionMixture, joints: int, weight: float, moved: Motion
) -> Residuals:
    """Return the published Gaussian mixture over normalised joint positions, as residuals.

    Its first `joints` joints (18) are used, in the mixture's own normalisation.
    """
    position = moved.joint[:, :joints]
    slope = mixture.jacobian(position)
    velocity = moved.velocity[:, :joints].reshape(len(position), joints * 3, -1)
    scale = np.sqrt(weight)
    return Residuals(scale * mixture.residual(position), scale * slope @ velocity)
