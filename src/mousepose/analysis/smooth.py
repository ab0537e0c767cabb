"""Savitzky-Golay smoothing and derivatives of stated bandwidth that never reach across a gap.

A polynomial of third degree is fitted to 2 M + 1 frames about each frame (Savitzky & Golay, Anal.
Chem. 36, 1964). Near the end of a stretch of known frames the window stays inside and the
polynomial is read off its centre. The bandwidth, where a rhythm has lost 3 dB, is read off the
filter's own response.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mousepose.types import Floats, Ints, require

_DEGREE = 3
#: Bandwidth times width of the window, in frames and cycles for each frame, for this degree.
_WIDTH = 1.07
#: Fewer frames on each side leave nothing to smooth.
_LEAST_REACH = 2


@dataclass(frozen=True, eq=False)
class Smoother:
    """Windows of `reach` frames on each side, at `rate` Hz."""

    reach: int
    rate: float

    @classmethod
    def of(cls, bandwidth: float, rate: float) -> Smoother:
        """Return the smoother whose bandwidth (Hz) is nearest to the one asked for.

        Raises `InputError` where it is not positive.
        """
        require(bandwidth > 0, f"bandwidth: expected a positive number of Hz, got {bandwidth!r}")
        return cls(max(_LEAST_REACH, round((_WIDTH * rate / bandwidth - 1) / 2)), rate)

    @property
    def bandwidth(self) -> float:
        """The frequency (Hz) at which a rhythm has lost 3 dB."""
        places = np.arange(-self.reach, self.reach + 1)
        cycles = np.linspace(0.0, 0.5, 2001)  # for each frame
        kept = np.cos(2 * np.pi * cycles[:, None] * places) @ self.weights(0)[self.reach]
        return float(cycles[np.argmax(kept < np.sqrt(0.5))] * self.rate)

    def weights(self, derivative: int) -> Floats:
        """Return the weights (2 M + 1, 2 M + 1): a row for each place in the window to read at."""
        places = np.arange(-self.reach, self.reach + 1.0)
        powers = np.arange(_DEGREE + 1)
        fit = np.linalg.pinv(places[:, None] ** powers)  # (degree + 1, window)
        factor = [math.perm(p, derivative) if p >= derivative else 0 for p in powers]
        read = np.array(factor) * places[:, None] ** np.maximum(powers - derivative, 0)
        return np.asarray(read @ fit * self.rate**derivative)


def derive(
    values: Floats, run: Ints, smoother: Smoother, derivative: int = 0, variance: bool = False
) -> Floats:
    """Return smoothed `values` (T, D), or their derivative by time, NaN where there is none.

    A row with a NaN is a gap; `run` (T,) numbers the stretches of frames. Stretches shorter than
    the window give NaN. With `variance`, `values` are variances of independent errors and the
    result is the variance of what would have been returned for the values themselves.
    """
    weights = smoother.weights(derivative)
    if variance:
        weights = weights**2
    start, place, good = _windows(np.asarray(np.isfinite(values).all(axis=-1)), run, len(weights))
    result = np.full(values.shape, np.nan)
    inner = good & (place == smoother.reach)
    if inner.any():
        filled = np.where(np.isnan(values), 0.0, values)
        middle = _correlated(filled, weights[smoother.reach])
        result[inner] = middle[inner]
    edges = np.flatnonzero(good & ~inner)
    window = values[start[edges, None] + np.arange(len(weights))]
    result[edges] = np.einsum("ew,ewd->ed", weights[place[edges]], window)
    return result


def stretches(good: NDArray[np.bool_], run: Ints) -> tuple[Ints, Ints]:
    """Return the first frames (N,) and the ends (N,) of unbroken stretches of good frames."""
    edge = np.concatenate([[True], np.diff(run) != 0, [True]])
    padded = np.concatenate([[False], good, [False]])
    first = padded[1:] & (~padded[:-1] | edge)
    last = padded[:-1] & (~padded[1:] | edge)
    return np.flatnonzero(first), np.flatnonzero(last)


def _windows(
    good: NDArray[np.bool_], run: Ints, width: int
) -> tuple[Ints, Ints, NDArray[np.bool_]]:
    """Return the first frame of each frame's window (T,), its place in it, and if there is one."""
    first, end = stretches(good, run)
    long = end - first >= width
    first, end = first[long], end[long]
    frames = np.arange(len(good))
    inside = np.zeros(len(good), bool)
    start = np.zeros(len(good), np.int64)
    if len(first):
        which = np.clip(np.searchsorted(first, frames, side="right") - 1, 0, None)
        inside = (frames >= first[which]) & (frames < end[which])
        start = np.clip(frames - width // 2, first[which], end[which] - width)
    return start, np.where(inside, frames - start, 0), inside


def _correlated(values: Floats, weights: Floats) -> Floats:
    from scipy.ndimage import correlate1d

    return np.asarray(correlate1d(values, weights, axis=0, mode="nearest"))
