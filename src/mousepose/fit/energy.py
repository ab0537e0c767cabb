"""The energy of one frame's pose: its cost by term, and its normal equations.

E = 1/2 sum of squared whitened residuals: reprojection (with the Geman-McClure robust loss), the
prior on z, joint limits, and the floor. `mousepose.fit.terms` writes the same
terms plainly in NumPy; tests hold the two against each other.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from mousepose.fit.arrays import BodyArrays, Views, Weights
from mousepose.fit.kinematics import State, inner, mark_place, njit
from mousepose.types import Floats

#: mm over which the pull of the floor on a paw fades out.
CONTACT_REACH = 4.0
#: mm; what is nearer to a camera, or behind it, is not seen.
NEAREST = 1.0


class Normal(NamedTuple):
    """Room for the normal equations of one frame: n variables, up to `rows` residuals."""

    hessian: Floats  #: (n, n), upper triangle, with room for one more when n is odd
    gradient: Floats  #: (n,)
    jacobian: Floats  #: (rows, n)
    columns: Floats  #: (n, rows), the Jacobian transposed
    residual: Floats  #: (rows,)
    point: Floats  #: (3,)
    arm: Floats  #: (3,)
    whitener: Floats  #: (2, 3)


@njit
def new_normal(body: BodyArrays, cameras: int) -> Normal:
    """Return room for the normal equations of a body seen by some cameras."""
    n = 6 + body.basis.shape[2]
    even = n + n % 2
    rows = 2 * cameras * len(body.mark_bone) + len(body.paw)
    return Normal(
        np.zeros((even, even)), np.zeros(n), np.zeros((rows, n)), np.zeros((even, rows)),
        np.zeros(rows), np.zeros(3), np.zeros(3), np.zeros((2, 3)),
    )  # fmt: skip


@njit
def information_of(
    body: BodyArrays, views: Views, covariance: Floats, place: Floats, out: Floats
) -> None:
    """Write each point's whitening factors (C, M, 3) = (a, b, c) of [[a, b], [0, c]] to `out`.

    A mark that wanders s mm moves by s / depth in normalised coordinates, which adds to the image
    noise. The depth is that of the root, so that the energy does not change during a fit.
    """
    for view in range(len(views.rotation)):
        rotation = views.rotation[view]
        depth = views.translation[view, 2]
        for i in range(3):
            depth += rotation[2, i] * place[i]
        depth = max(depth, 1.0)
        for mark in range(len(body.mark_bone)):
            slack = body.mark_variance[mark] / (depth * depth)
            xx = covariance[view, mark, 0] + slack
            xy = covariance[view, mark, 1]
            yy = covariance[view, mark, 2] + slack
            c = 1 / math.sqrt(yy)
            a = math.sqrt(1 / (xx - xy * xy / yy))
            out[view, mark, 0], out[view, mark, 1], out[view, mark, 2] = a, -a * xy / yy, c


@inner
def _residual(
    views: Views, view: int, mark: int, xy: Floats, factor: Floats, normal: Normal
) -> tuple[float, float, bool]:
    """Return a point's whitened residual and fill its derivative (2, 3); False: behind."""
    rotation, shift, point, whitener = (
        views.rotation,
        views.translation,
        normal.point,
        normal.whitener,
    )
    px, py, pz = point[0], point[1], point[2]
    x = (
        shift[view, 0]
        + rotation[view, 0, 0] * px
        + rotation[view, 0, 1] * py
        + rotation[view, 0, 2] * pz
    )
    y = (
        shift[view, 1]
        + rotation[view, 1, 0] * px
        + rotation[view, 1, 1] * py
        + rotation[view, 1, 2] * pz
    )
    z = (
        shift[view, 2]
        + rotation[view, 2, 0] * px
        + rotation[view, 2, 1] * py
        + rotation[view, 2, 2] * pz
    )
    if z < NEAREST:
        return 1e3, 1e3, False
    u, v = x / z, y / z
    a, b, c = factor[view, mark, 0], factor[view, mark, 1], factor[view, mark, 2]
    for i in range(3):
        across = (rotation[view, 0, i] - u * rotation[view, 2, i]) / z
        down = (rotation[view, 1, i] - v * rotation[view, 2, i]) / z
        whitener[0, i], whitener[1, i] = a * across + b * down, c * down
    du, dv = u - xy[view, mark, 0], v - xy[view, mark, 1]
    return a * du + b * dv, c * dv, True


