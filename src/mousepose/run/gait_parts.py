"""A long file of poses as motion in parts that overlap a little, in flat memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mousepose.analysis.floor import PAWS, WORLD_FLOOR, Floor, find_floor
from mousepose.analysis.motion import Motion, motion_of
from mousepose.io.poses.points import PointTrack
from mousepose.io.poses.registry import iterate_points
from mousepose.types import Floats, Keypoints3D, Progress, State

#: Frames worked on at once.
FRAMES_AT_ONCE = 60_000


class RawPoints(NamedTuple):
    """Points as the file has them, and of their covariance only the diagonal."""

    names: tuple[str, ...]
    xyz: Floats  # (T, K, 3) mm
    seen: NDArray[np.bool_]  # (T, K)
    times: Floats  # (T,) s
    variance: Floats | None  # (T, K, 3) mm^2

    def motion(self) -> Motion:
        """Return the motion of these points, in the axes of the file."""
        motion = motion_of(Keypoints3D(self.xyz, self.times, self.names), self.seen)
        return replace(motion, variance=self.variance)

    def after(self, start: int) -> RawPoints:
        """Return the frames from place `start` on."""
        variance = None if self.variance is None else self.variance[start:]
        return RawPoints(
            self.names, self.xyz[start:], self.seen[start:], self.times[start:], variance
        )


def parts_of(
    source: Path, fps: float | None, animal: str | None, progress: Progress | None = None
) -> Iterator[tuple[RawPoints, bool, dict[str, Any]]]:
    """Yield consecutive parts of a file, whether each is the last, and what the file says of it.

    Raises `FileError` and `InputError` as `iterate_points` does.
    """
    pieces: list[RawPoints] = []
    waiting: tuple[RawPoints, dict[str, Any]] | None = None
    size = read = 0
    about: dict[str, Any] = {}
    for track in iterate_points(source, fps=fps, animal=animal):
        about = dict(track.about)
        pieces.append(_light(track))
        size, read = size + len(track), read + len(track)
        if progress is not None:
            progress("reading and analysing", read, 0)
        if size >= FRAMES_AT_ONCE:
            if waiting is not None:
                yield waiting[0], False, waiting[1]
            waiting, pieces, size = (joined(pieces), about), [], 0
    if waiting is not None:
        yield waiting[0], not pieces, waiting[1]
    if pieces:
        yield joined(pieces), True, about


def floor_of(
    motion: Motion, up: tuple[float, float, float] | None, frame: str
) -> tuple[Floor, str]:
    """Return the floor of a motion in the axes of its file, and in words how it is known.

    It is at right angles to `up` where that is given, else to z in a file of the world's `frame`,
    else where the paws stand.
    """
    if up is not None:
        return Floor.level(np.array(up)), "up as given"
    if frame == "world":
        return WORLD_FLOOR, "the file's z axis is up"
    if sum(motion.has(name) for name in PAWS) > 1:
        return find_floor(motion), "floor found from the paws"
    return WORLD_FLOOR, "z taken to be up (say --up if it is not)"


def joined(parts: list[RawPoints]) -> RawPoints:
    """Return consecutive parts as one."""
    variances = [part.variance for part in parts if part.variance is not None]
    return RawPoints(
        parts[0].names,
        np.concatenate([part.xyz for part in parts]),
        np.concatenate([part.seen for part in parts]),
        np.concatenate([part.times for part in parts]),
        np.concatenate(variances) if len(variances) == len(parts) else None,
    )


def _light(track: PointTrack) -> RawPoints:
    points = track.points
    variance = None
    if points.covariance is not None:
        variance = np.diagonal(points.covariance, axis1=-2, axis2=-1).copy()
    return RawPoints(
        points.keypoint_names, points.xyz, track.state == State.SEEN, points.times, variance
    )
