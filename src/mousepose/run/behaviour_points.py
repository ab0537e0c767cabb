"""Files of poses, of points in space and of 2D keypoints as a classifier takes them, in parts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mousepose.analysis.behaviour.channels import Kind, Layout, Points, trunk_length
from mousepose.analysis.behaviour.rate import at_rate, check_speed, same_rate
from mousepose.analysis.behaviour.windows import Windows, windows_of
from mousepose.analysis.floor import Floor, above_floor
from mousepose.analysis.motion import Motion
from mousepose.body.keypoint_names import suggest
from mousepose.errors import InputError, UnknownNameError
from mousepose.io import iterate_keypoints
from mousepose.io.keypoints.registry import recognize
from mousepose.io.keypoints.sniff import Content
from mousepose.io.loading import unknown_format
from mousepose.io.poses.registry import recognize_points
from mousepose.run.gait_parts import FRAMES_AT_ONCE, RawPoints, floor_of, joined, parts_of
from mousepose.skeleton import canonical_name
from mousepose.types import Floats, Keypoints2D, Progress

Part = tuple[RawPoints, bool, dict[str, Any]]
#: Frames of two files of one recording may differ by this much in time (s).
_SAME_TIME = 1e-3
#: Landmarks that no joint is named after and that lie in the middle of the trunk.
_CENTRES = {"body_center": "SPINE_MID"}


@dataclass(frozen=True)
class Recording:
    """One animal in a file of poses, points in space or 2D keypoints (one camera).

    `image` is a second file, of the same frames in 2D, for classifiers that take both. `fps` is
    needed where files hold no times, `track` names the animal where they hold several, `up` (3,)
    is where up is in the axes of points in space.
    """

    path: Path
    image: Path | None = None
    fps: float | None = None
    track: str | None = None
    up: tuple[float, float, float] | None = None

    def kinds(self) -> tuple[Kind, ...]:
        """Return all that can be looked at. Raises `FileError` on a file of no known format."""
        space: tuple[Kind, ...] = ("keypoints3d", "angles")
        if not _in_space(self.path):
            return ("keypoints2d",)
        return space if self.image is None else ("keypoints2d", *space)


@dataclass(frozen=True, eq=False)
class TimedWindows:
    """Windows, and from when to when each shows the animal, `first` to `last` (N,) s.

    `missing` are the keypoints of the layout that are not known in this part.
    """

    windows: Windows
    first: Floats
    last: Floats
    missing: tuple[str, ...] = ()


def whole_points(recording: Recording, rate: float | None) -> Points:
    """Return all points of a recording at a rate in Hz, by default its own.

    Raises `InputError` and `FileError` as reading does, and where the rate cannot be.
    """
    parts = list(_parts(recording.path, recording, None))
    image = None
    if recording.image is not None:
        image = joined([piece for piece, _, _ in _parts(recording.image, recording, None)])
    scene = _Scene(recording)
    points = scene.points(joined([piece for piece, _, _ in parts]), image, parts[-1][2])
    if rate is None or same_rate(points.motion.rate, rate):
        return points
    return _at_rate(points, rate)[0]


def windows_in_parts(
    recording: Recording,
    layout: Layout,
    length: int,
    rate: float,
    hop: int,
    progress: Progress | None = None,
) -> Iterator[TimedWindows]:
    """Yield the windows of a long recording, in flat memory: the same as of the whole.

    Only the floor and the unit of an image are those of the first part. Raises `InputError` and
    `FileError` as reading does.
    """
    scene = _Scene(recording)
    rest: RawPoints | None = None
    image = None if recording.image is None else _Beside(recording)
    first = follows = 0
    keeps: bool | None = None
    for piece, last, about in _parts(recording.path, recording, progress):
        raw = piece if rest is None else joined([rest, piece])
        if len(raw.times) < 2 and not last:
            rest = raw
            continue
        beside = None if image is None else image.at(raw)
        points, number = scene.points(raw, beside, about), first
        if keeps is None:  # one way through the whole recording, however its rate trembles
            keeps = same_rate(points.motion.rate, rate)
        if not keeps:
            points, number = _at_rate(points, rate)
        found = windows_of(points, layout, length, hop, number)
        found = found.chosen(found.starts + number >= follows)
        times, there = points.motion.times, points.names()
        yield TimedWindows(
            found,
            times[found.starts],
            times[found.starts + length - 1] + 1 / points.motion.rate,
            tuple(part for part in layout.parts if part not in there),
        )
        follows = _next_window(number, len(times), length, hop)
        # The frame before the next window is kept as well: what is read off lies between frames.
        begin = times[min(max(follows - number, 0), len(times) - 1)] if len(times) else 0.0
        keep = max(0, int(np.searchsorted(raw.times, begin, side="right")) - 2)
        rest, first = raw.after(keep), first + keep


def _next_window(number: int, frames: int, length: int, hop: int) -> int:
    """Return the number of the first window that does not end within the frames."""
    free = max(number, number + frames - length + 1)
    return -(-free // hop) * hop


class _Scene:
    """What stays through a recording: its floor, and the unit of its image."""

    def __init__(self, recording: Recording) -> None:
        self._recording, self._space = recording, _in_space(recording.path)
        self._floor: Floor | None = None
        self._unit: float | None = None

    def points(self, raw: RawPoints, image: RawPoints | None, about: dict[str, Any]) -> Points:
        """Return the points of a part."""
        motion = _named(raw).motion()
        if self._floor is None:
            check_speed(motion)
        if not self._space:
            return Points(image=motion, unit=self._unit_of(motion))
        if self._floor is None:
            frame = str(about.get("frame", ""))
            self._floor = floor_of(motion, self._recording.up, frame)[0]
        space = above_floor(motion, self._floor)
        if image is None:
            return Points(space=space)
        flat = _named(image).motion()
        return Points(space=space, image=flat, unit=self._unit_of(flat))

    def _unit_of(self, motion: Motion) -> float:
        if self._unit is None:
            self._unit = trunk_length(motion)
        return self._unit


class _Beside:
    """The 2D keypoints of the frames that are worked on in space."""

    def __init__(self, recording: Recording) -> None:
        assert recording.image is not None
        self._path = recording.image
        self._parts = _parts(recording.image, recording, None)
        self._held: RawPoints | None = None

    def at(self, raw: RawPoints) -> RawPoints:
        """Return the frames of the times of `raw`. Raises `InputError` where they are others."""
        while self._held is None or self._held.times[-1] < raw.times[-1] - _SAME_TIME:
            part = next(self._parts, None)
            if part is None:
                break
            self._held = part[0] if self._held is None else joined([self._held, part[0]])
        held = self._held
        if held is not None:
            begin = int(np.searchsorted(held.times, raw.times[0] - _SAME_TIME))
            self._held = held = held.after(begin)
            count = len(raw.times)
            times = held.times[:count]
            if len(times) == count and np.allclose(times, raw.times, rtol=0, atol=_SAME_TIME):
                return RawPoints(held.names, held.xyz[:count], held.seen[:count], times, None)
        raise InputError(
            f"{self._path} does not hold the same frames as the points in space: both files need "
            "one row for each frame, with the same times"
        )


def _named(raw: RawPoints) -> RawPoints:
    """Return points under the skeleton's names, where other programs' names surely mean these."""
    names = dict.fromkeys(raw.names, "")
    for name in raw.names:
        try:
            names[name] = canonical_name(name)
        except UnknownNameError:
            continue
    for told in suggest([name for name, known in names.items() if not known]):
        known = _CENTRES.get(told.landmark, told.landmark)
        try:
            known = canonical_name(known)
        except UnknownNameError:
            continue
        if told.sure >= 1 and known not in names.values():
            names[told.column] = known
    return raw._replace(names=tuple(known or name for name, known in names.items()))


def _at_rate(points: Points, rate: float) -> tuple[Points, int]:
    """Return points read off at a rate in Hz, and the number of their first frame."""
    moved = [None if one is None else at_rate(one, rate) for one in (points.space, points.image)]
    space, image = (None if one is None else one[0] for one in moved)
    return Points(space, image, points.unit), next(one[1] for one in moved if one is not None)


def _in_space(path: Path) -> bool:
    """Tell whether a file holds points in space. Raises `FileError` on no known format."""
    content = Content(path)
    if recognize_points(content) is not None:
        return True
    if recognize(path) is None:
        raise unknown_format(content)
    return False


def _parts(path: Path, recording: Recording, progress: Progress | None) -> Iterator[Part]:
    """Yield consecutive parts of a file, whether each is the last, and what is said of it."""
    if _in_space(path):
        yield from parts_of(path, recording.fps, recording.track, progress)
        return
    chunks = iterate_keypoints(path, FRAMES_AT_ONCE, fps=recording.fps, animal=recording.track)
    held = next(chunks, None)
    read = 0
    while held is not None:
        following = next(chunks, None)
        read += len(held)
        if progress is not None:
            progress("reading and telling behaviours", read, 0)
        yield flat_points(held), following is None, {}
        held = following


def flat_points(keypoints: Keypoints2D) -> RawPoints:
    """Return the 2D keypoints of one camera as points of a plane.

    Raises `InputError` on more cameras than one.
    """
    if keypoints.xy.shape[1] != 1:
        raise InputError(
            f"expected the 2D keypoints of one camera, got {keypoints.xy.shape[1]}: reconstruct "
            "them, and train on the poses"
        )
    xy = keypoints.xy[:, 0]
    xyz = np.concatenate([xy, np.zeros((*xy.shape[:2], 1))], axis=-1)
    seen = np.asarray(np.isfinite(xy).all(axis=-1))
    xyz[~seen] = np.nan
    return RawPoints(keypoints.keypoint_names, xyz, seen, keypoints.times, None)


def frames_in(rate: float, seconds: float) -> int:
    """Return how many frames of a rate (Hz) make a window. Raises `InputError` on too few."""
    frames = round(rate * seconds)
    if frames < 3:
        raise InputError(
            f"a window of {seconds:g} s has {frames} frame(s) at {rate:.4g}/s: at least 3 are "
            "needed to see anything move"
        )
    return frames


def no_windows(what: str, length: int, rate: float, longest: float) -> InputError:
    """Return the error of recordings or clips in which no window has room."""
    return InputError(
        f"{what}: none is as long as a window of {length} frames ({length / rate:.3g} s); the "
        f"longest has {longest:.3g} s; make the window shorter (--window), or give longer ones"
    )
