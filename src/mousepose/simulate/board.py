"""Images of a flat board as a real camera takes them: its lens, its blur, its noise; seeded."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, map_coordinates

from mousepose.geometry.camera import Camera
from mousepose.types import Floats

#: Each pixel is the mean of this many samples squared.
_SAMPLES = 3
#: Print pixels beyond the print's edge that still share an image pixel with it, at most.
_EDGE = 50
#: Grey values of what is dark, light, and behind the board.
_DARK, _LIGHT, _ROOM = 40.0, 215.0, 120.0


class BoardRenderer:
    """Takes pictures of a printed board with one camera.

    `print_` (H, W) holds grey values 0 to 255, `pixels_per_mm` of them a mm; the board's origin
    lies `margin_mm` from its upper left edge.
    """

    def __init__(
        self, camera: Camera, print_: NDArray[np.uint8], pixels_per_mm: float, margin_mm: float
    ) -> None:
        self._print = _DARK + (_LIGHT - _DARK) * print_.astype(np.float32) / 255
        self._pixels_per_mm = pixels_per_mm
        self._margin = margin_mm
        width, height = camera.size
        self._rays = _pixel_rays(camera)

    def __call__(
        self,
        T_camera_board: Floats,
        *,
        blur_px: float = 0.7,
        noise: float = 2.0,
        seed: int = 0,
    ) -> NDArray[np.uint8]:
        """Return the image (height, width) of the board at a pose (4, 4).

        `blur_px` is the standard deviation of the blur, `noise` that of the grey values.
        """
        image = self._sharp(T_camera_board)
        image = gaussian_filter(image, blur_px)
        image += np.random.default_rng(seed).normal(0, noise, image.shape)
        return np.clip(np.rint(image), 0, 255).astype(np.uint8)

    def _sharp(self, T_camera_board: Floats) -> Floats:
        """Return the grey values (height, width) that a perfect lens would give."""
        axes = T_camera_board[:3, :3]
        # the ray s d meets the plane where its board coordinates R^T (s d - t) have z = 0
        towards, origin = self._rays @ axes, T_camera_board[:3, 3] @ axes
        with np.errstate(divide="ignore", invalid="ignore"):
            length = origin[2] / towards[..., 2]
            place = length[..., None] * towards[..., :2] - origin[:2]
        place[~(length > 0)] = np.nan
        index = (place + self._margin) * self._pixels_per_mm - 0.5
        down, across = np.gradient(index, axis=(0, 1))
        with np.errstate(invalid="ignore"):
            near = (index > -_EDGE) & (index < np.array(self._print.shape[::-1]) + _EDGE)
        rows, columns = np.nonzero(near.all(axis=-1) & np.isfinite(down + across).all(axis=-1))
        index, down, across = index[rows, columns], down[rows, columns], across[rows, columns]
        offsets = (np.arange(_SAMPLES) + 0.5) / _SAMPLES - 0.5
        total = np.zeros(len(rows))
        for dy in offsets:
            for dx in offsets:
                sample = index + dy * down + dx * across
                total += map_coordinates(
                    self._print, sample[:, ::-1].T, order=1, mode="constant", cval=_ROOM
                )
        image = np.full(self._rays.shape[:2], _ROOM)
        image[rows, columns] = total / _SAMPLES**2
        return image


def _pixel_rays(camera: Camera) -> Floats:
    """Return the directions (height, width, 3) in the camera frame, z = 1, of all pixels.

    NaN where the lens shows nothing that lies ahead.
    """
    width, height = camera.size
    pixels = np.stack(np.meshgrid(np.arange(width), np.arange(height)), axis=-1)
    flat = camera.undistort(pixels)
    return np.concatenate([flat, np.ones((height, width, 1))], axis=-1)
