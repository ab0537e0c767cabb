"""What a series of numbers does within intervals of frames: all intervals at once."""

from __future__ import annotations

import numpy as np

from mousepose.types import Floats, Ints


def mean_in(values: Floats, start: Ints, stop: Ints) -> Floats:
    """Return the mean (N,) of known `values` (T,) from `start` to before `stop`, NaN if none."""
    known = np.isfinite(values)
    count = np.concatenate([[0], np.cumsum(known)])
    total = np.concatenate([[0.0], np.cumsum(np.where(known, values, 0.0))])
    number = count[stop] - count[start]
    return np.where(number > 0, (total[stop] - total[start]) / np.maximum(number, 1), np.nan)


def highest_in(values: Floats, start: Ints, stop: Ints) -> Floats:
    """Return the highest known value (N,) from `start` to before `stop`, NaN if none is known."""
    if not len(start):
        return np.empty(0)
    padded = np.append(values, np.nan)
    # An interval of no frames would give the value at its start.
    ends = np.stack([start, np.maximum(stop, start + 1)], axis=1).ravel()
    return np.asarray(np.fmax.reduceat(padded, ends)[::2])


def range_in(values: Floats, start: Ints, stop: Ints) -> Floats:
    """Return highest minus lowest known value (N,) from `start` to before `stop`."""
    return highest_in(values, start, stop) + highest_in(-values, start, stop)


def at_time(values: Floats, times: Floats, when: Floats) -> Floats:
    """Return `values` (T, D) at the times `when` (N,), by straight lines; NaN beside unknowns."""
    after = np.clip(np.searchsorted(times, when), 1, len(times) - 1)
    share = (when - times[after - 1]) / (times[after] - times[after - 1])
    return np.asarray(values[after - 1] + share[:, None] * (values[after] - values[after - 1]))
