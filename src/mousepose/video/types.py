"""What reading a video gives: frames and batches, each with what is known of its picture."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class FrameState(IntEnum):
    """What is known of the picture of one frame; from RESIZED on a caller may want to leave it."""

    OK = 0  #: decoded without a complaint
    RESIZED = 1  #: the file changed its size here; scaled to the size of the first frame
    DOUBTFUL = 2  #: built upon a frame that is damaged or missing, up to the next key frame
    DAMAGED = 3  #: the decoder found errors in it and guessed what was there
    MISSING = 4  #: has a place in the file but no picture could be decoded; the image is black


@dataclass(frozen=True, eq=False)
class Frame:
    """One frame: its number counted from 0, its time in s, and its image.

    `image` is (H, W) uint8 grey or (H, W, 3) uint8 RGB. The time of the first frame is 0.
    """

    number: int
    time: float
    image: Bytes
    state: FrameState = FrameState.OK


@dataclass(frozen=True, eq=False)
class Batch:
    """Frames one after another: `images` (N, H, W) grey or (N, H, W, 3) RGB, uint8.

    `numbers` (N,) count from 0, `times` (N,) are s from the first frame of the video, `states` (N,)
    are `FrameState`.
    """

    numbers: Ints
    times: Floats
    images: Bytes
    states: Bytes

    def __len__(self) -> int:
        return len(self.numbers)


@dataclass(frozen=True, eq=False)
class FrameIndex:
    """Where the frames of a video are, found without decoding any.

    `stamps` (T,) are what the decoder calls the frames, increasing: presentation times in the
    file's unit, or, where the file does not tell them (`timed` False), plain numbers. `times` (T,)
    are s from the first frame, which the file itself puts at `start` s. `keys` (K,) are the numbers
    of the key frames. `stated` is how many frames the file says it holds, 0 where it does not say;
    `ended` says why reading stopped before the end of the file, "" where it did not.
    """

    stamps: Ints
    times: Floats
    keys: Ints
    timed: bool = True
    start: float = 0.0
    tick: float = 0.0  #: s; the unit of the file's times
    stated: int = 0
    ended: str = ""

    def __len__(self) -> int:
        return len(self.stamps)

    @property
    def fps(self) -> float:
        """Frames per second: one by the median interval; NaN for a single frame."""
        return 1.0 / self.interval if len(self) > 1 else float("nan")

    @property
    def interval(self) -> float:
        """The interval between two frames in s.

        The mean of those near the median: times are whole ticks (33 and 34 ms at 30 frames/s), and
        pauses must not count. NaN for a single frame.
        """
        steps = np.diff(self.times)
        if not len(steps):
            return float("nan")
        return float(np.mean(steps[np.abs(steps - np.median(steps)) <= self._tolerance(steps)]))

    @property
    def irregular(self) -> Ints:
        """The numbers of the frames that come later or sooner after the one before than others."""
        steps = np.diff(self.times)
        if not len(steps):
            return np.zeros(0, np.int64)
        off = np.abs(steps - np.median(steps)) > self._tolerance(steps)
        return np.asarray(np.flatnonzero(off) + 1, np.int64)

    def _tolerance(self, steps: Floats) -> float:
        """Return what an interval may differ by: a tenth, or the rounding to whole ticks."""
        return max(0.1 * float(np.median(steps)), 1.01 * self.tick)
