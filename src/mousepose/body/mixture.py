"""A Gaussian mixture over joint positions: the pose prior of Hu et al. 2023, as residuals.

The published model compares poses in a frame of their own: SPINE_SHOULDER is the origin, SPINE_MID
lies on +x, the vector from the left to the right shoulder has no part along x and points to +y (so
+z is up), and |SPINE_MID - SPINE_SHOULDER| is 1. Size and place drop out. The 18 joints in that
frame, row by row, are the 54 numbers x of the mixture.

As a least-squares term the best component m stands for the mixture (max-mixture, Olson & Agarwal,
IJRR 32, 2013). With precision P = L L^T and c_m = log w_m + 1/2 log det P_m:

    r = [L_m^T (x - mu_m), sqrt(2 (max_k c_k - c_m))],    m = argmax c_m - 1/2 |L_m^T (x - mu_m)|^2
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mousepose.atomic import atomic_path
from mousepose.errors import ModelError
from mousepose.skeleton import PUBLISHED_SKELETON
from mousepose.types import Floats, Ints

#: The joints that fix the frame: origin, a point on +x, and the ends of the vector towards +y.
_ORIGIN = PUBLISHED_SKELETON.index("SPINE_SHOULDER")
_ALONG_X = PUBLISHED_SKELETON.index("SPINE_MID")
_Y_FROM = PUBLISHED_SKELETON.index("LEFT_SHOULDER")
_Y_TO = PUBLISHED_SKELETON.index("RIGHT_SHOULDER")

_JOINTS = len(PUBLISHED_SKELETON.joint_names)
_SIZE = 3 * _JOINTS
#: Lengths (mm) below which the frame is undefined; keeps the arithmetic finite there.
_SMALLEST = 1e-9


@dataclass(frozen=True, eq=False)
class PositionMixture:
    """M Gaussians over normalised joints: `log_weights` (M,), `means` (M, 54), `factors`.

    `factors` (M, 54, 54) are the lower Cholesky factors L of the precisions P = L L^T. Raises
    `ModelError` where the fields do not fit together.
    """

    log_weights: Floats
    means: Floats
    factors: Floats

    def __post_init__(self) -> None:
        count = len(self.log_weights)
        shapes = (self.log_weights.shape, self.means.shape, self.factors.shape)
        if shapes != ((count,), (count, _SIZE), (count, _SIZE, _SIZE)) or count == 0:
            raise ModelError(
                f"mixture: expected log_weights (M,), means (M, {_SIZE}), factors "
                f"(M, {_SIZE}, {_SIZE}) with M > 0; got {shapes[0]}, {shapes[1]}, {shapes[2]}"
            )
        diagonal = np.diagonal(self.factors, axis1=1, axis2=2)
        if not (diagonal > 0).all() or np.triu(self.factors, 1).any():
            raise ModelError("mixture: factors must be lower triangular with a positive diagonal")

    @property
    def peaks(self) -> Floats:
        """Return c (M,), the log height of every component without its power of 2 pi."""
        diagonal = np.diagonal(self.factors, axis1=1, axis2=2)
        return np.asarray(self.log_weights + np.log(diagonal).sum(axis=1))

    def normalise(self, joints: Floats) -> Floats:
        """Return joints (*B, 18, 3), in any unit and frame, as points (*B, 54) of the mixture."""
        return normalised(joints)

    def log_likelihood(self, joints: Floats) -> Floats:
        """Return the log density (*B,) of the whole mixture at joints (*B, 18, 3)."""
        scores = self._scores(self.normalise(joints)) - _SIZE / 2 * np.log(2 * np.pi)
        best = scores.max(axis=-1, keepdims=True)
        return np.asarray(best[..., 0] + np.log(np.exp(scores - best).sum(axis=-1)))

    def best_component(self, joints: Floats) -> Ints:
        """Return the component (*B,) that explains joints (*B, 18, 3) best."""
        return np.asarray(self._scores(self.normalise(joints)).argmax(axis=-1))

    def residual(self, joints: Floats) -> Floats:
        """Return the whitened max-mixture residual (*B, 55) of joints (*B, 18, 3)."""
        points = self.normalise(joints)
        best = self._scores(points).argmax(axis=-1)
        whitened = np.einsum("...ji,...j->...i", self.factors[best], points - self.means[best])
        height = np.sqrt(2 * (self.peaks.max() - self.peaks[best]))
        return np.concatenate([whitened, height[..., None]], axis=-1)

    def jacobian(self, joints: Floats) -> Floats:
        """Return d residual / d joints (*B, 55, 54), the joints (*B, 18, 3) row by row.

        The choice of the component and of the axes' signs is taken as fixed.
        """
        points = self.normalise(joints)
        best = self._scores(points).argmax(axis=-1)
        whitened = np.swapaxes(self.factors[best], -1, -2) @ _normalise_jacobian(joints, points)
        return np.concatenate([whitened, np.zeros_like(whitened[..., :1, :])], axis=-2)

    def _scores(self, points: Floats) -> Floats:
        """Return c - 1/2 |L^T (x - mu)|^2 (*B, M) of points (*B, 54)."""
        away = points[..., None, :] - self.means
        whitened = np.einsum("mji,...mj->...mi", self.factors, away)
        return np.asarray(self.peaks - 0.5 * (whitened**2).sum(axis=-1))


def normalised(joints: Floats) -> Floats:
    """Return joints (*B, 18, 3), in any unit and frame, in the frame of a mixture: (*B, 54)."""
    frame, scale = _frame(joints)
    placed = (joints - joints[..., [_ORIGIN], :]) @ frame / scale[..., None, None]
    return np.asarray(placed.reshape(*joints.shape[:-2], _SIZE))


def _unit(vector: Floats) -> Floats:
    length = np.linalg.norm(vector, axis=-1, keepdims=True)
    return np.asarray(vector / np.maximum(length, _SMALLEST))


def _frame(joints: Floats) -> tuple[Floats, Floats]:
    """Return the axes of the normalised frame as columns (*B, 3, 3) and its unit length (*B,)."""
    along = joints[..., _ALONG_X, :] - joints[..., _ORIGIN, :]
    across = joints[..., _Y_TO, :] - joints[..., _Y_FROM, :]
    x = _unit(along)
    y = _unit(across - (across * x).sum(axis=-1, keepdims=True) * x)
    frame = np.stack([x, y, np.cross(x, y)], axis=-1)
    return frame, np.maximum(np.linalg.norm(along, axis=-1), _SMALLEST)


def _normalise_jacobian(joints: Floats, points: Floats) -> Floats:
    """Return d normalised / d joints (*B, 54, 54).

    Let u_i be the moves of the joints seen in the frame and divided by its unit length, and y the
    normalised joints. With u = u_mid - u_origin the frame turns by omega (also seen in the frame),
    where t = y_right - y_left = (t_x, t_y, 0):

        omega_z = u_y,   omega_y = -u_z,   omega_x = ((u_right - u_left)_z - t_x u_z) / t_y
        dy_i = u_i - u_origin - y_i u_x - omega x y_i
    """
    batch = joints.shape[:-2]
    frame, scale = _frame(joints)
    y = points.reshape(*batch, _JOINTS, 3)
    across = y[..., _Y_TO, :] - y[..., _Y_FROM, :]
    width = np.maximum(across[..., 1], _SMALLEST)

    # turn[..., a, j, b] = d omega_a / d u_jb, stretch[..., j, b] = d u_x / d u_jb
    turn = np.zeros((*batch, 3, _JOINTS, 3))
    stretch = np.zeros((_JOINTS, 3))
    for joint, sign in ((_ALONG_X, 1.0), (_ORIGIN, -1.0)):
        stretch[joint, 0] = sign
        turn[..., 2, joint, 1] = sign
        turn[..., 1, joint, 2] = -sign
        turn[..., 0, joint, 2] = -sign * across[..., 0] / width
    turn[..., 0, _Y_TO, 2] += 1 / width
    turn[..., 0, _Y_FROM, 2] -= 1 / width

    rows = np.zeros((*batch, _JOINTS, 3, _JOINTS, 3))
    for axis in range(3):
        rows[..., np.arange(_JOINTS), axis, np.arange(_JOINTS), axis] += 1
        rows[..., axis, _ORIGIN, axis] -= 1
        second, third = (axis + 1) % 3, (axis + 2) % 3  # (a x b)_1 = a_2 b_3 - a_3 b_2
        rows[..., axis, :, :] -= turn[..., None, second, :, :] * y[..., third, None, None]
        rows[..., axis, :, :] += turn[..., None, third, :, :] * y[..., second, None, None]
    rows -= y[..., None, None] * stretch
    # u_j = frame^T dp_j / scale
    rows = np.einsum("...iajb,...cb->...iajc", rows, frame) / scale[..., None, None, None, None]
    return np.asarray(rows.reshape(*batch, _SIZE, _SIZE))


def write_mixture(path: str | Path, mixture: PositionMixture, header: str = "") -> None:
    """Write a mixture in the published text form, which `load_gmm` and the published code read.

    The lines of `header` become comments. Raises `FileError` where the folder is missing.
    """
    count = len(mixture.log_weights)
    lines = [f"# {line}" for line in header.splitlines()]
    lines += [f"number_of_components: {count}", f"number_of_dimensions: {_SIZE}"]
    names = PUBLISHED_SKELETON.joint_names
    lines += [f'column_names: "{name}-{axis}"' for name in names for axis in "xyz"]
    precisions = mixture.factors @ np.swapaxes(mixture.factors, 1, 2)
    for name, values in (
        ("mixing_proportions", np.exp(mixture.log_weights)),
        ("means", mixture.means),
        ("precisions", precisions),
    ):
        lines += [f"{name}: {float(value)!r}" for value in values.ravel()]
    with atomic_path(path) as unfinished:
        unfinished.write_text("\n".join(lines) + "\n", encoding="utf-8")
