"""Windows of a recording, and each window's numbers: what a classifier on features takes.

Every number of a window follows from the frames within it alone: a window cut out of a long
recording and the same frames as a clip of their own give the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from mousepose.analysis.behaviour.channels import Layout, Points, channels_of
from mousepose.errors import InputError
from mousepose.types import Ints

#: The numbers of a channel in a window: mean, spread, pace, rhythm.
_NUMBERS = 4
#: Below this spread (mm, trunk lengths, degrees, or by the second) there is no rhythm to tell.
_LEAST_SPREAD = 1e-4


@dataclass(frozen=True, eq=False)
class Windows:
    """N windows of `length` frames that begin at `starts` (N,) in the channels `values` (T, C).

    `rate` is in Hz.
    """

    values: NDArray[np.float32]
    starts: Ints
    length: int
    rate: float
    layout: Layout

    def __len__(self) -> int:
        return len(self.starts)

    def features(self) -> NDArray[np.float32]:
        """Return the numbers (N, 4 C) of each window, by channel; NaN = unknown.

        Of a channel: its mean, its standard deviation, its pace (root mean square of the steps
        between frames, by the second) and its rhythm in Hz, the frequency that a sine of this
        spread and pace would have. Odd channels have the size of their mean. A channel known
        in less than half of the frames is unknown.
        """
        ahead, odd = np.array(self.layout.ahead), np.array(self.layout.odd)
        found: NDArray[np.float32] = _statistics(
            self.values, self.starts, self.length, self.rate, ahead, odd
        )
        return found

    def series(self) -> NDArray[np.float32]:
        """Return the channels of each window as series (N, C, W); of odd ones the size."""
        frames = self.starts[:, None] + np.arange(self.length)
        values = self.values[frames]  # (N, W, C)
        odd, ahead = np.array(self.layout.odd), np.array(self.layout.ahead)
        values[..., odd] = np.abs(values[..., odd])
        values[:, -1, ahead] = np.nan
        return np.ascontiguousarray(values.transpose(0, 2, 1))

    def known(self) -> NDArray[np.bool_]:
        """Return which windows (N,) hold an animal: something is known in half of the frames."""
        seen = np.isfinite(self.values).any(axis=1)
        counts = np.concatenate([[0], np.cumsum(seen)])
        number = counts[self.starts + self.length] - counts[self.starts]
        return np.asarray(number * 2 >= self.length)

    def chosen(self, rows: Ints | NDArray[np.bool_]) -> Windows:
        """Return some of the windows."""
        return replace(self, starts=self.starts[rows])


def windows_of(
    points: Points, layout: Layout, length: int, hop: int = 1, first: int = 0
) -> Windows:
    """Return every window of `length` frames without a gap in time that holds an animal.

    Windows begin at multiples of `hop`, where the first frame has the number `first`. Raises
    `InputError` where the layout needs what is not there.
    """
    if length < 3 or hop < 1:
        raise InputError(f"expected windows of 3 frames or more, got {length}, with a hop of {hop}")
    run = points.motion.run
    starts = np.arange(-first % hop, len(run) - length + 1, hop)
    starts = starts[run[starts] == run[starts + length - 1]] if len(starts) else starts
    values = channels_of(points, layout)
    found = Windows(values, starts, length, points.motion.rate, layout)
    return found.chosen(found.known()) if len(starts) else found


def joined_windows(parts: Sequence[Windows]) -> Windows:
    """Return windows of several recordings as one set. Raises `InputError` where there are none."""
    if not parts:
        raise InputError("there are no windows")
    first = parts[0]
    offsets = np.cumsum([0, *(len(part.values) for part in parts[:-1])])
    starts = [part.starts + offset for part, offset in zip(parts, offsets, strict=True)]
    return replace(
        first,
        values=np.concatenate([part.values for part in parts]),
        starts=np.concatenate(starts).astype(np.int64),
    )


@njit(cache=True, nogil=True)
def _statistics(
    values: Any, starts: Any, length: int, rate: float, ahead: Any, odd: Any
) -> Any:  # pragma: no cover - compiled
    channels = values.shape[1]
    out = np.full((len(starts), channels * _NUMBERS), np.nan, np.float32)
    for row in range(len(starts)):
        begin = starts[row]
        for channel in range(channels):
            end = begin + length - (1 if ahead[channel] else 0)
            count, steps = 0, 0
            total, climbed = 0.0, 0.0
            for frame in range(begin, end):
                value = np.float64(values[frame, channel])
                if np.isnan(value):
                    continue
                count += 1
                total += value
                if frame > begin and not np.isnan(values[frame - 1, channel]):
                    steps += 1
                    climbed += (value - np.float64(values[frame - 1, channel])) ** 2
            if count * 2 < end - begin or steps == 0:
                continue
            mean = total / count
            squares = 0.0
            for frame in range(begin, end):
                value = np.float64(values[frame, channel])
                if not np.isnan(value):
                    squares += (value - mean) ** 2
            spread = np.sqrt(squares / count)
            pace = np.sqrt(climbed / steps)
            place = channel * _NUMBERS
            out[row, place] = abs(mean) if odd[channel] else mean
            out[row, place + 1] = spread
            out[row, place + 2] = pace * rate
            if spread > _LEAST_SPREAD:
                out[row, place + 3] = rate / np.pi * np.arcsin(min(1.0, pace / (2 * spread)))
    return out
