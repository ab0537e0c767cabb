"""Where points of the body are and how sure that is: Laplace's covariance carried to points.

A tracker's mark is a body point plus its own wandering d ~ N(0, s^2 I). Given the pose, the image
also tells d: its mean is K (u - projected) and its covariance s^2 (I - K A), K the Kalman gain and
A the camera's derivative. So a seen mark is drawn towards its ray.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from mousepose.fit.arrays import BodyArrays, Points, PoseArrays, Views
from mousepose.fit.energy import NEAREST
from mousepose.fit.kinematics import forward, inner, mark_place, new_state, njit
from mousepose.types import Floats


class PointEstimate(NamedTuple):
    """Points (T, M, 3) mm, their covariance (T, M, 3, 3) mm^2 and angles' sd (T, J, 3) rad."""

    xyz: Floats
    covariance: Floats
    angle_sd: Floats


def estimate_points(
    body: BodyArrays, views: Views, points: Points | None, poses: PoseArrays, covariance: Floats
) -> PointEstimate:
    """Return the body's marks in T poses of covariance (T, n, n).

    With `points`, marks are drawn to where the image shows them; without, they are body points.
    """
    frames, count, joints = len(poses.place), len(body.mark_bone), len(body.parent)
    out = PointEstimate(
        np.zeros((frames, count, 3)), np.zeros((frames, count, 3, 3)), np.zeros((frames, joints, 3))
    )
    drawn = points is not None
    given = points if points is not None else Points(np.zeros((1, 1, 1, 2)), np.zeros((1, 1, 1, 3)))
    carry(body, views, given, drawn, poses, covariance, out.xyz, out.covariance, out.angle_sd)
    return out


@njit
def carry(
    body: BodyArrays, views: Views, points: Points, drawn: bool, poses: PoseArrays,
    covariance: Floats, xyz: Floats, spread: Floats, angle_sd: Floats,
) -> None:  # fmt: skip
    """Write places and covariances of the marks, and the angles' standard deviations."""
    r = poses.z.shape[1]
    n = 6 + r
    state = new_state(len(body.parent), r)
    point, arm = np.zeros(3), np.zeros(3)
    jacobian, half = np.zeros((3, n)), np.zeros((3, n))
    for t in range(len(poses.place)):
        forward(body, poses.rotation[t], poses.place[t], poses.z[t], state, True)
        for mark in range(len(body.mark_bone)):
            mark_place(body, mark, state, point, arm)
            bone = body.mark_bone[mark]
            v, w, joint = state.velocity, state.turn, state.joint
            for i in range(3):
                j, k = (i + 1) % 3, (i + 2) % 3
                jacobian[i, i] = 0.0
                jacobian[i, j] = point[k] - joint[0, k]
                jacobian[i, k] = -(point[j] - joint[0, j])
                for c in range(3):
                    jacobian[i, 3 + c] = 1.0 if c == i else 0.0
                for c in range(r):
                    jacobian[i, 6 + c] = (
                        v[bone, i, c] + w[bone, j, c] * arm[k] - w[bone, k, c] * arm[j]
                    )
            for i in range(3):
                xyz[t, mark, i] = point[i]
            _sandwich(jacobian, covariance[t], half, spread[t, mark])
            if not drawn:  # a body point is where other animals and labellers have it, give or take
                for i in range(3):
                    spread[t, mark, i, i] += body.mark_variance[mark]
            else:
                for view in range(len(views.rotation)):
                    _draw(body, views, view, points, t, mark, xyz[t, mark], spread[t, mark])
        _angle_sd(body, covariance[t], angle_sd[t])


@inner
def _sandwich(jacobian: Floats, covariance: Floats, half: Floats, out: Floats) -> None:
    n = covariance.shape[0]
    for i in range(3):
        for c in range(n):
            half[i, c] = 0.0
        for k in range(n):
            for c in range(n):
                half[i, c] += jacobian[i, k] * covariance[k, c]
    for i in range(3):
        for m in range(3):
            total = 0.0
            for c in range(n):
                total += half[i, c] * jacobian[m, c]
            out[i, m] = total


@inner
def _draw(
    body: BodyArrays, views: Views, view: int, points: Points, t: int, mark: int,
    place: Floats, spread: Floats,
) -> None:  # fmt: skip
    """Move a mark towards what one camera sees of it; add what is left of its wandering."""
    variance = body.mark_variance[mark] / len(views.rotation)
    u, v = points.xy[t, view, mark, 0], points.xy[t, view, mark, 1]
    turn = views.rotation[view]
    camera = np.zeros(3)
    for i in range(3):
        camera[i] = views.translation[view, i]
        for k in range(3):
            camera[i] += turn[i, k] * place[k]
    if math.isnan(u) or camera[2] < NEAREST:
        for i in range(3):
            spread[i, i] += variance
        return
    slope = np.zeros((2, 3))
    for i in range(3):
        slope[0, i] = (turn[0, i] - camera[0] / camera[2] * turn[2, i]) / camera[2]
        slope[1, i] = (turn[1, i] - camera[1] / camera[2] * turn[2, i]) / camera[2]
    noise = points.covariance[t, view, mark]
    xx, xy, yy = noise[0], noise[1], noise[2]
    for i in range(3):
        xx += variance * slope[0, i] ** 2
        xy += variance * slope[0, i] * slope[1, i]
        yy += variance * slope[1, i] ** 2
    determinant = xx * yy - xy * xy
    du, dv = u - camera[0] / camera[2], v - camera[1] / camera[2]
    left = np.zeros((3, 3))
    for i in range(3):
        first = variance * (slope[0, i] * yy - slope[1, i] * xy) / determinant
        second = variance * (slope[1, i] * xx - slope[0, i] * xy) / determinant
        place[i] += first * du + second * dv
        for k in range(3):
            left[i, k] = (1.0 if i == k else 0.0) - first * slope[0, k] - second * slope[1, k]
    turned = left @ spread @ left.T
    for i in range(3):
        for k in range(3):
            spread[i, k] = turned[i, k] + variance * left[i, k]


@inner
def _angle_sd(body: BodyArrays, covariance: Floats, out: Floats) -> None:
    r = body.basis.shape[2]
    for j in range(1, len(body.parent)):
        for i in range(3):
            total = 0.0
            for c in range(r):
                if body.basis[j, i, c] == 0.0:
                    continue
                along = 0.0
                for k in range(r):
                    along += covariance[6 + c, 6 + k] * body.basis[j, i, k]
                total += along * body.basis[j, i, c]
            out[j, i] = math.sqrt(max(total, 0.0))