@inner
def cost(
    body: BodyArrays, views: Views, weights: Weights, xy: Floats, factor: Floats, anchor: Floats,
    z: Floats, state: State, normal: Normal, terms: Floats,
) -> float:  # fmt: skip
    """Return the energy of the pose in `state`; `terms` (4,) receives its parts."""
    for k in range(len(terms)):
        terms[k] = 0.0
    for mark in range(len(body.mark_bone)):
        placed = False
        for view in range(len(views.rotation)):
            if math.isnan(xy[view, mark, 0]):
                continue
            if not placed:
                mark_place(body, mark, state, normal.point, normal.arm)
                placed = True
            first, second, _ = _residual(views, view, mark, xy, factor, normal)
            square = first * first + second * second
            terms[0] += 0.5 * square / (1 + square / weights.robust)
    for c in range(len(z)):
        terms[1] += 0.5 * weights.prior[c] * z[c] * z[c]
    for i in range(3):
        step = state.joint[0, i] - anchor[i]
        terms[1] += 0.5 * weights.anchor * step * step
    if weights.limit > 0:
        terms[2] = _limit_cost(body, state, weights.limit)
    if views.floor_known:
        terms[3] = _floor_cost(body, views, weights, state)
    return terms[0] + terms[1] + terms[2] + terms[3]


@inner
def _limit_cost(body: BodyArrays, state: State, weight: float) -> float:
    total = 0.0
    for j in range(1, len(body.parent)):
        for i in range(3):
            angle = state.angle[j, i]
            beyond = max(angle - body.high[j, i], 0.0) + min(angle - body.low[j, i], 0.0)
            total += 0.5 * weight * beyond * beyond
    return total


@inner
def _height(views: Views, state: State, joint: int) -> float:
    return (
        views.floor[0] * state.joint[joint, 0]
        + views.floor[1] * state.joint[joint, 1]
        + views.floor[2] * state.joint[joint, 2]
        + views.floor[3]
    )


@inner
def _floor_cost(body: BodyArrays, views: Views, weights: Weights, state: State) -> float:
    total = 0.0
    for joint in body.paw:
        height = _height(views, state, joint)
        if height < 0:
            total += 0.5 * weights.penetration * height * height
        else:
            square = height * height
            total += 0.5 * weights.contact * square / (1 + square / CONTACT_REACH**2)
    return total


@inner
def linearise(
    body: BodyArrays, views: Views, weights: Weights, xy: Floats, factor: Floats, anchor: Floats,
    z: Floats, state: State, normal: Normal,
) -> None:  # fmt: skip
    """Fill the Gauss-Newton normal equations of the pose in `state` (with its velocities)."""
    n = len(normal.gradient)
    rows = _reprojection_rows(body, views, weights, xy, factor, state, normal)
    if views.floor_known:
        rows = _floor_rows(body, views, weights, state, normal, rows)
    _product(normal, rows, n)
    for i in range(3):
        normal.hessian[i, i] += 1e-6
        normal.hessian[3 + i, 3 + i] += weights.anchor
        normal.gradient[3 + i] += weights.anchor * (state.joint[0, i] - anchor[i])
    for c in range(len(z)):
        normal.hessian[6 + c, 6 + c] += weights.prior[c]
        normal.gradient[6 + c] += weights.prior[c] * z[c]
    if weights.limit > 0:
        _add_limits(body, weights, state, normal)


