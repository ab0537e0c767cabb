"""Levenberg-Marquardt for many frames, one after the other, each to its own minimum.

A frame's normal matrix is small and dense (n = 6 + r), so it is factored in place; every frame
stops by itself. A step that raises the energy is refused, so the energy never grows.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mousepose.fit.arrays import TERMS, BodyArrays, Points, PoseArrays, Views, Weights
from mousepose.fit.energy import Normal, cost, information_of, linearise, new_normal
from mousepose.fit.kinematics import State, exponential, forward, inner, new_state, njit, once
from mousepose.types import Floats, Ints

Bools = NDArray[np.bool_]

#: A frame stops when a step lowers its energy by less than this share.
TOLERANCE = 3e-4
_DAMPING = 1e-3
_MOST_DAMPING = 1e6


class Frame(NamedTuple):
    """Room for fitting one frame."""

    rotation: Floats  #: (3, 3)
    place: Floats  #: (3,)
    z: Floats  #: (r,)
    step: Floats  #: (n,)
    factor: Floats  #: (n, n)
    whitening: Floats  #: (C, M, 3)
    anchor: Floats  #: (3,)
    terms: Floats  #: (5,)


@inner
def _new_frame(body: BodyArrays, cameras: int) -> Frame:
    r = body.basis.shape[2]
    n = 6 + r
    return Frame(
        np.zeros((3, 3)), np.zeros(3), np.zeros(r), np.zeros(n), np.zeros((n, n)),
        np.zeros((cameras, len(body.mark_bone), 3)), np.zeros(3), np.zeros(len(TERMS)),
    )  # fmt: skip


@njit
def damped_step(normal: Normal, damping: float, factor: Floats, step: Floats) -> bool:
    """Solve (H + damping diag(H)) step = -g by Cholesky; False where H is not positive.

    Two columns are eliminated a turn, row by row over the upper triangle (H = U^T U), so that the
    inner loops run over contiguous memory.
    """
    n = len(step)
    for i in range(n):
        for m in range(i, n):
            factor[i, m] = normal.hessian[i, m]
        factor[i, i] *= 1 + damping
    for k in range(0, n, 2):
        pair = k + 1 < n
        if not _scale_row(factor, k, n):
            return False
        if pair:
            a = factor[k, k + 1]
            for m in range(k + 1, n):
                factor[k + 1, m] -= a * factor[k, m]
            if not _scale_row(factor, k + 1, n):
                return False
            for i in range(k + 2, n):
                a, b = factor[k, i], factor[k + 1, i]
                for m in range(i, n):
                    factor[i, m] -= a * factor[k, m] + b * factor[k + 1, m]
    for i in range(n):
        step[i] = -normal.gradient[i]
    for i in range(n):
        step[i] /= factor[i, i]
        for m in range(i + 1, n):
            step[m] -= factor[i, m] * step[i]
    for i in range(n - 1, -1, -1):
        total = step[i]
        for m in range(i + 1, n):
            total -= factor[i, m] * step[m]
        step[i] = total / factor[i, i]
    return True


@inner
def _scale_row(factor: Floats, k: int, n: int) -> bool:
    pivot = factor[k, k]
    if not pivot > 0.0:
        return False
    scale = 1 / math.sqrt(pivot)
    for m in range(k, n):
        factor[k, m] *= scale
    return True


@inner
def _moved(
    step: Floats, rotation: Floats, place: Floats, z: Floats, frame: Frame, state: State
) -> None:
    """Write the pose one step further to `frame`: the root turns by exp(step[:3])."""
    turn = state.local
    exponential(step[0], step[1], step[2], turn, state.spread)
    for i in range(3):
        frame.place[i] = place[i] + step[3 + i]
        for k in range(3):
            frame.rotation[i, k] = (
                turn[i, 0] * rotation[0, k]
                + turn[i, 1] * rotation[1, k]
                + turn[i, 2] * rotation[2, k]
            )
    for c in range(len(z)):
        frame.z[c] = z[c] + step[6 + c]


@inner
def _accept(frame: Frame, rotation: Floats, place: Floats, z: Floats, terms: Floats) -> None:
    for i in range(3):
        place[i] = frame.place[i]
        for k in range(3):
            rotation[i, k] = frame.rotation[i, k]
    for c in range(len(z)):
        z[c] = frame.z[c]
    for k in range(len(terms)):
        terms[k] = frame.terms[k]


@once
def _fit_frame(
    body: BodyArrays, views: Views, weights: Weights, xy: Floats,
    rotation: Floats, place: Floats, z: Floats, iterations: int,
    state: State, normal: Normal, frame: Frame, terms: Floats,
) -> int:  # fmt: skip
    """Improve one pose (`rotation`, `place`, `z`) in place; return the number of steps tried.

    With no iterations `normal` holds the normal equations of the pose. Every kernel is called from
    one line only: compilers copy what is called from more, which tripled the time to compile.
    """
    whitening, anchor, step = frame.whitening, frame.anchor, frame.step
    step[:] = 0.0
    _moved(step, rotation, place, z, frame, state)
    energy, damping, tried = 0.0, _DAMPING, 0
    while True:
        forward(body, frame.rotation, frame.place, frame.z, state, True)
        new = cost(body, views, weights, xy, whitening, anchor, frame.z, state, normal, frame.terms)
        if tried == 0 or new <= energy:
            _accept(frame, rotation, place, z, terms)
            if tried > 0:
                damping = max(damping * 0.2, 1e-7)
                if energy - new <= TOLERANCE * energy:
                    break
            energy = new
            linearise(body, views, weights, xy, whitening, anchor, z, state, normal)
        else:
            damping *= 5
        while tried < iterations and damping < _MOST_DAMPING:
            tried += 1
            if damped_step(normal, damping, frame.factor, step):
                break
            damping *= 10
        else:
            break
        _moved(step, rotation, place, z, frame, state)
    return tried


@inner
def _go_on(poses: PoseArrays, t: int, depth_from: Floats) -> None:
    for i in range(3):
        poses.place[t, i] = depth_from[t, i] = poses.place[t - 1, i]
        for k in range(3):
            poses.rotation[t, i, k] = poses.rotation[t - 1, i, k]
    for c in range(poses.z.shape[1]):
        poses.z[t, c] = poses.z[t - 1, c]


@njit
def fit_frames(
    body: BodyArrays, views: Views, weights: Weights, points: Points, depth_from: Floats,
    poses: PoseArrays, iterations: int, terms: Floats, tried: Ints,
    hessians: Floats, gradients: Floats, chained: Bools,
) -> None:  # fmt: skip
    """Improve the poses of T frames in place, or with no iterations only weigh them.

    The noise of the points is taken at the depth of `depth_from` (T, 3). `terms` (T, 4) receives
    the cost by term, `tried` (T,) the steps. Without iterations, `hessians` (T, n, n) and
    `gradients` (T, n) that are not empty receive the normal equations. A frame that is `chained`
    (T,) starts from the result of the frame before it.
    """
    cameras = len(views.rotation)
    state = new_state(len(body.parent), body.basis.shape[2])
    normal, frame = new_normal(body, cameras), _new_frame(body, cameras)
    for t in range(len(poses.place)):
        xy = points.xy[t]
        if chained[t]:
            _go_on(poses, t, depth_from)
        information_of(body, views, points.covariance[t], depth_from[t], frame.whitening)
        for i in range(3):
            frame.anchor[i] = depth_from[t, i]
        rotation, place, z = poses.rotation[t], poses.place[t], poses.z[t]
        tried[t] = _fit_frame(
            body, views, weights, xy, rotation, place, z, iterations, state, normal, frame, terms[t]
        )
        if len(hessians) > 0:
            for i in range(len(normal.gradient)):
                gradients[t, i] = normal.gradient[i]
                for m in range(i, len(normal.gradient)):
                    hessians[t, i, m] = hessians[t, m, i] = normal.hessian[i, m]
