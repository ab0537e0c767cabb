"""Whether the camera was bumped: by how much a picture is shifted against another."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

#: A peak of the correlation is a shift where it is so many times higher than any other.
_CLEAR = 1.5


def shift_between(
    before: NDArray[Any], after: NDArray[Any], hidden: NDArray[Any] | None = None
) -> tuple[float, float, float]:
    """Return how far (right, down) in px the scene moved, and how clear that is, 1 = not at all.

    Pictures are (H, W). Phase correlation of their gradients (Kuglin and Hines 1975), so that light
    that changes is no shift; where `hidden` (H, W) is true, as where a mouse is, nothing counts.
    Moves of whole pixels are found, up to a quarter of the picture.
    """
    spectra = [np.fft.rfft2(_edges(picture, hidden)) for picture in (before, after)]
    cross = np.conj(spectra[0]) * spectra[1]
    height, width = before.shape
    peaks = np.fft.irfft2(cross / np.maximum(np.abs(cross), 1e-9), s=(height, width))
    down, right = np.unravel_index(int(np.argmax(peaks)), peaks.shape)
    top = float(peaks[down, right])
    ys, xs = np.arange(-2, 3) + down, np.arange(-2, 3) + right
    peaks[np.ix_(ys % height, xs % width)] = -np.inf  # its own slopes are no other peak
    clear = top / max(float(peaks.max()), 1e-9)
    moved = (_signed(int(right), width), _signed(int(down), height))
    if abs(moved[0]) > width / 4 or abs(moved[1]) > height / 4:
        return 0.0, 0.0, 1.0
    return float(moved[0]), float(moved[1]), clear


def is_shift(shift: tuple[float, float, float]) -> bool:
    """Tell whether what `shift_between` returned is a move of the camera."""
    return shift[2] >= _CLEAR and max(abs(shift[0]), abs(shift[1])) >= 1


def _signed(place: int, length: int) -> int:
    return place - length if place > length // 2 else place


def _edges(picture: NDArray[Any], hidden: NDArray[Any] | None) -> NDArray[Any]:
    """Return the strength of gradients, faded out towards the picture's edge."""
    picture = picture.astype(np.float32)
    strength = np.zeros_like(picture)
    strength[:, 1:-1] += np.abs(picture[:, 2:] - picture[:, :-2])
    strength[1:-1] += np.abs(picture[2:] - picture[:-2])
    strength = np.minimum(strength, 60.0)  # a glare is no better a landmark than a crack
    if hidden is not None:
        strength[hidden] = strength[~hidden].mean() if not hidden.all() else 0.0
    strength -= strength.mean()
    height, width = picture.shape
    fade = np.outer(np.hanning(height), np.hanning(width))
    return np.asarray(strength * fade, np.float32)
