"""The least-squares points of many images at once: linear start, Gauss-Newton, normal equations.

What plain and robust triangulation share. Linear start: direct linear transform (Hartley &
Zisserman, Multiple View Geometry, section 12.2). Letters: C cameras, N points.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mousepose.geometry.camera import Camera
from mousepose.types import Floats

#: Determinant of the normal matrix over its mean eigenvalue cubed: rays 1e-5 rad apart.
_LEAST_DETERMINANT = 1e-10


class Views(NamedTuple):
    """Images of N points: `pixels` (C, N, 2) without NaN, `weights` (C, N) px^-2, 0 = not seen."""

    cameras: Sequence[Camera]
    pixels: Floats
    weights: Floats

    def of(self, chosen: NDArray[np.bool_]) -> Views:
        """Return the views of the points that a mask (N,) names."""
        return Views(self.cameras, self.pixels[:, chosen], self.weights[:, chosen])

    def only(self, used: NDArray[np.bool_]) -> Views:
        """Return the views with those left out that a mask (C, N) does not name."""
        return self._replace(weights=np.where(used, self.weights, 0.0))


class System(NamedTuple):
    """The normal equations of N points at their present place."""

    cost: Floats  # (N,)
    normal: Floats  # (N, 3, 3)
    gradient: Floats  # (N, 3)
    squared: Floats  # (C, N) px^2, squared distance in each view that sees the point, else 0


class Linear(NamedTuple):
    """The linear equations of every view: `normal` (C, N, 3, 3) and `right` (C, N, 3)."""

    normal: Floats
    right: Floats

    def points(self, cameras: Sequence[int] | slice = slice(None)) -> Floats:
        """Return the points (N, 3) that solve the equations of some cameras together, else NaN."""
        normal, right = self.normal[cameras].sum(axis=0), self.right[cameras].sum(axis=0)
        return multiply(inverse(normal), right)


def straightened(cameras: Sequence[Camera], pixels: Floats) -> Floats:
    """Return the pixels (C, N, 2) as cameras without distortion would show them."""
    seen = [camera.undistort_to_pinhole(xy) for camera, xy in zip(cameras, pixels, strict=True)]
    return np.array(seen).reshape(pixels.shape)


def linearised(views: Views, undistorted: Floats) -> Linear:
    """Return the linear equations of undistorted pixels (C, N, 2)."""
    normal, right = [], []
    for camera, xy, weight in zip(views.cameras, undistorted, views.weights, strict=True):
        # u (row 3 . X) = row 1 . X and v (row 3 . X) = row 2 . X, rows of matrix T_camera_world
        projection = camera.matrix @ camera.T_camera_world[:3]
        equations = xy[..., None] * projection[2] - projection[:2]  # (N, 2, 4)
        weighted = np.swapaxes(equations[..., :3], 1, 2) * weight[:, None, None]
        normal.append(weighted @ equations[..., :3])
        right.append(-(weighted @ equations[..., 3:])[..., 0])
    return Linear(np.array(normal), np.array(right))


def refined(
    views: Views, points: Floats, steps: int, huber: float = np.inf
) -> tuple[Floats, System]:
    """Return points (N, 3) and their system after Gauss-Newton; a step may not raise the cost.

    Residuals beyond `huber` standard deviations (weight^-1/2) count linearly.
    """
    system = normal_equations(views, points, huber)
    for _ in range(steps):
        proposal = points + multiply(inverse(system.normal), system.gradient)
        proposed = normal_equations(views, proposal, huber)
        better = proposed.cost <= system.cost
        points = _choose(better, proposal, points)
        system = System(
            _choose(better, proposed.cost, system.cost),
            _choose(better, proposed.normal, system.normal),
            _choose(better, proposed.gradient, system.gradient),
            np.where(better, proposed.squared, system.squared),
        )
    return points, system


def normal_equations(views: Views, points: Floats, huber: float = np.inf) -> System:
    """Return the system of points (N, 3): sums over the views that see each."""
    count = len(points)
    cost, normal, gradient = np.zeros(count), np.zeros((count, 3, 3)), np.zeros((count, 3))
    distances = np.zeros((len(views.cameras), count))
    for camera, xy, weight, squared in zip(*views, distances, strict=True):
        image, jacobian = camera.project(points, jacobian=True)
        # A camera that does not see the point may have it behind itself: NaN, and no part of it.
        seen = weight > 0
        residual = np.where(seen[:, None], xy - image, 0.0)
        jacobian = np.where(seen[:, None, None], jacobian, 0.0)
        squared[:] = (residual**2).sum(axis=1)
        counted = weight
        if np.isfinite(huber):
            deviations = np.sqrt(weight * squared)
            far = deviations > huber
            cost += np.where(far, huber * (2 * deviations - huber), deviations**2)
            counted = np.where(far, weight * huber / np.where(far, deviations, 1.0), weight)
        else:
            cost += weight * squared
        weighted = np.swapaxes(jacobian, 1, 2) * counted[:, None, None]
        normal += weighted @ jacobian
        gradient += multiply(weighted, residual)
    return System(cost, normal, gradient, distances)


def multiply(matrix: Floats, vector: Floats) -> Floats:
    """Return matrix (N, M, 3) times vector (N, 3)."""
    return np.asarray((matrix @ vector[..., None])[..., 0])


def inverse(symmetric: Floats) -> Floats:
    """Return the inverses (N, 3, 3) of symmetric matrices, NaN where singular or nearly so."""
    first, second, third = np.moveaxis(symmetric, 1, 0)
    cofactors = np.stack(
        [np.cross(second, third), np.cross(third, first), np.cross(first, second)], axis=1
    )
    determinant = (first * cofactors[:, 0]).sum(axis=1)
    mean_eigenvalue = np.trace(symmetric, axis1=1, axis2=2) / 3
    regular = determinant > _LEAST_DETERMINANT * mean_eigenvalue**3
    return np.asarray(cofactors / np.where(regular, determinant, np.nan)[:, None, None])


def _choose(better: NDArray[np.bool_], new: Floats, old: Floats) -> Floats:
    """Return `new` (N, ...) where `better` (N,), else `old`."""
    return np.where(better.reshape(-1, *[1] * (new.ndim - 1)), new, old)
