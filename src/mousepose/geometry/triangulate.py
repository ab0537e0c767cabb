"""Points in space from their images in several cameras, with covariance. Knows nothing of mice.

Linear start (direct linear transform; Hartley & Zisserman, Multiple View Geometry, section 12.2),
then Gauss-Newton on the reprojection error, all points at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mousepose.geometry.camera import Camera
from mousepose.types import Floats, Ints, require

_STEPS = 2  # from 2 px of noise to 1e-4 mm of the least-squares point
#: Determinant of the normal matrix over its mean eigenvalue cubed: rays 1e-5 rad apart.
_LEAST_DETERMINANT = 1e-10


class Triangulation(NamedTuple):
    """Points (*B, 3) mm, covariance (*B, 3, 3) mm^2, views used (*B,), rms distance (*B,) px."""

    points: Floats
    covariance: Floats
    n_views: Ints
    reprojection_error: Floats


class _Views(NamedTuple):
    """What is kept of N points: pixels (C, N, 2) without NaN, weights (C, N), 0 = not seen."""

    cameras: Sequence[Camera]
    pixels: Floats
    weights: Floats


class _System(NamedTuple):
    """The normal equations of N points at their present place."""

    cost: Floats  # (N,)
    normal: Floats  # (N, 3, 3)
    gradient: Floats  # (N, 3)
    squared_distance: Floats  # (N,) px^2, summed over views


def triangulate(
    cameras: Sequence[Camera], pixels: ArrayLike, weights: ArrayLike | None = None
) -> Triangulation:
    """Return the points seen at `pixels` (C, *B, 2) by C cameras; NaN pixels are not seen.

    `weights` (C, *B) are inverse variances in px^-2 (None: 1 px for all); a weight of 0 or NaN
    leaves the view out. The covariance is that of independent pixel noise of these variances. All
    is NaN where fewer than two views see the point, where their rays are parallel, or where the
    point would lie behind one of them. Raises `InputError` on shapes that do not fit together.
    """
    xy = np.asarray(pixels, np.float64)
    require(
        xy.ndim >= 2 and xy.shape[0] == len(cameras) and xy.shape[-1] == 2,
        f"pixels: expected ({len(cameras)}, ..., 2) for {len(cameras)} cameras, got {xy.shape}",
    )
    batch = xy.shape[1:-1]
    given = np.ones(xy.shape[:-1]) if weights is None else np.asarray(weights, np.float64)
    require(
        given.shape == xy.shape[:-1],
        f"weights: expected {xy.shape[:-1]} as the pixels have, got {given.shape}",
    )
    count = int(np.prod(batch))
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        result = _triangulate_flat(
            cameras, xy.reshape(len(cameras), count, 2), given.reshape(len(cameras), count)
        )
    return Triangulation(
        result.points.reshape(*batch, 3),
        result.covariance.reshape(*batch, 3, 3),
        result.n_views.reshape(batch),
        result.reprojection_error.reshape(batch),
    )


def _triangulate_flat(cameras: Sequence[Camera], pixels: Floats, given: Floats) -> Triangulation:
    """Return `triangulate` of N points: pixels (C, N, 2), weights (C, N)."""
    pinhole = [camera.undistort_to_pinhole(xy) for camera, xy in zip(cameras, pixels, strict=True)]
    undistorted = np.array(pinhole).reshape(pixels.shape)
    seen = np.isfinite(undistorted).all(axis=-1) & np.isfinite(given) & (given > 0)
    views = _Views(cameras, np.where(seen[..., None], pixels, 0.0), np.where(seen, given, 0.0))
    points = _linear(views, np.where(seen[..., None], undistorted, 0.0))
    points, system = _refine(views, points)

    n_views = seen.sum(axis=0)
    covariance = _inverse(system.normal)
    known = (n_views >= 2) & np.isfinite(system.cost) & np.isfinite(covariance).all(axis=(1, 2))
    error = np.sqrt(system.squared_distance / n_views)
    return Triangulation(
        np.where(known[:, None], points, np.nan),
        np.where(known[:, None, None], covariance, np.nan),
        n_views,
        np.where(known, error, np.nan),
    )


def _linear(views: _Views, undistorted: Floats) -> Floats:
    """Return the points (N, 3) that solve the linear equations of undistorted pixels (C, N, 2)."""
    count = undistorted.shape[1]
    normal, right = np.zeros((count, 3, 3)), np.zeros((count, 3))
    for camera, xy, weight in zip(views.cameras, undistorted, views.weights, strict=True):
        # u (row 3 . X) = row 1 . X and v (row 3 . X) = row 2 . X, rows of matrix T_camera_world
        projection = camera.matrix @ camera.T_camera_world[:3]
        equations = xy[..., None] * projection[2] - projection[:2]  # (N, 2, 4)
        weighted = np.swapaxes(equations[..., :3], 1, 2) * weight[:, None, None]
        normal += weighted @ equations[..., :3]
        right -= (weighted @ equations[..., 3:])[..., 0]
    return _multiply(_inverse(normal), right)


def _refine(views: _Views, points: Floats) -> tuple[Floats, _System]:
    """Return points (N, 3) and their system after Gauss-Newton; a step may not raise the cost."""
    system = _normal_equations(views, points)
    for _ in range(_STEPS):
        proposal = points + _multiply(_inverse(system.normal), system.gradient)
        proposed = _normal_equations(views, proposal)
        better = proposed.cost <= system.cost
        points = _choose(better, proposal, points)
        pairs = zip(proposed, system, strict=True)
        system = _System(*(_choose(better, new, old) for new, old in pairs))
    return points, system


def _normal_equations(views: _Views, points: Floats) -> _System:
    """Return the system of points (N, 3): sums over the views that see each."""
    count = len(points)
    cost, normal, gradient = np.zeros(count), np.zeros((count, 3, 3)), np.zeros((count, 3))
    squared_distance = np.zeros(count)
    for camera, xy, weight in zip(*views, strict=True):
        image, jacobian = camera.project(points, jacobian=True)
        # A camera that does not see the point may have it behind itself: NaN, and no part of it.
        seen = weight > 0
        residual = np.where(seen[:, None], xy - image, 0.0)
        jacobian = np.where(seen[:, None, None], jacobian, 0.0)
        weighted = np.swapaxes(jacobian, 1, 2) * weight[:, None, None]
        squared = (residual**2).sum(axis=1)
        squared_distance += squared
        cost += weight * squared
        normal += weighted @ jacobian
        gradient += _multiply(weighted, residual)
    return _System(cost, normal, gradient, squared_distance)


def _choose(better: NDArray[np.bool_], new: Floats, old: Floats) -> Floats:
    """Return `new` (N, ...) where `better` (N,), else `old`."""
    return np.where(better.reshape(-1, *[1] * (new.ndim - 1)), new, old)


def _multiply(matrix: Floats, vector: Floats) -> Floats:
    """Return matrix (N, M, 3) times vector (N, 3)."""
    return np.asarray((matrix @ vector[..., None])[..., 0])


def _inverse(symmetric: Floats) -> Floats:
    """Return the inverses (N, 3, 3) of symmetric matrices, NaN where singular or nearly so."""
    first, second, third = np.moveaxis(symmetric, 1, 0)
    cofactors = np.stack(
        [np.cross(second, third), np.cross(third, first), np.cross(first, second)], axis=1
    )
    determinant = (first * cofactors[:, 0]).sum(axis=1)
    mean_eigenvalue = np.trace(symmetric, axis1=1, axis2=2) / 3
    regular = determinant > _LEAST_DETERMINANT * mean_eigenvalue**3
    return np.asarray(cofactors / np.where(regular, determinant, np.nan)[:, None, None])
