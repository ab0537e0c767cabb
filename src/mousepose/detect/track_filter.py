"""Constant-velocity Kalman filters of boxes, and their smoothing over a few frames."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numba
import numpy as np

from mousepose.types import Floats

#: Sd of a detected centre and of a detected width or height, as a share of the body's size.
_CENTRE_SD, _SIZE_SD = 0.04, 0.08
#: Sd of how velocities change in one frame at 30 frames/s, in body sizes per frame.
_CENTRE_ACCELERATION, _SIZE_ACCELERATION = 0.02, 0.006
_FPS = 30.0


class BoxFilter:
    """The motion of one box: centre x, y, width, height, each with its velocity per frame.

    The four are filtered apart: `mean` (4, 2) and `covariance` (4, 2, 2), of value and velocity.
    Source: Kalman 1960; the smoother is that of Rauch, Tung and Striebel 1965.
    """

    def __init__(self, box: Floats, fps: float) -> None:
        value = as_centre(box)
        self.scale = float(np.sqrt(max(value[2] * value[3], 1.0)))
        slow = (_FPS / fps) ** 2 if np.isfinite(fps) and fps > 0 else 1.0
        acceleration = self.scale * slow * np.array(
            [_CENTRE_ACCELERATION] * 2 + [_SIZE_ACCELERATION] * 2
        )  # fmt: skip
        shape = np.array([[0.25, 0.5], [0.5, 1.0]])
        self.process = acceleration[:, None, None] ** 2 * shape
        self.measured = (self.scale * np.array([_CENTRE_SD] * 2 + [_SIZE_SD] * 2)) ** 2
        self.mean = np.stack([value, np.zeros(4)], axis=1)
        self.covariance = np.zeros((4, 2, 2))
        self.covariance[:, 0, 0] = self.measured
        self.covariance[:, 1, 1] = (0.2 * self.scale) ** 2 * slow

    def save(self) -> dict[str, Any]:
        """Return all that it knows as plain data, for `restored`."""
        arrays = (self.process, self.measured, self.mean, self.covariance)
        return {"scale": self.scale, "arrays": [array.tolist() for array in arrays]}

    @classmethod
    def restored(cls, saved: Mapping[str, Any]) -> BoxFilter:
        """Return the filter that was saved."""
        own = cls.__new__(cls)
        own.scale = saved["scale"]
        own.process, own.measured, own.mean, own.covariance = map(np.array, saved["arrays"])
        return own

    def predict(self) -> None:
        """Go one frame on; the size of a mouse that is not seen does not go on growing."""
        self.mean[:, 0] += self.mean[:, 1]
        self.mean[2:, 1] *= 0.8
        self.covariance = _STEP @ self.covariance @ _STEP.T + self.process

    def correct(self, box: Floats) -> None:
        """Take in a detected box."""
        gain = self.covariance[:, :, 0] / (self.covariance[:, 0, 0] + self.measured)[:, None]
        self.mean = self.mean + gain * (as_centre(box) - self.mean[:, 0])[:, None]
        self.covariance = self.covariance - gain[:, :, None] * self.covariance[:, None, 0, :]

    def distance(self, boxes: Floats) -> Floats:
        """Return how unlikely boxes (N, 4) are next: squared sds, of centre and size (N,)."""
        off = as_centre(boxes) - self.mean[:, 0]
        # a mouse starts and turns faster than any filter follows: a tenth of its size is nothing
        spread = self.covariance[:, 0, 0] + self.measured + (0.1 * self.scale) ** 2
        return np.asarray((off**2 / spread).sum(axis=1))


_STEP = np.array([[1.0, 1.0], [0.0, 1.0]])


@numba.njit(cache=True, nogil=True)
def smoothed(
    means: Floats, covariances: Floats, process: Floats
) -> Floats:  # pragma: no cover - compiled
    """Return the smoothed first mean (4, 2) of a run of filtered ones.

    `means` (L, 4, 2) and `covariances` (L, 4, 2, 2) are those after each frame's correction. All
    are 2 x 2 and symmetric, so that their products are written out.
    """
    mean: Floats = means[-1].copy()
    for place in range(len(means) - 2, -1, -1):
        for n in range(4):
            value, both, rate = (
                covariances[place, n, 0, 0], covariances[place, n, 0, 1],
                covariances[place, n, 1, 1],
            )  # fmt: skip
            # the covariance one frame ahead, and its inverse
            xx = value + 2 * both + rate + process[n, 0, 0]
            xv, vv = both + rate + process[n, 0, 1], rate + process[n, 1, 1]
            determinant = xx * vv - xv * xv
            off_value = mean[n, 0] - means[place, n, 0] - means[place, n, 1]
            off_rate = mean[n, 1] - means[place, n, 1]
            x = (vv * off_value - xv * off_rate) / determinant
            v = (xx * off_rate - xv * off_value) / determinant
            mean[n, 0] = means[place, n, 0] + (value + both) * x + both * v
            mean[n, 1] = means[place, n, 1] + (both + rate) * x + rate * v
    return mean


def as_centre(boxes: Floats) -> Floats:
    """Return boxes (..., 4) of edges as centre x, y, width and height."""
    low, high = boxes[..., :2], boxes[..., 2:]
    return np.concatenate([(low + high) / 2, high - low], axis=-1)


def as_edges(centres: Floats) -> Floats:
    """Return centre x, y, width and height (..., 4) as boxes of edges."""
    half = np.maximum(centres[..., 2:], 1.0) / 2
    return np.concatenate([centres[..., :2] - half, centres[..., :2] + half], axis=-1)
