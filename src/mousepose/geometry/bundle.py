"""Bundle adjustment: cameras and the poses of a known object that fit all its images best.

Levenberg-Marquardt with analytic derivatives; the poses, six numbers a frame, are eliminated by
the Schur complement, so that a step solves a dense system of the cameras alone (Triggs et al.,
Bundle Adjustment: A Modern Synthesis, 2000, section 6). Huber's loss bounds what a wrong corner
can do. Knows no mice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from mousepose.geometry import rotation
from mousepose.geometry.camera import NEAREST_DEPTH, Camera
from mousepose.geometry.distortion import coefficients_jacobian, distort, distortion_jacobian
from mousepose.geometry.resection import is_seen, moved
from mousepose.types import Floats, require

_FIRST_DAMPING = 1e-3
_LARGEST_DAMPING = 1e10
#: A step that lowers the cost by less than this share ends the search.
_CONVERGED = 1e-8
#: Huber's limit (px) while the noise is not known yet, and the least one.
_FIRST_HUBER_PX, _LEAST_HUBER_PX = 2.0, 0.05
#: The median distance of normal noise in two dimensions, in standard deviations of each.
_RAYLEIGH_MEDIAN = 1.1774
#: Parameters of a lens before its distortion terms: fx, fy, cx, cy.
_MATRIX_TERMS = 4
_POSE_TERMS = 6


@dataclass(frozen=True, eq=False)
class Adjustment:
    """Cameras (C) and T_world_object (F, 4, 4) after adjustment.

    `residuals` (C, F, P, 2) px are measured minus projected, NaN where not seen. `intrinsics_sd`
    holds for each camera the standard deviations of fx, fy, cx, cy (px) and its distortion terms,
    `position_sd` (C,) mm that of its place: from how much the frames disagree, zeros where held.
    """

    cameras: tuple[Camera, ...]
    T_world_object: Floats
    residuals: Floats
    intrinsics_sd: tuple[Floats, ...]
    position_sd: Floats
    cost: float
    steps: int

    @property
    def rms(self) -> float:
        """The root mean square of all residual distances, px."""
        return float(np.sqrt(np.nanmean((self.residuals**2).sum(axis=-1))))


class _Problem(NamedTuple):
    points: Floats  # (P, 3) mm in the object's frame
    pixels: Floats  # (C, F, P, 2), NaN where not seen
    huber: float
    free: tuple[np.ndarray, ...]  # for each camera (n,) which of its parameters move


class _State(NamedTuple):
    cameras: tuple[Camera, ...]
    transforms: Floats  # (F, 4, 4)


class _System(NamedTuple):
    """The normal equations: cameras (N, N), between (F, N, 6), objects (F, 6, 6), gradients."""

    cameras: Floats
    between: Floats
    objects: Floats
    camera_gradient: Floats  # (F, N): what each frame contributes
    object_gradient: Floats  # (F, 6)
    cost: float


def adjust(
    cameras: Sequence[Camera],
    points: Floats,
    pixels: Floats,
    T_world_object: Floats,
    *,
    intrinsics: bool = True,
    extrinsics: bool = True,
    huber_px: float | None = None,
    most_steps: int = 60,
) -> Adjustment:
    """Return cameras and object poses that fit `pixels` (C, F, P, 2) of `points` (P, 3) mm best.

    NaN pixels are not seen. The first camera's pose stays, which fixes the world. Without
    `intrinsics` matrices and lenses stay, without `extrinsics` all poses of cameras. Residuals
    beyond `huber_px` count linearly; None: beyond three times the noise that is found. Raises
    `InputError` on shapes that do not fit together, and where a frame shows nothing or lies behind
    a camera at the start.
    """
    shape = (len(cameras), len(T_world_object), len(points), 2)
    require(pixels.shape == shape, f"pixels: expected {shape}, got {pixels.shape}")
    in_frame = is_seen(pixels).any(axis=2).any(axis=0)
    require(bool(in_frame.all()), "every frame must show the object to some camera")
    free = tuple(
        _free(camera, intrinsics, extrinsics and index > 0) for index, camera in enumerate(cameras)
    )
    problem = _Problem(points, pixels, _FIRST_HUBER_PX if huber_px is None else huber_px, free)
    state = _State(tuple(cameras), T_world_object.copy())
    state, system, steps = _minimised(problem, state, most_steps)
    if huber_px is None:
        problem = problem._replace(huber=_usual_huber(problem, state))
        state, system, more = _minimised(problem, state, most_steps)
        steps += more
    return _result(problem, state, system, steps)


def _minimised(problem: _Problem, state: _State, most_steps: int) -> tuple[_State, _System, int]:
    """Return the state of least cost near `state`, its system, and the steps it took."""
    system = _linearise(problem, state)
    require(np.isfinite(system.cost), "the start has a point behind a camera")
    damping, steps = _FIRST_DAMPING, 0
    while steps < most_steps and damping < _LARGEST_DAMPING:
        steps += 1
        proposal = _moved(problem, state, system, damping)
        proposed = None if proposal is None else _linearise(problem, proposal)
        if proposal is None or proposed is None or not proposed.cost < system.cost:
            damping *= 10
            continue
        gain = system.cost - proposed.cost
        state, system, damping = proposal, proposed, damping / 10
        if gain <= _CONVERGED * system.cost:
            break
    return state, system, steps


def _residuals(problem: _Problem, state: _State) -> Floats:
    """Return measured minus projected (C, F, P, 2) px, NaN where not seen."""
    rows = [
        _rows(camera, problem.points, pixels, state.transforms)[0]
        for camera, pixels in zip(state.cameras, problem.pixels, strict=True)
    ]
    return np.where(is_seen(problem.pixels)[..., None], np.stack(rows), np.nan)


def _usual_huber(problem: _Problem, state: _State) -> float:
    """Return three standard deviations of the noise, from the median distance."""
    distance = np.linalg.norm(_residuals(problem, state), axis=-1)
    deviation = float(np.nanmedian(distance)) / _RAYLEIGH_MEDIAN
    return min(max(3 * deviation, _LEAST_HUBER_PX), _FIRST_HUBER_PX)


def _free(camera: Camera, intrinsics: bool, extrinsics: bool) -> np.ndarray:
    lens = np.full(_MATRIX_TERMS + len(camera.distortion), intrinsics)
    return np.concatenate([lens, np.full(_POSE_TERMS, extrinsics)])


def _linearise(problem: _Problem, state: _State) -> _System:
    """Return the normal equations of the free parameters; the cost is infinite behind a camera."""
    frames = len(state.transforms)
    sizes = [int(free.sum()) for free in problem.free]
    ends = np.cumsum(sizes)
    cameras = np.zeros((ends[-1], ends[-1]))
    between = np.zeros((frames, ends[-1], _POSE_TERMS))
    objects = np.zeros((frames, _POSE_TERMS, _POSE_TERMS))
    camera_gradient = np.zeros((frames, ends[-1]))
    object_gradient = np.zeros((frames, _POSE_TERMS))
    cost = 0.0
    for camera, pixels, free, end, size in zip(
        state.cameras, problem.pixels, problem.free, ends, sizes, strict=True
    ):
        residual, jacobian = _rows(camera, problem.points, pixels, state.transforms)
        distance = np.linalg.norm(residual, axis=-1)
        far = distance > problem.huber
        loss = np.where(far, problem.huber * (2 * distance - problem.huber), distance**2)
        cost += float(loss.sum())
        if not np.isfinite(cost):
            break
        root = np.sqrt(np.where(far, problem.huber / np.maximum(distance, 1e-300), 1.0))
        weighted = (jacobian * root[..., None, None]).reshape(frames, -1, jacobian.shape[-1])
        weighted = weighted[..., np.concatenate([free, np.ones(_POSE_TERMS, bool)])]
        normal = np.swapaxes(weighted, 1, 2) @ weighted
        errors = (residual * root[..., None]).reshape(frames, -1, 1)
        gradient = (np.swapaxes(weighted, 1, 2) @ errors)[..., 0]
        own = slice(end - size, end)
        cameras[own, own] = normal[:, :size, :size].sum(axis=0)
        between[:, own] = normal[:, :size, size:]
        objects += normal[:, size:, size:]
        camera_gradient[:, own] = gradient[:, :size]
        object_gradient += gradient[:, size:]
    return _System(cameras, between, objects, camera_gradient, object_gradient, cost)


def _rows(
    camera: Camera, points: Floats, pixels: Floats, transforms: Floats
) -> tuple[Floats, Floats]:
    """Return residuals (F, P, 2) px, 0 where not seen, and derivatives (F, P, 2, n + 6).

    Columns: fx fy cx cy, distortion, turn and shift of the camera, turn and shift of the object.
    """
    about_object = np.einsum("fij,pj->fpi", transforms[:, :3, :3], points)
    about_camera = (about_object + transforms[:, None, :3, 3]) @ camera.rotation.T
    inside = about_camera + camera.translation
    scale = camera.matrix[:2, :2]
    with np.errstate(all="ignore"):  # what is behind the camera ends as an infinite residual
        depth = np.where(inside[..., 2:] > NEAREST_DEPTH, inside[..., 2:], np.nan)
        flat = inside[..., :2] / depth
        bent = distort(flat, camera.distortion, camera.model)
        residual = pixels - bent @ scale.T - camera.matrix[:2, 2]
        lens = scale @ distortion_jacobian(flat, camera.distortion, camera.model)
        # d (x/z, y/z) / d (x, y, z) = [I | -(x/z, y/z)] / z
        slope = np.concatenate([lens, -(lens @ flat[..., None])], axis=-1) / depth[..., None]
        terms = scale @ coefficients_jacobian(flat, camera.distortion, camera.model)
    world = slope @ camera.rotation
    focal = np.eye(2) * bent[..., None]
    centre = np.broadcast_to(np.eye(2), focal.shape)
    jacobian = np.concatenate(
        [
            focal, centre, terms,
            slope @ -rotation.skew(about_camera), slope,
            world @ -rotation.skew(about_object), world,
        ],
        axis=-1,
    )  # fmt: skip
    seen = is_seen(pixels)[..., None]
    residual = np.where(seen, np.where(np.isnan(residual), np.inf, residual), 0.0)
    return residual, np.where(seen[..., None], jacobian, 0.0)


def _reduced(system: _System, damping: float) -> tuple[Floats, Floats, Floats, Floats]:
    """Return the cameras' own system and gradients by frame (F, N), and how poses follow.

    The last two: objects^-1 between^T (F, 6, N) and objects^-1 gradient (F, 6).
    """
    objects = system.objects.copy()
    diagonal = np.einsum("fii->fi", objects)
    diagonal *= 1 + damping
    follow = np.linalg.solve(objects, np.swapaxes(system.between, 1, 2))
    alone = np.linalg.solve(objects, system.object_gradient[..., None])[..., 0]
    cameras = system.cameras + damping * np.diag(np.diag(system.cameras))
    cameras = cameras - np.einsum("fni,fim->nm", system.between, follow)
    gradient = system.camera_gradient - np.einsum("fni,fi->fn", system.between, alone)
    return cameras, gradient, np.asarray(follow), np.asarray(alone)


def _moved(problem: _Problem, state: _State, system: _System, damping: float) -> _State | None:
    """Return the state after one damped step, or None where a step gives no camera."""
    try:
        cameras, gradient, follow, alone = _reduced(system, damping)
        step = np.linalg.solve(cameras, gradient.sum(axis=0))
    except np.linalg.LinAlgError:
        return None
    turns = alone - follow @ step
    sizes = [int(free.sum()) for free in problem.free]
    steps = np.split(step, np.cumsum(sizes)[:-1])
    new = []
    for camera, free, part in zip(state.cameras, problem.free, steps, strict=True):
        whole = np.zeros(len(free))
        whole[free] = part
        if not np.isfinite(whole).all() or np.abs(whole).max(initial=0) > 1e9:
            return None
        new.append(_moved_camera(camera, whole))
    return _State(tuple(new), moved(state.transforms, turns))


def _moved_camera(camera: Camera, step: Floats) -> Camera:
    matrix = camera.matrix.copy()
    # a focal length may shrink by half in one step, but never reach 0
    matrix[(0, 1), (0, 1)] += np.maximum(step[:2], -0.5 * matrix[(0, 1), (0, 1)])
    matrix[:2, 2] += step[2:_MATRIX_TERMS]
    lens = camera.distortion + step[_MATRIX_TERMS:-_POSE_TERMS]
    transform = moved(camera.T_camera_world, step[-_POSE_TERMS:])
    return replace(camera, matrix=matrix, distortion=lens, T_camera_world=transform)


def _result(problem: _Problem, state: _State, system: _System, steps: int) -> Adjustment:
    residuals = _residuals(problem, state)
    covariance = _covariance(system)
    sizes = [int(free.sum()) for free in problem.free]
    intrinsics, positions = [], np.zeros(len(state.cameras))
    for index, (camera, free, end) in enumerate(
        zip(state.cameras, problem.free, np.cumsum(sizes), strict=True)
    ):
        own = np.zeros((len(free), len(free)))
        own[np.ix_(free, free)] = covariance[end - sizes[index] : end, end - sizes[index] : end]
        deviation = np.sqrt(np.maximum(np.diag(own), 0.0))
        intrinsics.append(deviation[:-_POSE_TERMS])
        # position = -R^T t, and R moves by exp(w): d position = -R^T (v + [t]x w)
        slope = np.hstack([rotation.skew(camera.translation), np.eye(3)])
        place = slope @ own[-_POSE_TERMS:, -_POSE_TERMS:] @ slope.T
        positions[index] = np.sqrt(max(float(np.trace(place)), 0.0))
    return Adjustment(
        state.cameras, state.transforms, residuals, tuple(intrinsics), positions, system.cost, steps
    )


def _covariance(system: _System) -> Floats:
    """Return the covariance (N, N) of the free camera parameters.

    The sandwich over frames: corners of one frame err together (blur, a bent board), frames do not.
    """
    frames = len(system.objects)
    cameras, gradient, _, _ = _reduced(system, 0.0)
    inverse = np.linalg.pinv(cameras, hermitian=True)
    spread = gradient.T @ gradient * frames / max(frames - 1, 1)
    return np.asarray(inverse @ spread @ inverse)
