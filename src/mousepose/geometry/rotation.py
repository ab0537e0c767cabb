"""Rotations as axis-angle vectors: to matrices and back, derivatives, continuity through time.

Everything is batched over leading axes *B. Vectors are axis times angle, in rad. Sources: Barfoot,
State Estimation for Robotics (2017), chapter 7 (maps and Jacobians); Shepperd, J. Guidance and
Control 1 (1978) (matrix to quaternion without cancellation).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mousepose.types import Floats, require

#: Below this angle (rad) the series are exact to rounding and the closed forms are not.
_SERIES_ANGLE = 0.3
#: (angle - sin angle) / angle^3 and (1 - (angle / 2) cot(angle / 2)) / angle^2 in angle^2.
_THIRD_ORDER = (1 / 6, -1 / 120, 1 / 5040, -1 / 362880, 1 / 39916800)
_COTANGENT = (1 / 12, 1 / 720, 1 / 30240, 1 / 1209600, 1 / 47900160)


def exp(rotation_vector: ArrayLike) -> Floats:
    """Return the matrices (*B, 3, 3) of the axis-angle vectors (*B, 3) (Rodrigues' formula)."""
    vector = np.asarray(rotation_vector, np.float64)
    angle = _norm(vector)
    first = np.sinc(angle / np.pi)  # sin(angle) / angle
    second = 0.5 * np.sinc(angle / (2 * np.pi)) ** 2  # (1 - cos(angle)) / angle^2
    return _polynomial_of_skew(vector, first, second)


def log(matrix: ArrayLike) -> Floats:
    """Return the axis-angle vectors (*B, 3) of rotation matrices (*B, 3, 3), angle in [0, pi].

    Goes through the quaternion, so it is accurate near 0 and near pi alike. NaN in, NaN out.
    """
    quaternion = to_quaternion(matrix)
    scalar, vector = quaternion[..., 0], quaternion[..., 1:]
    sine = _norm(vector)
    half_angle = np.arctan2(sine, scalar)
    # angle / sin(angle / 2), written so that it is 2 and not 0/0 for the identity
    return 2 / np.sinc(half_angle / np.pi)[..., None] * vector


def to_quaternion(matrix: ArrayLike) -> Floats:
    """Return unit quaternions (*B, 4), scalar first and not negative, of rotations (*B, 3, 3)."""
    matrices = np.asarray(matrix, np.float64)
    m00, m01, m02, m10, m11, m12, m20, m21, m22 = np.moveaxis(
        matrices.reshape(*matrices.shape[:-2], 9), -1, 0
    )
    # 4 q q^T: each row is q times one of its own terms; the row of the largest cancels least.
    rows = [
        [1 + m00 + m11 + m22, m21 - m12, m02 - m20, m10 - m01],
        [m21 - m12, 1 + m00 - m11 - m22, m10 + m01, m02 + m20],
        [m02 - m20, m10 + m01, 1 - m00 + m11 - m22, m21 + m12],
        [m10 - m01, m02 + m20, m21 + m12, 1 - m00 - m11 + m22],
    ]
    outer = np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)
    largest = np.argmax(np.diagonal(outer, axis1=-2, axis2=-1), axis=-1)
    quaternion = np.take_along_axis(outer, largest[..., None, None], axis=-2)[..., 0, :]
    quaternion = quaternion / _norm(quaternion)[..., None]
    return np.asarray(np.where(quaternion[..., :1] < 0, -quaternion, quaternion))


def from_quaternion(quaternion: ArrayLike) -> Floats:
    """Return the rotations (*B, 3, 3) of quaternions (*B, 4), scalar first, of any length but 0."""
    values = np.asarray(quaternion, np.float64)
    values = values / _norm(values)[..., None]
    scalar, vector = values[..., :1], values[..., 1:]
    # I + 2 s [v]x + 2 [v]x^2
    return _polynomial_of_skew(vector, 2 * scalar[..., 0], np.full(scalar.shape[:-1], 2.0))


def left_jacobian(rotation_vector: ArrayLike) -> Floats:
    """Return J (*B, 3, 3) with exp(v + dv) = exp(J dv) exp(v) to first order, for v (*B, 3)."""
    vector = np.asarray(rotation_vector, np.float64)
    angle = _norm(vector)
    first = 0.5 * np.sinc(angle / (2 * np.pi)) ** 2
    with np.errstate(divide="ignore", invalid="ignore"):
        closed = (angle - np.sin(angle)) / angle**3
    return _polynomial_of_skew(vector, first, _near_zero(angle, _THIRD_ORDER, closed))


