"""Bundle adjustment of cameras and the points of a moving thing whose lengths are roughly known.

Levenberg-Marquardt with analytic derivatives; the points of each frame are eliminated by the Schur
complement (Triggs et al., Bundle Adjustment: A Modern Synthesis, 2000, section 6). Ties, distances
between two points of a frame that are known to a factor, give the scale, and hold together what few
or narrow views leave open. Knows no mice. Letters: C cameras, T frames, K points of a frame, P
ties.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mousepose.geometry.camera import Camera
from mousepose.geometry.resection import moved
from mousepose.geometry.rotation import skew
from mousepose.geometry.triangulate_solve import multiply
from mousepose.types import Floats, Ints, require

_FIRST_DAMPING, _LARGEST_DAMPING = 1e-4, 1e10
#: A step that lowers the cost by less than this share ends the search.
_CONVERGED = 1e-7
#: Parameters of a camera: turn, shift, logarithm of the focal length.
_TERMS = 7
#: mm; nearer points have no direction to each other.
_NEAREST = 0.1


class Ties(NamedTuple):
    """Distances: `pairs` (P, 2) of points, `log_mm` (P,) their logarithm, `weights` (P,) of one."""

    pairs: Ints
    log_mm: Floats
    weights: Floats


@dataclass(frozen=True, eq=False)
class PointAdjustment:
    """Cameras (C) and points (T, K, 3) mm after adjustment, NaN where fewer than two views count.

    `cost` is the robust cost in units of the weights; `focal_sd` (C,) the standard deviation of
    each focal length as a share, 0 where it was held, for noise of the given weights.
    """

    cameras: tuple[Camera, ...]
    points: Floats
    cost: float
    focal_sd: Floats
    steps: int


class _Problem(NamedTuple):
    pixels: Floats  # (C, T, K, 2)
    weights: Floats  # (C, T, K), 0 = not seen
    ties: Ties
    tied: Floats  # (T, P), the weight of each tie in each frame
    huber: float
    free: NDArray[np.bool_]  # (C, 7) which parameters move
    presumed: Floats  # (C,) px
    focal_sd: float


class _System(NamedTuple):
    cost: float
    cameras: Floats  # (7C, 7C)
    between: Floats  # (T, 7C, 3K)
    points: Floats  # (T, 3K, 3K)
    camera_gradient: Floats  # (7C,)
    point_gradient: Floats  # (T, 3K)


def adjust_points(
    cameras: Sequence[Camera],
    points: Floats,
    pixels: Floats,
    weights: Floats,
    ties: Ties,
    *,
    focal_sd: float = 0.0,
    huber: float = 2.5,
    most_steps: int = 50,
) -> PointAdjustment:
    """Return cameras and points (T, K, 3) that fit `pixels` (C, T, K, 2) and ties best.

    `weights` (C, T, K) px^-2, 0 where a camera does not see the point. NaN points take no part. The
    first camera's pose stays. Focal lengths move where `focal_sd` is not 0: they are presumed to be
    exact to this share. Residuals beyond `huber` standard deviations count linearly. Raises
    `InputError` where a point lies behind a camera at the start.
    """
    known = np.isfinite(points).all(axis=-1) & ((weights > 0).sum(axis=0) >= 2)
    free = np.ones((len(cameras), _TERMS), bool)
    free[0, :6] = False
    free[:, 6] = focal_sd > 0
    presumed = np.array([camera.matrix[0, 0] for camera in cameras])
    tied = known[:, ties.pairs].all(axis=-1) * ties.weights
    problem = _Problem(
        pixels, np.where(known, weights, 0.0), ties, tied, huber, free, presumed, focal_sd
    )
    state, places = tuple(cameras), np.where(known[..., None], points, 0.0)
    system = _linearise(problem, state, places)
    require(np.isfinite(system.cost), "the start has a point behind a camera")
    damping, steps = _FIRST_DAMPING, 0
    while steps < most_steps and damping < _LARGEST_DAMPING:
        steps += 1
        proposal = _moved(problem, system, state, places, damping)
        proposed = None if proposal is None else _linearise(problem, *proposal)
        if proposal is None or proposed is None or not proposed.cost < system.cost:
            damping *= 10
            continue
        gain = system.cost - proposed.cost
        (state, places), system, damping = proposal, proposed, damping / 10
        if gain <= _CONVERGED * system.cost:
            break
    found = np.where(known[..., None], places, np.nan)
    return PointAdjustment(state, found, system.cost, _focal_sd(problem, system), steps)


def _linearise(problem: _Problem, cameras: Sequence[Camera], points: Floats) -> _System:
    """Return the normal equations; the cost is infinite where a seen point lies behind."""
    frames, count = points.shape[:2]
    size = _TERMS * len(cameras)
    system = _System(
        0.0, np.zeros((size, size)), np.zeros((frames, size, 3 * count)),
        np.zeros((frames, 3 * count, 3 * count)), np.zeros(size), np.zeros((frames, 3 * count)),
    )  # fmt: skip
    cost = 0.0
    # the blocks of single points, and their places in those of frames
    between = system.between.reshape(frames, size, count, 3)
    blocks = system.points.reshape(frames, count, 3, count, 3)
    gradient = system.point_gradient.reshape(frames, count, 3)
    for index, camera in enumerate(cameras):
        part = slice(_TERMS * index, _TERMS * (index + 1))
        frame, point = np.nonzero(problem.weights[index] > 0)
        image, by_point = camera.project(points[frame, point], jacobian=True)
        residual = problem.pixels[index, frame, point] - image
        if not np.isfinite(residual).all():
            return system._replace(cost=np.inf)
        by_camera = _by_camera(camera, points[frame, point], image, by_point)
        weight = problem.weights[index, frame, point]
        off = np.sqrt(weight * (residual**2).sum(axis=1))
        far = off > problem.huber
        cost += float(np.where(far, problem.huber * (2 * off - problem.huber), off**2).sum())
        weight = np.where(far, weight * problem.huber / np.where(far, off, 1.0), weight)
        left = np.swapaxes(by_camera, 1, 2) * weight[:, None, None]
        right = np.swapaxes(by_point, 1, 2) * weight[:, None, None]
        system.cameras[part, part] += (left @ by_camera).sum(axis=0)
        system.camera_gradient[part] += multiply(left, residual).sum(axis=0)
        between[frame, part, point] += left @ by_point
        blocks[frame, point, :, point] += right @ by_point
        gradient[frame, point] += multiply(right, residual)
    cost += _add_focal(problem, cameras, system) + _add_ties(problem, points, system)
    # points that nothing is known of stay where they are
    diagonal = np.einsum("tii->ti", system.points)
    diagonal[diagonal == 0] = 1.0
    return system._replace(cost=cost)


def _add_focal(problem: _Problem, cameras: Sequence[Camera], system: _System) -> float:
    """Add what is presumed of focal lengths to the normal equations; return its cost."""
    if problem.focal_sd == 0:
        return 0.0
    focal = np.array([camera.matrix[0, 0] for camera in cameras])
    off = np.log(focal / problem.presumed) / problem.focal_sd
    place = np.arange(len(cameras)) * _TERMS + _TERMS - 1
    system.cameras[place, place] += problem.focal_sd**-2
    system.camera_gradient[place] -= off / problem.focal_sd
    return float((off**2).sum())


def _add_ties(problem: _Problem, points: Floats, system: _System) -> float:
    """Add the ties to the normal equations of the frames; return their cost."""
    ties = problem.ties
    apart = points[:, ties.pairs[:, 0]] - points[:, ties.pairs[:, 1]]  # (T, P, 3)
    squared = np.maximum((apart**2).sum(axis=-1), _NEAREST**2)
    slope = apart / squared[..., None]  # of the logarithm of the distance
    off = ties.log_mm - 0.5 * np.log(squared)
    frames, count = points.shape[:2]
    one, other = ties.pairs.T
    signs = np.zeros((count, len(ties.pairs)))
    signs[one, np.arange(len(one))], signs[other, np.arange(len(one))] = 1.0, -1.0
    pull = problem.tied[..., None] * slope  # (T, P, 3)
    outer = pull[..., :, None] * slope[..., None, :]
    blocks = system.points.reshape(frames, count, 3, count, 3)
    every = np.arange(count)
    own = (np.abs(signs) @ outer.reshape(frames, -1, 9)).reshape(frames, count, 3, 3)
    # indices on both sides of a slice put their own axis first
    blocks[:, every, :, every] += np.swapaxes(own, 0, 1)
    blocks[:, one, :, other] -= np.swapaxes(outer, 0, 1)
    blocks[:, other, :, one] -= np.swapaxes(outer, 0, 1)
    gradient = system.point_gradient.reshape(frames, count, 3)
    gradient += signs @ (pull * off[..., None])
    return float((problem.tied * off**2).sum())


def _by_camera(camera: Camera, points: Floats, image: Floats, by_point: Floats) -> Floats:
    """Return the derivative (N, 2, 7) of images by turn and shift of the camera and log focal.

    Turn and shift act as in `resection.moved`: p_camera = exp(w) R X + t + v.
    """
    by_place = by_point @ camera.rotation.T  # by the point in the camera's frame
    turned = points @ camera.rotation.T
    by_focal = image - camera.matrix[:2, 2]
    return np.concatenate([by_place @ -skew(turned), by_place, by_focal[..., None]], axis=-1)


def _reduced(problem: _Problem, system: _System, damping: float) -> tuple[Floats, ...]:
    """Return the Schur complement of the free parameters, its right side, the frames' blocks."""
    blocks = system.points.copy()
    np.einsum("tii->ti", blocks)[...] *= 1 + damping
    free = problem.free.ravel()
    between = system.between[:, free]
    solved = np.linalg.solve(blocks, np.swapaxes(between, 1, 2))  # (T, 3K, F)
    own = system.cameras[np.ix_(free, free)]
    own = own + damping * np.diag(np.diag(own))
    matrix = own - (between @ solved).sum(axis=0)
    gone = (np.swapaxes(solved, 1, 2) @ system.point_gradient[..., None])[..., 0].sum(axis=0)
    return matrix, system.camera_gradient[free] - gone, blocks


