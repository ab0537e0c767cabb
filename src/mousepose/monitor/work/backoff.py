"""Pauses that grow while something does not go."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass
class Backoff:
    """After a failure nothing is tried for `first` s, after the next for twice as long; see `ok`.

    `clock` counts seconds; `longest` is the longest pause.
    """

    clock: Callable[[], float]
    first: float = 1.0
    longest: float = 60.0
    pause: float = 0.0
    _until: float = float("-inf")

    @property
    def rests(self) -> bool:
        """Whether it is too early to try again."""
        return self.clock() < self._until

    @property
    def failing(self) -> bool:
        """Whether it failed the last time."""
        return self.pause > 0

    def failed(self) -> float:
        """Begin a pause, unless one is on; return its seconds."""
        if not self.rests:
            self.pause = min(max(self.first, 2 * self.pause), self.longest)
            self._until = self.clock() + self.pause
        return self.pause

    def ok(self) -> bool:
        """It goes again; return whether it failed before."""
        was = self.failing
        self.pause, self._until = 0.0, float("-inf")
        return was
