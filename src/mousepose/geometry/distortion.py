"""Lens distortion on normalised image coordinates (x/z, y/z), with derivatives and the inverse.

The formulas are those of the OpenCV manual: camera calibration (k1 k2 p1 p2 [k3 [k4 k5 k6]]) and
its fisheye module (k1 k2 k3 k4). Both scale a point by a function of its squared radius; the first
adds a tangential shift. So both share one form: distorted = x scale(r^2) + tangential(x).
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from mousepose.types import Floats

#: How many coefficients each lens model may have.
TERMS: dict[str, tuple[int, ...]] = {"pinhole": (0, 4, 5, 8), "fisheye": (0, 4)}

_TABLE_ANGLE = np.deg2rad(89.9)  # a ray at 90 degrees has no x/z
_TABLE_LENGTH = 2048
_FOLD_MARGIN = 1.1  # the tangential terms move the fold a little; a false root lies beyond 1.3
_NEWTON_STEPS = 12
_TOLERANCE = 1e-10  # normalised units: 1e-7 px at a focal length of 1000 px


def distort(points: Floats, coefficients: Floats, model: str) -> Floats:
    """Return where the lens puts the normalised points (*B, 2)."""
    scale, _ = _radial(_squared_radius(points), coefficients, model)
    distorted = points * scale[..., None]
    if _has_tangential(coefficients, model):
        x, y = points[..., 0], points[..., 1]
        p1, p2 = coefficients[2:4]
        distorted[..., 0] += 2 * p1 * x * y + p2 * (3 * x * x + y * y)
        distorted[..., 1] += p1 * (x * x + 3 * y * y) + 2 * p2 * x * y
    return distorted


def distortion_jacobian(points: Floats, coefficients: Floats, model: str) -> Floats:
    """Return the derivative (*B, 2, 2) of `distort` with respect to the points (*B, 2)."""
    scale, slope = _radial(_squared_radius(points), coefficients, model)
    jacobian = 2 * slope[..., None, None] * points[..., :, None] * points[..., None, :]
    jacobian[..., 0, 0] += scale
    jacobian[..., 1, 1] += scale
    if _has_tangential(coefficients, model):
        x, y = points[..., 0], points[..., 1]
        p1, p2 = coefficients[2:4]
        mixed = 2 * p1 * x + 2 * p2 * y
        jacobian[..., 0, 0] += 2 * p1 * y + 6 * p2 * x
        jacobian[..., 0, 1] += mixed
        jacobian[..., 1, 0] += mixed
        jacobian[..., 1, 1] += 6 * p1 * y + 2 * p2 * x
    return jacobian


def coefficients_jacobian(points: Floats, coefficients: Floats, model: str) -> Floats:
    """Return the derivative (*B, 2, N) of `distort` with respect to the N coefficients."""
    r2 = _squared_radius(points)
    if model == "fisheye":
        ratio, _ = _radial_fisheye(r2, np.zeros(0))
        angle2 = ratio**2 * r2
        scale = ratio[..., None] * angle2[..., None] ** np.arange(1, len(coefficients) + 1)
        return points[..., :, None] * scale[..., None, :]
    jacobian = np.zeros((*points.shape, 8))
    x, y = points[..., 0], points[..., 1]
    powers = r2[..., None] ** (1, 2, 3)
    scale, _ = _radial(r2, coefficients, model)
    k4, k5, k6 = _padded(coefficients, 8)[5:]
    denominator = 1 + powers @ np.array([k4, k5, k6])
    above = powers / denominator[..., None]
    jacobian[..., (0, 1, 4)] = points[..., :, None] * above[..., None, :]
    jacobian[..., 5:] = -points[..., :, None] * (above * scale[..., None])[..., None, :]
    jacobian[..., 2] = np.stack([2 * x * y, x * x + 3 * y * y], axis=-1)
    jacobian[..., 3] = np.stack([3 * x * x + y * y, 2 * x * y], axis=-1)
    return jacobian[..., : len(coefficients)]


def undistort(distorted: Floats, coefficients: Floats, model: str) -> Floats:
    """Return the normalised points (*B, 2) that the lens puts at `distorted`, NaN where none.

    Polynomial lenses fold back on themselves far outside the image; only the root on the inner
    side of the fold is a real ray. A table of the radial curve up to the fold gives the start on
    the right side, Newton's method with the analytic Jacobian the digits.
    """
    if model == "pinhole" and not coefficients.any():
        return distorted.copy()
    with np.errstate(all="ignore"):  # points that leave the lens overflow and end as NaN
        flat = distorted.reshape(-1, 2)
        inner, outer = _monotone_radii(model, tuple(coefficients.tolist()))
        points = _start(flat, inner, outer)
        error = flat - distort(points, coefficients, model)
        for _ in range(_NEWTON_STEPS):
            points = points + solve_2x2(distortion_jacobian(points, coefficients, model), error)
            error = flat - distort(points, coefficients, model)
            if not (_largest(error) > _TOLERANCE * 1e-3).any():
                break
        jacobian = distortion_jacobian(points, coefficients, model)
        good = _largest(error) <= _TOLERANCE * (1 + _largest(flat))
        good &= determinant_2x2(jacobian) > 0
        good &= _squared_radius(points) <= (_FOLD_MARGIN * inner[-1]) ** 2
    points[~good] = np.nan
    return points.reshape(distorted.shape)


def determinant_2x2(matrix: Floats) -> Floats:
    """Return the determinants (*B,) of matrices (*B, 2, 2)."""
    return np.asarray(matrix[..., 0, 0] * matrix[..., 1, 1] - matrix[..., 0, 1] * matrix[..., 1, 0])


def solve_2x2(matrix: Floats, vector: Floats) -> Floats:
    """Return x (*B, 2) with matrix (*B, 2, 2) x = vector (*B, 2); not finite where singular."""
    (a, b), (c, d) = (matrix[..., 0, 0], matrix[..., 0, 1]), (matrix[..., 1, 0], matrix[..., 1, 1])
    u, v = vector[..., 0], vector[..., 1]
    return np.asarray(np.stack([d * u - b * v, a * v - c * u], -1) / (a * d - b * c)[..., None])


def _squared_radius(points: Floats) -> Floats:
    return np.asarray(points[..., 0] ** 2 + points[..., 1] ** 2)


def _largest(points: Floats) -> Floats:
    return np.asarray(np.abs(points).max(axis=-1, initial=0.0))


def _has_tangential(coefficients: Floats, model: str) -> bool:
    return model == "pinhole" and len(coefficients) > 0


def _padded(coefficients: Floats, count: int) -> list[float]:
    """Return the coefficients and zeros after them; plain floats cost less than small arrays."""
    return [*coefficients.tolist(), *[0.0] * (count - len(coefficients))]


def _radial(r2: Floats, coefficients: Floats, model: str) -> tuple[Floats, Floats]:
    """Return the scale (*B,) at squared radius r2 (*B,) and its slope d scale / d r2 (*B,)."""
    if model == "fisheye":
        return _radial_fisheye(r2, coefficients)
    if len(coefficients) == 0:
        return np.ones_like(r2), np.zeros_like(r2)
    k1, k2, _, _, k3, k4, k5, k6 = _padded(coefficients, 8)
    numerator = 1 + r2 * (k1 + r2 * (k2 + r2 * k3))
    slope = k1 + r2 * (2 * k2 + r2 * 3 * k3)
    if len(coefficients) < 8:
        return numerator, slope
    denominator = 1 + r2 * (k4 + r2 * (k5 + r2 * k6))
    slope_below = k4 + r2 * (2 * k5 + r2 * 3 * k6)
    scale = numerator / denominator
    return scale, (slope - scale * slope_below) / denominator


def _radial_fisheye(r2: Floats, coefficients: Floats) -> tuple[Floats, Floats]:
    """Return scale and slope of (angle / r) (1 + k1 angle^2 + ... + k4 angle^8), angle = atan r."""
    k1, k2, k3, k4 = _padded(coefficients, 4)
    near = r2 < 1e-3  # where the closed form of the slope loses digits
    radius = np.sqrt(np.where(near, 1.0, r2))
    series = np.polynomial.polynomial.polyval
    ratio = np.where(
        near, series(r2, (1, -1 / 3, 1 / 5, -1 / 7, 1 / 9)), np.arctan(radius) / radius
    )
    ratio_slope = np.where(
        near,
        series(r2, (-1 / 3, 2 / 5, -3 / 7, 4 / 9, -5 / 11)),
        (1 / (1 + r2) - ratio) / (2 * radius**2),
    )
    angle2 = ratio**2 * r2
    gain = 1 + angle2 * (k1 + angle2 * (k2 + angle2 * (k3 + angle2 * k4)))
    gain_slope = k1 + angle2 * (2 * k2 + angle2 * (3 * k3 + angle2 * 4 * k4))
    angle2_slope = ratio / (1 + r2)
    return ratio * gain, ratio_slope * gain + ratio * gain_slope * angle2_slope


def _start(distorted: Floats, inner: Floats, outer: Floats) -> Floats:
    """Return the points (N, 2) that a purely radial lens would put at `distorted` (N, 2)."""
    radius = np.sqrt(_squared_radius(distorted))
    start = np.interp(radius, outer, inner)
    return np.asarray(distorted * np.where(radius > 0, start / radius, 1.0)[:, None])


@lru_cache(maxsize=64)
def _monotone_radii(model: str, coefficients: tuple[float, ...]) -> tuple[Floats, Floats]:
    """Return radii (N,) before the lens and after it, from the centre up to the fold."""
    inner = np.tan(np.linspace(0, _TABLE_ANGLE, _TABLE_LENGTH))
    with np.errstate(all="ignore"):
        outer = inner * _radial(inner**2, np.array(coefficients), model)[0]
        grows = np.diff(outer) > 0
    end = len(grows) if grows.all() else int(np.argmin(grows))
    return inner[: end + 1], outer[: end + 1]
