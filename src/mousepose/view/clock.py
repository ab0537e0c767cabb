"""Which moment is shown and how it goes on: play, step, speed, jumps. Knows no browser."""

from __future__ import annotations

import threading
from collections.abc import Callable

from mousepose.types import Floats

#: Times real time that can be chosen.
SPEEDS = (0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 10.0)


class Clock:
    """The frame shown of a result with `times` (T,) s; any thread may ask and tell.

    `place` counts frames from 0. Time goes on from the last jump, so that a slow machine skips
    frames instead of falling behind; at the end it begins anew.
    """

    def __init__(self, times: Floats) -> None:
        self._times = times
        self._lock = threading.RLock()
        self._place = 0
        self._speed = 1.0
        self._playing = False
        self._from: tuple[float, float] | None = None  # clock's time, recording's time
        self.changed = threading.Event()  #: set whenever another frame is to be shown

    @property
    def place(self) -> int:
        """The frame to show."""
        return self._place

    @property
    def time(self) -> float:
        """The time of that frame in s."""
        return float(self._times[self._place])

    @property
    def playing(self) -> bool:
        """Whether time goes on by itself."""
        return self._playing

    def seek(self, place: int) -> None:
        """Show a frame, the nearest there is; where time goes on, it goes on from there."""
        with self._lock:
            self._place = min(max(int(place), 0), len(self._times) - 1)
            self._from = None
        self.changed.set()

    def step(self, frames: int) -> None:
        """Stop, and go some frames on or back."""
        with self._lock:
            self._playing = False
            self.seek(self._place + frames)

    def play(self, playing: bool) -> None:
        """Let time go on, or stop it."""
        with self._lock:
            self._playing, self._from = playing, None
        self.changed.set()

    def set_speed(self, speed: float) -> None:
        """Set how many seconds of the recording a second shows."""
        with self._lock:
            self._speed, self._from = speed, None

    def advance(self, now: float, find: Callable[[float], int]) -> int:
        """Return the frame to show when the machine's clock reads `now` s.

        `find` gives the place nearest to a time of the recording.
        """
        with self._lock:
            if not self._playing:
                return self._place
            if self._from is None:
                self._from = (now, self.time)
            wanted = self._from[1] + (now - self._from[0]) * self._speed
            if wanted > self._times[-1]:
                self._from, self._place = (now, float(self._times[0])), 0
            else:
                self._place = find(wanted)
            return self._place