def _moved(
    problem: _Problem,
    system: _System,
    cameras: Sequence[Camera],
    points: Floats,
    damping: float,
) -> tuple[tuple[Camera, ...], Floats] | None:
    """Return cameras and points after a damped step, None where there is no such step."""
    step = np.zeros(problem.free.size)
    try:
        matrix, right, blocks = _reduced(problem, system, damping)
        step[problem.free.ravel()] = np.linalg.solve(matrix, right)
        left = system.point_gradient - step @ system.between
        shift = np.linalg.solve(blocks, left[..., None])[..., 0]
    except np.linalg.LinAlgError:
        return None
    if not (np.isfinite(step).all() and np.isfinite(shift).all()):
        return None
    proposal = []
    for camera, move in zip(cameras, step.reshape(-1, _TERMS), strict=True):
        matrix = camera.matrix.copy()
        matrix[:2, :2] *= np.exp(np.clip(move[_TERMS - 1], -0.5, 0.5))
        transform = moved(camera.T_camera_world, move[:6])
        proposal.append(replace(camera, matrix=matrix, T_camera_world=transform))
    return tuple(proposal), points + shift.reshape(points.shape)


def _focal_sd(problem: _Problem, system: _System) -> Floats:
    """Return the standard deviations (C,) of the focal lengths, as a share."""
    spread = np.zeros(problem.free.size)
    if problem.focal_sd > 0:
        matrix, _, _ = _reduced(problem, system, 0.0)
        spread[problem.free.ravel()] = np.diag(np.linalg.pinv(matrix, hermitian=True))
    return np.asarray(np.sqrt(np.maximum(spread.reshape(-1, _TERMS)[:, _TERMS - 1], 0.0)))