@inner
def _reprojection_rows(
    body: BodyArrays, views: Views, weights: Weights, xy: Floats, factor: Floats, state: State,
    normal: Normal,
) -> int:  # fmt: skip
    row = 0
    arm, b, out = normal.arm, normal.whitener, normal.jacobian
    v, w = state.velocity, state.turn
    for mark in range(len(body.mark_bone)):
        bone = body.mark_bone[mark]
        mark_place(body, mark, state, normal.point, arm)
        for view in range(len(views.rotation)):
            if math.isnan(xy[view, mark, 0]):
                continue
            first, second, ahead = _residual(views, view, mark, xy, factor, normal)
            if not ahead:
                continue
            # the square root of the robust weight
            pull = 1 / (1 + (first * first + second * second) / weights.robust)
            for half in range(2):
                b0, b1, b2 = pull * b[half, 0], pull * b[half, 1], pull * b[half, 2]
                _root_columns(state, normal.point, b0, b1, b2, out, row)
                # b . (v + w x arm) = b . v + (arm x b) . w
                w0 = arm[1] * b2 - arm[2] * b1
                w1 = arm[2] * b0 - arm[0] * b2
                w2 = arm[0] * b1 - arm[1] * b0
                for c in range(v.shape[2]):
                    out[row, 6 + c] = (
                        b0 * v[bone, 0, c] + b1 * v[bone, 1, c] + b2 * v[bone, 2, c]
                        + w0 * w[bone, 0, c] + w1 * w[bone, 1, c] + w2 * w[bone, 2, c]
                    )  # fmt: skip
                normal.residual[row] = pull * (first if half == 0 else second)
                row += 1
    return row


@inner
def _root_columns(
    state: State, point: Floats, b0: float, b1: float, b2: float, out: Floats, row: int
) -> None:
    """Fill the columns of the root: d(b . point) for a turn and a shift of the whole body."""
    joint = state.joint
    q0, q1, q2 = point[0] - joint[0, 0], point[1] - joint[0, 1], point[2] - joint[0, 2]
    out[row, 0], out[row, 1], out[row, 2] = q1 * b2 - q2 * b1, q2 * b0 - q0 * b2, q0 * b1 - q1 * b0
    out[row, 3], out[row, 4], out[row, 5] = b0, b1, b2


@inner
def _floor_rows(
    body: BodyArrays, views: Views, weights: Weights, state: State, normal: Normal, row: int
) -> int:
    v, out = state.velocity, normal.jacobian
    for joint in body.paw:
        height = _height(views, state, joint)
        if height < 0:
            scale = math.sqrt(weights.penetration)
        else:
            scale = math.sqrt(weights.contact) / (1 + height * height / CONTACT_REACH**2)
        b0, b1, b2 = scale * views.floor[0], scale * views.floor[1], scale * views.floor[2]
        for i in range(3):
            normal.point[i] = state.joint[joint, i]
        _root_columns(state, normal.point, b0, b1, b2, out, row)
        for c in range(v.shape[2]):
            out[row, 6 + c] = b0 * v[joint, 0, c] + b1 * v[joint, 1, c] + b2 * v[joint, 2, c]
        normal.residual[row] = scale * height
        row += 1
    return row


@inner
def _product(normal: Normal, rows: int, n: int) -> None:
    """Write J^T J (upper triangle) and J^T r.

    Two by two columns of a transposed copy are multiplied at a time: sums along long rows keep
    the vector units busy, while rows of J itself, n long, are too short for them (2.5 x slower).
    """
    columns, jacobian, hessian, residual = (
        normal.columns, normal.jacobian, normal.hessian, normal.residual,
    )  # fmt: skip
    for k in range(rows):
        for i in range(n):
            columns[i, k] = jacobian[k, i]
    for i in range(n):
        total = 0.0
        for k in range(rows):
            total += columns[i, k] * residual[k]
        normal.gradient[i] = total
    for i in range(0, n, 2):
        for m in range(i, n, 2):
            a, b, c, d = 0.0, 0.0, 0.0, 0.0
            for k in range(rows):
                x, y, u, v = columns[i, k], columns[i + 1, k], columns[m, k], columns[m + 1, k]
                a += x * u
                b += x * v
                c += y * u
                d += y * v
            hessian[i, m], hessian[i, m + 1] = a, b
            hessian[i + 1, m], hessian[i + 1, m + 1] = c, d


@inner
def _add_limits(body: BodyArrays, weights: Weights, state: State, normal: Normal) -> None:
    r = body.basis.shape[2]
    for j in range(1, len(body.parent)):
        for i in range(3):
            angle = state.angle[j, i]
            beyond = max(angle - body.high[j, i], 0.0) + min(angle - body.low[j, i], 0.0)
            if beyond == 0.0:
                continue
            for c in range(r):
                pull = weights.limit * body.basis[j, i, c]
                normal.gradient[6 + c] += pull * beyond
                for m in range(c, r):
                    normal.hessian[6 + c, 6 + m] += pull * body.basis[j, i, m]
