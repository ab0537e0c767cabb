"""The phase of the stride through a bout, from the whole body: strides counted, not taken as even.

Strides of one bout differ by a third and more in their time, so that no one sine fits them. First
the frequency is followed: at every time the one whose sine, over two strides (Hann), explains most
of the body's motion, within a factor of what the windows tell together. Then every coordinate is
turned back by that frequency and averaged over two strides (complex demodulation; such a window
leaves neither a standing part nor a second harmonic). What all coordinates do together, each with
an amplitude and a lag of its own, is their first principal component; its angle is the phase.
Strides in a span of time are the phase gone by, over 2 pi. Within a stride of the ends of a bout,
where no whole window lies, the phase goes on as fast as in the stride beside.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mousepose.types import Floats

#: The window of the averages (strides).
_STRIDES = 2.0
#: A coordinate known for less of the bout tells nothing.
_KNOWN = 0.5
#: No coordinate is taken to be explained better than this, or the cleanest would decide alone.
_TRUST = 0.9
#: At least so much of a window's weight must be known for it to tell.
_WEIGHT_KNOWN = 0.3
#: Strides of a bout are looked for within this factor of its usual frequency: below 2, so that a
#: step is never taken for a stride.
_REACH = 1.7
_FREQUENCIES = 15
#: What the body does together is followed in so many principal components.
_COMPONENTS = 8
#: In a bout too short to show it, strides are taken to differ by this share of themselves ...
_UNEVEN = 0.1
#: ... and no phase is surer than this (strides).
_LEAST_SD = 0.01
#: The variance (rad^2) of an angle that may be any.
_LOST = np.pi**2 / 3
#: Motion of a body has so many numbers a second that are its own, however many frames.
OWN_NUMBERS_HZ = 40.0


@dataclass(frozen=True, eq=False)
class Phase:
    """`strides` (T,) gone by since the first frame, and the standard deviation (T,) of each.

    It has three parts: half of what two halves of the coordinates differ by, what the motion that
    the rhythm does not explain adds, and towards the ends of the bout what one stride differs from
    the next by.
    """

    strides: Floats
    sd: Floats


def follow_phase(coordinates: Floats, usual: float, rate: float) -> Phase | None:
    """Return the phase of one bout, None below three strides and where too little is known.

    `coordinates` (T, D) mm are what moves once a stride, `usual` (Hz) about how often.
    """
    known = np.isfinite(coordinates)
    edge = len(_hann(_STRIDES * rate / usual)) // 2
    usable = known.mean(axis=0) >= _KNOWN
    if usable.sum() < 2 or len(coordinates) < 3 * edge:
        return None
    known, values = known[:, usable], np.where(known, coordinates, 0.0)[:, usable]
    kernel = _hann(_STRIDES * rate / usual)
    weight = _averaged(known.astype(np.float64), kernel)
    level = _averaged(values, kernel) / np.maximum(weight, 1e-9)
    values = np.where(known, values - level, 0.0)
    frequency = _followed(values, usual, rate)
    between = np.cumsum((frequency[1:] + frequency[:-1]) / 2)
    turns: Floats = np.concatenate([[0.0], between]) / rate
    turned = _averaged(values * np.exp(-2j * np.pi * turns)[:, None], kernel)
    turned = np.where(weight >= _WEIGHT_KNOWN, turned / np.maximum(weight, 1e-9), 0.0)
    scaled = np.asarray(turned / np.sqrt(_noise(values, known, turned)), np.complex128)
    strides, one, other = (
        _continued(turns + _angle_of(scaled[:, part]) / (2 * np.pi), edge)
        for part in (slice(None), slice(0, None, 2), slice(1, None, 2))
    )
    apart = one - other - np.median(one - other)
    spread = _evened(apart[:, None] ** 2 / 4, kernel)[:, 0]
    spread += _noise_of_angle(scaled, values, kernel, rate) / (2 * np.pi) ** 2
    return Phase(strides - strides[0], np.sqrt(spread + _unevenness(strides, edge) ** 2))


def _followed(values: Floats, usual: float, rate: float) -> Floats:
    """Return the frequency (T,) Hz whose sine explains most about each time, smoothed."""
    vectors = np.linalg.eigh(values.T @ values)[1][:, -_COMPONENTS:]
    main = values @ vectors
    grid = usual * np.exp(np.linspace(-1, 1, _FREQUENCIES) * np.log(_REACH))
    time = np.arange(len(values)) / rate
    energy = (main**2).sum(axis=1, keepdims=True)
    explained = np.empty((len(grid), len(values)))
    for row, frequency in enumerate(grid):
        kernel = _hann(_STRIDES * rate / frequency)
        turned = _averaged(main * np.exp(-2j * np.pi * frequency * time)[:, None], kernel)
        power = 2 * (np.abs(turned) ** 2).sum(axis=1)
        explained[row] = power / np.maximum(_averaged(energy, kernel)[:, 0], 1e-9)
    smooth = _hann(_STRIDES * rate / usual)
    best = grid[_evened(explained.T, smooth).argmax(axis=1)]
    return np.asarray(np.exp(_evened(np.log(best)[:, None], smooth)[:, 0]))


def _noise(values: Floats, known: NDArray[np.bool_], turned: NDArray[np.complex128]) -> Floats:
    """Return the variance (D,) mm^2 of each coordinate that its rhythm does not explain."""
    count = np.maximum(known.sum(axis=0), 1)
    total = np.maximum((values**2).sum(axis=0) / count, 1e-12)
    explained = 2 * (np.abs(turned) ** 2 * known).sum(axis=0) / count
    return np.asarray(total - np.minimum(explained, _TRUST * total))


def _together(scaled: NDArray[np.complex128]) -> NDArray[np.complex128]:
    """Return what all coordinates (T, D) do together (T,): their first principal component."""
    lag = np.linalg.eigh(scaled.conj().T @ scaled)[1][:, -1]
    return np.asarray(scaled @ lag)


def _angle_of(scaled: NDArray[np.complex128]) -> Floats:
    """Return the angle (T,) rad of what all coordinates (T, D) do together."""
    return np.asarray(np.unwrap(np.angle(_together(scaled))))


def _noise_of_angle(
    scaled: NDArray[np.complex128], values: Floats, kernel: Floats, rate: float
) -> Floats:
    """Return the variance (T,) rad^2 of the angle by what the rhythm leaves unexplained.

    In units of that, a sum with weights w has the variance sum(w^2); half of it turns the angle.
    """
    variance = (kernel**2).sum() * max(1.0, rate / OWN_NUMBERS_HZ) * repeats(values[None])[0]
    power = np.abs(_together(scaled)) ** 2
    return np.asarray(np.minimum(variance / (2 * np.maximum(power, 1e-9)), _LOST))


def _continued(strides: Floats, edge: int) -> Floats:
    """Return the phase (T,) with the `edge` frames at both ends as fast as the `edge` beside."""
    continued = strides.copy()
    away = np.arange(1, edge + 1)
    slope = (strides[2 * edge - 1] - strides[edge]) / (edge - 1)
    continued[:edge] = (strides[edge] - slope * away)[::-1]
    slope = (strides[-edge - 1] - strides[-2 * edge]) / (edge - 1)
    continued[len(strides) - edge :] = strides[-edge - 1] + slope * away
    return continued


def _unevenness(strides: Floats, edge: int) -> Floats:
    """Return the standard deviation (T,) of a phase (T,) that was continued at both ends.

    It grows to what the phase gone by in `edge` frames differs from that in the next `edge` by.
    """
    inner = strides[edge : len(strides) - edge]
    gone = inner[edge:] - inner[:-edge]
    later = gone[edge:] - gone[:-edge]
    uneven = float(np.sqrt(np.mean(later**2))) if len(later) else _UNEVEN
    frames = np.arange(len(strides))
    outside = np.maximum(edge - frames, frames - (len(strides) - 1 - edge))
    return np.asarray(np.hypot(uneven * np.clip(outside / edge, 0, 1), _LEAST_SD))


def repeats(window: Floats) -> Floats:
    """Return how many times (B,) the coordinates of windows (B, N, D) repeat each other."""
    known = np.isfinite(window)
    values = np.where(known, window, 0.0)
    mean = values.sum(axis=1, keepdims=True) / np.maximum(known.sum(axis=1, keepdims=True), 1)
    values = np.where(known, values - mean, 0.0)
    gram = np.swapaxes(values, 1, 2) @ values
    scale = np.sqrt(np.maximum(np.einsum("bdd->bd", gram), 1e-12))
    correlation = gram / (scale[:, :, None] * scale[:, None])
    return np.asarray((correlation**2).sum(axis=(1, 2)) / correlation.shape[-1])


def _hann(length: float) -> Floats:
    """Return a Hann window of `length` frames and of sum 1."""
    half = max(1, int(np.ceil(length / 2)) - 1)
    window = 0.5 + 0.5 * np.cos(2 * np.pi * np.arange(-half, half + 1) / length)
    return np.asarray(window / window.sum())


def _averaged(values: NDArray[Any], kernel: Floats) -> NDArray[Any]:
    """Return values (T, D) under the window about each frame; beyond the ends there is nothing."""
    from scipy.signal import oaconvolve

    half = len(kernel) // 2
    return np.asarray(oaconvolve(values, kernel[:, None], axes=0)[half : half + len(values)])


def _evened(values: Floats, kernel: Floats) -> Floats:
    """Return values (T, D) averaged over the part of the window that lies inside."""
    inside = _averaged(np.ones((len(values), 1)), kernel)
    return np.asarray(_averaged(values, kernel) / inside)
