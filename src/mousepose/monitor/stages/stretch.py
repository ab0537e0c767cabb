"""Frames one after another on their way to rows: keypoints of each mouse, left and right kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from mousepose.detect.sides import with_sides_kept
from mousepose.io.keypoints.registry import joined
from mousepose.run.crop_points import CropPoints, Look
from mousepose.run.film_pass import Watched
from mousepose.run.keypoint_files import cut
from mousepose.types import Bytes, Floats, Ints, Keypoints2D, State

#: Rows that are kept for what comes after them.
_NEWEST = 128


@dataclass(frozen=True, eq=False)
class Rows:
    """The keypoints of one mouse in some frames, and its `states` (T,) `State` in them."""

    points: Keypoints2D
    states: Bytes

    def __len__(self) -> int:
        return len(self.points)

    def cut(self, start: int, stop: int) -> Rows:
        """Return rows from place `start` to before `stop`."""
        return Rows(cut(self.points, start, stop), self.states[start:stop])

    def before(self, frame: int, most: int) -> Rows:
        """Return the last rows before a frame, `most` at most."""
        stop = int(np.searchsorted(self.points.frame_numbers, frame))
        return self.cut(max(stop - most, 0), stop)


@dataclass(eq=False)
class Stretch:
    """Frames whose mice are cut out and looked at; `states` are those of each mouse in each."""

    points: CropPoints = field(default_factory=CropPoints)
    states: list[Bytes] = field(default_factory=list)

    def add(self, watched: Watched, size: int, look: Look) -> None:
        """Take frames, unless their pictures are not there any more."""
        if watched.images is None:
            return
        self.points.add(watched, watched.images, size, look)
        self.states += [frame.states for frame in watched.mice]

    @property
    def numbers(self) -> Ints:
        """The numbers (T,) of the frames in their video."""
        return np.concatenate(self.points.numbers or [np.zeros(0, np.int64)])

    def rows(
        self, names: Sequence[str], times: Floats, frames: Ints, before: Sequence[Rows]
    ) -> tuple[Rows, ...]:
        """Return the rows of each mouse; `before` are those that come right before them."""
        states, found = np.stack(self.states), []
        for animal, points in enumerate(self.points.keypoints(names, times, frames)):
            last = before[animal].points if before and len(before[animal]) else None
            found.append(Rows(with_sides_kept(points, last)[0], states[:, animal]))
        return tuple(found)


def every_frame(rows: Rows, first: int, times: Floats) -> tuple[Rows, NDArray[np.bool_]]:
    """Return rows of all frames from number `first` on, and which of them were looked at.

    `times` (T,) s are those of all frames; what was not looked at is NaN.
    """
    points, count = rows.points, len(times)
    place = points.frame_numbers - first
    looked = np.zeros(count, bool)
    looked[place] = True
    if looked.all():
        return rows, looked
    assert points.covariance is not None

    def spread(values: Floats, nothing: float) -> Floats:
        found = np.full((count, *values.shape[1:]), nothing)
        found[place] = values
        return found

    states = np.full(count, State.ABSENT, np.uint8)
    states[place] = rows.states
    whole = Keypoints2D(
        spread(points.xy, np.nan), spread(points.confidence, 0.0), times,
        np.arange(first, first + count), points.keypoint_names, points.animal,
        spread(points.covariance, np.nan),
    )  # fmt: skip
    return Rows(whole, states), looked


def joined_rows(before: Sequence[Rows], rows: Sequence[Rows]) -> tuple[Rows, ...]:
    """Return the newest rows of each mouse, of some and of those that follow them."""
    if not before:
        return tuple(one.cut(max(len(one) - _NEWEST, 0), len(one)) for one in rows)
    found = []
    for old, new in zip(before, rows, strict=True):
        points = joined([old.points, new.points])
        both = Rows(points, np.concatenate([old.states, new.states]))
        found.append(both.cut(max(len(both) - _NEWEST, 0), len(both)))
    return tuple(found)
