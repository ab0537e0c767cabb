"""Planes and their images: the homography between them, and the focal length it tells.

Sources: Hartley & Zisserman, Multiple View Geometry, section 4.4 (normalised direct linear
transform); Zhang, IEEE PAMI 22 (2000), section 3.1 (constraints on the intrinsic matrix).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from mousepose.types import Floats, require

#: Third singular value of the centred points over the first: below it they lie on a line.
_LEAST_WIDTH = 1e-6


def fit_homography(source: ArrayLike, target: ArrayLike) -> Floats:
    """Return H (3, 3) with target ~ H [source, 1], of length 1, for N >= 4 points (N, 2) each.

    Least squares of the algebraic error in normalised coordinates. Raises `InputError` for fewer
    than 4 points and for points on one line.
    """
    points, images = np.asarray(source, np.float64), np.asarray(target, np.float64)
    require(
        points.shape == images.shape and points.ndim == 2 and points.shape[1] == 2,
        f"expected two arrays (N, 2), got {points.shape} and {images.shape}",
    )
    require(len(points) >= 4, f"a homography needs 4 points, got {len(points)}")
    require(not (_on_a_line(points) or _on_a_line(images)), "the points lie on one line")
    to_points, points = _normalised(points)
    to_images, images = _normalised(images)
    ones = np.column_stack([points, np.ones(len(points))])
    zeros = np.zeros_like(ones)
    rows = np.concatenate([
        np.hstack([ones, zeros, -images[:, :1] * ones]),
        np.hstack([zeros, ones, -images[:, 1:] * ones]),
    ])  # fmt: skip
    homography = np.linalg.svd(rows)[2][-1].reshape(3, 3)
    homography = np.linalg.inv(to_images) @ homography @ to_points
    homography *= np.sign(homography[2, 2]) or 1.0
    return np.asarray(homography / np.linalg.norm(homography))


def apply_homography(homography: Floats, points: ArrayLike) -> Floats:
    """Return the images (*B, 2) of points (*B, 2)."""
    given = np.asarray(points, np.float64)
    mapped = given @ homography[:, :2].T + homography[:, 2]
    return np.asarray(mapped[..., :2] / mapped[..., 2:])


def focal_from_homographies(
    homographies: Sequence[Floats], principal_point: ArrayLike
) -> float | None:
    """Return the focal length (px) of square pixels that saw planes so, or None.

    Each homography takes a plane in units of length to pixels. None where the planes tell none: all
    of them face the camera, or their lens is far from a pinhole.
    """
    shift = np.eye(3)
    shift[:2, 2] = -np.asarray(principal_point, np.float64)
    left, right = [], []
    for homography in homographies:
        first, second, _ = (shift @ homography).T
        scale = np.linalg.norm(first) * np.linalg.norm(second)
        # the images of the plane's axes are orthogonal and of one length once 1/f^2 is applied
        left += [first[:2] @ second[:2] / scale]
        left += [(first[:2] @ first[:2] - second[:2] @ second[:2]) / scale]
        right += [-first[2] * second[2] / scale, -(first[2] ** 2 - second[2] ** 2) / scale]
    slope, value = np.array(left), np.array(right)
    with np.errstate(divide="ignore", invalid="ignore"):
        inverse_square = (slope @ value) / (slope @ slope)
    good = np.isfinite(inverse_square) and inverse_square > 0
    return float(1 / np.sqrt(inverse_square)) if good else None


def _on_a_line(points: Floats) -> bool:
    widths = np.linalg.svd(points - points.mean(axis=0), compute_uv=False)
    return bool(widths[1] <= _LEAST_WIDTH * widths[0])


def _normalised(points: Floats) -> tuple[Floats, Floats]:
    """Return the similarity (3, 3) that centres points and makes them of size 1, and the points."""
    centre = points.mean(axis=0)
    size = np.sqrt(((points - centre) ** 2).sum(axis=1).mean() / 2)
    transform = np.array([
        [1 / size, 0, -centre[0] / size],
        [0, 1 / size, -centre[1] / size],
        [0, 0, 1],
    ])  # fmt: skip
    return transform, (points - centre) / size
