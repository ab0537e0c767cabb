"""Points in space from their images in several cameras, with covariance. Knows no mice.

Linear start (direct linear transform; Hartley & Zisserman, Multiple View Geometry, section 12.2),
then Gauss-Newton on the reprojection error, all points at once. Every view is believed; where some
may be wrong, `triangulate_robust` finds them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from mousepose.geometry.camera import Camera
from mousepose.geometry.triangulate_solve import (
    Views,
    inverse,
    linearised,
    refined,
    straightened,
)
from mousepose.types import Floats, Ints, require

_STEPS = 2  # from 2 px of noise to 1e-4 mm of the least-squares point


class Triangulation(NamedTuple):
    """Points (*B, 3) mm, covariance (*B, 3, 3) mm^2, views used (*B,), rms distance (*B,) px."""

    points: Floats
    covariance: Floats
    n_views: Ints
    reprojection_error: Floats


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
    undistorted = straightened(cameras, pixels)
    seen = np.isfinite(undistorted).all(axis=-1) & np.isfinite(given) & (given > 0)
    views = Views(cameras, np.where(seen[..., None], pixels, 0.0), np.where(seen, given, 0.0))
    start = linearised(views, np.where(seen[..., None], undistorted, 0.0)).points()
    points, system = refined(views, start, _STEPS)

    n_views = seen.sum(axis=0)
    covariance = inverse(system.normal)
    known = (n_views >= 2) & np.isfinite(system.cost) & np.isfinite(covariance).all(axis=(1, 2))
    error = np.sqrt(system.squared.sum(axis=0) / n_views)
    return Triangulation(
        np.where(known[:, None], points, np.nan),
        np.where(known[:, None, None], covariance, np.nan),
        n_views,
        np.where(known, error, np.nan),
    )