def inverse_left_jacobian(rotation_vector: ArrayLike) -> Floats:
    """Return the inverse (*B, 3, 3) of `left_jacobian`; it does not exist where the angle is 2 pi.

    d log(R) / d(left turn): log(exp(dw) R) = log(R) + J^-1 dw to first order.
    """
    vector = np.asarray(rotation_vector, np.float64)
    angle = _norm(vector)
    with np.errstate(divide="ignore", invalid="ignore"):
        closed = (1 - 0.5 * angle / np.tan(0.5 * angle)) / angle**2
    second = _near_zero(angle, _COTANGENT, closed)
    return _polynomial_of_skew(vector, np.full_like(angle, -0.5), second)


def unwrap(rotation_vectors: ArrayLike) -> Floats:
    """Return the same rotations (T, 3), each as the equivalent vector nearest to the one before.

    Like `numpy.unwrap`: the angle may then exceed pi, but nothing jumps by a full turn. NaN rows
    stay NaN, and the next known row follows the last known one.
    """
    vectors = np.array(rotation_vectors, np.float64)
    require(vectors.ndim == 2 and vectors.shape[1] == 3, f"expected (T, 3), got {vectors.shape}")
    known = np.flatnonzero(np.isfinite(vectors).all(axis=1))
    if len(known) > 1:
        vectors[known] = _unwrap_known(vectors[known])
    return vectors


def is_rotation(matrix: ArrayLike, tolerance: float = 1e-6) -> NDArray[np.bool_]:
    """Return (*B,) whether each (*B, 3, 3) is orthonormal within `tolerance` and no mirror."""
    matrices = np.asarray(matrix, np.float64)
    finite = np.asarray(np.isfinite(matrices).all(axis=(-2, -1)))
    matrices = np.where(finite[..., None, None], matrices, 0.0)
    with np.errstate(over="ignore", invalid="ignore"):
        gram = np.swapaxes(matrices, -1, -2) @ matrices
        orthonormal = (np.abs(gram - np.eye(3)) <= tolerance).all(axis=(-2, -1))
        return np.asarray(finite & orthonormal & (np.linalg.det(matrices) > 0))


def skew(vector: ArrayLike) -> Floats:
    """Return the matrices (*B, 3, 3) that take b to the cross product a x b, for a (*B, 3)."""
    x, y, z = np.moveaxis(np.asarray(vector, np.float64), -1, 0)
    zero = np.zeros_like(x)
    rows = [[zero, -z, y], [z, zero, -x], [-y, x, zero]]
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)


def _norm(vector: Floats) -> Floats:
    return np.asarray(np.linalg.norm(vector, axis=-1))


def _polynomial_of_skew(vector: Floats, first: Floats, second: Floats) -> Floats:
    """Return I + first [v]x + second [v]x^2: the form that exp and both Jacobians share."""
    cross = skew(vector)
    return np.asarray(
        np.eye(3) + first[..., None, None] * cross + second[..., None, None] * (cross @ cross)
    )


def _near_zero(angle: Floats, series: tuple[float, ...], closed: Floats) -> Floats:
    """Return the power series in angle^2 for small angles, the closed form for the others."""
    value = np.polynomial.polynomial.polyval(angle**2, series)
    return np.asarray(np.where(angle < _SERIES_ANGLE, value, closed))


def _unwrap_known(vectors: Floats) -> Floats:
    """Return `unwrap` of rows (T, 3) without NaN."""
    angles = _norm(vectors)
    # The identity has no axis of its own: it takes the last one, so that a full turn may stay one.
    has_axis = angles > 0
    last = np.maximum.accumulate(np.where(has_axis, np.arange(len(angles)), 0))
    axes = vectors[last] / np.where(has_axis[last], angles[last], 1.0)[:, None]
    cosines = (axes[1:] * axes[:-1]).sum(axis=1)
    # The vectors of one rotation lie on one line, 2 pi apart. Along it the previous vector, of
    # signed length `length`, stands at cosine * length. No frame jumps in most sequences.
    jumps = np.rint((cosines * angles[:-1] - angles[1:]) / (2 * np.pi))
    if not jumps.any():
        return vectors
    length = float(angles[0])
    lengths = [length]
    for cosine, angle in zip(cosines.tolist(), angles[1:].tolist(), strict=True):
        length = angle + 2 * np.pi * round((cosine * length - angle) / (2 * np.pi))
        lengths.append(length)
    turns = np.rint((np.array(lengths) - angles) / (2 * np.pi))
    return vectors + (2 * np.pi * turns)[:, None] * axes
