"""Square crops around mice, what a keypoint network sees, and the way back to the frame.

The crop of a body's box has the box's centre and `MARGIN` times its longer side, and is sampled at
S x S pixels. Crop pixel (u, v) shows the frame at `centre - side / 2 + ((u, v) + 1/2) side / S`:
the centre of the top-left pixel is (0, 0) in the crop as in the frame. Training and use share this
file, so that they agree to the last digit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from mousepose.errors import InputError
from mousepose.types import Bytes, Floats

#: Side of a crop over the longer side of the body's box: room for the tail's root, ears, feet.
MARGIN = 1.6
#: px; a box smaller than this is no mouse, and its crop would be a blur.
_LEAST_SIDE = 2.0


@dataclass(frozen=True, eq=False)
class Crops:
    """Where N crops lie in their frames: `centres` (N, 2) px, `sides` (N,) px, `size` S pixels."""

    centres: Floats
    sides: Floats
    size: int

    def __len__(self) -> int:
        return len(self.sides)

    @classmethod
    def around(cls, boxes: Floats, size: int) -> Crops:
        """Return the crops of body boxes (N, 4): left, top, right, bottom, px.

        Raises `InputError` for boxes that are not finite or turned inside out.
        """
        boxes = np.asarray(boxes, np.float64).reshape(-1, 4)
        extent = boxes[:, 2:] - boxes[:, :2]
        if not np.isfinite(boxes).all() or (extent < 0).any():
            raise InputError(
                "a crop needs a box (left, top, right, bottom) of a mouse that is there; leave out "
                "frames in which it is absent (NaN)"
            )
        centres = (boxes[:, :2] + boxes[:, 2:]) / 2
        return cls(centres, MARGIN * np.maximum(extent.max(axis=1), _LEAST_SIDE), size)

    def to_frame(self, points: Floats) -> Floats:
        """Return crop pixels (N, ..., 2) as pixels of the frame."""
        centres, scale = self._spread(points.ndim)
        return np.asarray(centres + (points + 0.5 - self.size / 2) * scale)

    def to_crop(self, points: Floats) -> Floats:
        """Return pixels of the frame (N, ..., 2) as crop pixels."""
        centres, scale = self._spread(points.ndim)
        return np.asarray((points - centres) / scale + self.size / 2 - 0.5)

    def covariance_to_frame(self, covariance: Floats) -> Floats:
        """Return covariances (N, ..., 2, 2) px^2 of the crop as those of the frame."""
        scale = self.sides / self.size
        return np.asarray(covariance * (scale**2).reshape(-1, *[1] * (covariance.ndim - 1)))

    def cut(self, images: Bytes, which: NDArray[Any] | None = None) -> Bytes:
        """Return the crops (N, S, S), uint8, out of grey frames (F, H, W).

        `which` (N,) names each crop's frame; without it crop n is cut out of frame n. Each pixel
        is the mean of what it covers, weighted by a triangle as wide as two of them (or two of the
        frame's, where the crop is the finer one). Beyond its edge a frame goes on as at its edge.
        """
        which = np.arange(len(self)) if which is None else np.asarray(which)
        inside = images.ndim == 3 and bool(((which >= 0) & (which < len(images))).all())
        if not inside or len(which) != len(self):
            raise InputError(
                f"crops are cut out of grey frames (F, H, W), with one number of a frame for each "
                f"of the {len(self)}; got {images.shape} and {len(which)} numbers"
            )
        crops = np.empty((len(self), self.size, self.size), np.uint8)
        corners = self.centres - self.sides[:, None] / 2
        _cut(images, which.astype(np.int64), corners, self.sides / self.size, crops)
        return crops

    def _spread(self, ndim: int) -> tuple[Floats, Floats]:
        """Return centres and frame pixels per crop pixel, shaped to go with points (N, ..., 2)."""
        between = [1] * (ndim - 2)
        return (
            self.centres.reshape(-1, *between, 2),
            (self.sides / self.size).reshape(-1, *between, 1),
        )


@numba.njit(cache=True, nogil=True)
def _weights(
    corner: float, scale: float, count: int, first: NDArray[Any], weights: NDArray[Any]
) -> None:  # pragma: no cover - compiled
    """Fill in the first source pixel and the weights of `count` pixels along one axis."""
    half = max(1.0, scale)
    for u in range(count):
        centre = corner + (u + 0.5) * scale
        start = int(np.ceil(centre - half))
        total = 0.0
        for tap in range(weights.shape[1]):
            weight = max(0.0, 1.0 - abs(start + tap - centre) / half)
            weights[u, tap] = weight
            total += weight
        for tap in range(weights.shape[1]):
            weights[u, tap] /= total
        first[u] = start


@numba.njit(cache=True, nogil=True)
def _cut(
    images: Bytes, which: NDArray[Any], corners: Floats, scales: Floats, crops: Bytes
) -> None:  # pragma: no cover - compiled
    size = crops.shape[1]
    height, width = images.shape[1], images.shape[2]
    left, top = np.empty(size, np.int64), np.empty(size, np.int64)
    for n in range(len(crops)):
        image, scale = images[which[n]], scales[n]
        taps = int(np.floor(2.0 * max(1.0, scale))) + 1
        across, down = np.empty((size, taps), np.float32), np.empty((size, taps), np.float32)
        _weights(corners[n, 0], scale, size, left, across)
        _weights(corners[n, 1], scale, size, top, down)
        rows = top[-1] + taps - top[0]
        narrow = np.empty((rows, size), np.float32)  # rows of the frame, resampled across
        for row in range(rows):
            y = min(max(top[0] + row, 0), height - 1)
            if row > 0 and (top[0] + row <= 0 or top[0] + row > height - 1):
                narrow[row] = narrow[row - 1]
                continue
            for u in range(size):
                total = np.float32(0)
                for tap in range(taps):
                    x = min(max(left[u] + tap, 0), width - 1)
                    total += across[u, tap] * image[y, x]
                narrow[row, u] = total
        for v in range(size):
            skip = top[v] - top[0]
            for u in range(size):
                total = np.float32(0)
                for tap in range(taps):
                    total += down[v, tap] * narrow[skip + tap, u]
                crops[n, v, u] = np.uint8(total + 0.5)  # weights are no less than 0: no overflow
