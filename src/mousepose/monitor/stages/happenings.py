"""What happens to a camera and its mice in a segment, told as few events."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from mousepose.monitor.records import Event, FrameCount, Segment
from mousepose.run.film_pass import Watched
from mousepose.types import Bytes, Floats, State
from mousepose.video import FrameState

#: A picture whose mean grey level and spread are below these shows nothing: lens cap, lights off.
_DARK_MEAN, _DARK_SPREAD = 12.0, 6.0
#: Every so many pixels of a picture tell how light it is.
_EACH = 8
#: s; what lasts less is no event: a hand before the lens, a mouse behind its house.
_DARK_S, _NO_MOUSE_S, _EXTRA_S = 1.0, 60.0, 1.0
#: How the events of finders begin, and what kind they are.
_KINDS = {"camera": "moved", "light": "light"}


def is_dark(images: Bytes) -> NDArray[np.bool_]:
    """Tell which of grey pictures (N, H, W) show nothing."""
    small = images[:, ::_EACH, ::_EACH].reshape(len(images), -1).astype(np.float32)
    return np.asarray((small.mean(1) < _DARK_MEAN) & (small.std(1) < _DARK_SPREAD))


@dataclass(eq=False)
class Looked:
    """Frames of a segment that were looked at, one batch after another."""

    dark: list[NDArray[np.bool_]] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    states: list[Bytes] = field(default_factory=list)
    pictures: list[Bytes] = field(default_factory=list)
    extra: list[int] = field(default_factory=list)
    told: list[tuple[int, str]] = field(default_factory=list)

    def add(self, watched: Watched) -> None:
        """Take what is known of frames whose mice are told; `dark` was told as they were read."""
        self.numbers += watched.numbers.tolist()
        self.pictures.append(watched.states)
        for number, frame in zip(watched.numbers.tolist(), watched.mice, strict=True):
            self.states.append(frame.states)
            self.extra.append(frame.extra)
            if frame.event:
                self.told.append((number, frame.event))

    def count(self, total: int) -> FrameCount:
        """Return what became of the `total` frames of the segment."""
        pictures = np.concatenate(self.pictures) if self.pictures else np.zeros(0, np.uint8)
        return FrameCount(
            total=total,
            damaged=int((pictures >= FrameState.DAMAGED).sum()),
            skipped=total - len(self.numbers),
            seen=int(self._seen().sum()),
        )

    def events(self, segment: Segment, times: Floats, every: int) -> list[Event]:
        """Return what happened; `times` (T,) s are those of all frames of the segment."""

        def at(number: int) -> datetime:
            return segment.start + timedelta(seconds=float(times[number]))

        def event(number: int, kind: str, text: str, level: str = "warning") -> Event:
            return Event(segment.cage, at(number), kind, text, level)

        if not self.numbers:
            return []
        count, frames = self.count(len(times)), np.array(self.numbers)
        step = every / segment.fps if segment.fps > 0 else 0.0
        found = [event(n, _KINDS.get(text.split()[0], "light"), text) for n, text in self.told]
        longest = [
            ("dark", np.concatenate(self.dark), _DARK_S, "the camera shows nothing for {:.1f} s",
             "error"),
            ("no mouse", ~self._seen(), min(_NO_MOUSE_S, segment.seconds / 2),
             "no mouse is seen for {:.0f} s", "warning"),
            ("extra mouse", np.array(self.extra) > 0, _EXTRA_S,
             "more mice than the cage has are seen, for {:.1f} s at once", "warning"),
        ]  # fmt: skip
        for kind, flags, least, text, level in longest:
            first, length = longest_run(flags)
            if length and length * step >= least:
                found.append(event(int(frames[first]), kind, text.format(length * step), level))
        if count.damaged:
            damaged = np.concatenate(self.pictures) >= FrameState.DAMAGED
            first = int(frames[np.argmax(damaged)])
            found.append(event(first, "damaged", f"{count.damaged:,} frames are damaged"))
        if count.skipped:
            text = f"{count.skipped:,} of {count.total:,} frames were left out to catch up"
            found.append(event(0, "skipped", f"{text}: every {every}th was looked at"))
        return found

    def _seen(self) -> NDArray[np.bool_]:
        if not self.states:
            return np.zeros(0, bool)
        return np.asarray((np.stack(self.states) == State.SEEN).any(axis=1))


def longest_run(flags: Sequence[bool] | NDArray[np.bool_]) -> tuple[int, int]:
    """Return where the longest run of true flags begins, and its length; 0 and 0 for none."""
    edges = np.diff(np.concatenate([[False], np.asarray(flags, bool), [False]]).astype(np.int8))
    first, last = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    if not len(first):
        return 0, 0
    best = int(np.argmax(last - first))
    return int(first[best]), int(last[best] - first[best])
