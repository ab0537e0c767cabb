"""What a classifier sees of a pose: numbers that neither place, heading nor mirror image change.

A channel is one number a frame. Coordinates are those of the body: forward, left, up from the
middle of the trunk. Of each pair of limbs there are two channels a coordinate: the mean of both
sides, and half their difference, which a mirror turns to its negative as it does the left
coordinate of the midline. Such channels are `odd`: whoever sums them up must not use their sign.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from mousepose.analysis.behaviour.body_frame import BodyFrame, body_frame
from mousepose.analysis.motion import Motion
from mousepose.analysis.point_angles import point_angles
from mousepose.body.keypoint_names import other_side, read_name
from mousepose.errors import InputError
from mousepose.skeleton import KEYPOINT_NAMES
from mousepose.types import Floats

Kind = Literal["keypoints2d", "keypoints3d", "angles"]
#: How a camera of 2D keypoints looks at the animal: whether image turns are turns of the animal.
View = Literal["above", "side"]
KINDS: tuple[Kind, ...] = get_args(Kind)
_ANGLE_NAMES = ("knee", "hip", "elbow", "shoulder", "spine")

#: Which coordinates (of forward, left, up) each kind has.
_AXES = {"above": (0, 1), "side": (0, 2), "space": (0, 1, 2)}
_AXIS_NAMES = ("forward", "left", "up")
_MIRROR = np.array([1.0, -1.0, 1.0])


@dataclass(frozen=True)
class Layout:
    """The channels by name, in order, with what must be known of each.

    `odd`: a mirror image turns it to its negative. `ahead`: it tells what happens from a frame to
    the next. `kinds`, `view` and `parts`, the keypoints' names, say what it was made of.
    """

    names: tuple[str, ...]
    odd: tuple[bool, ...]
    ahead: tuple[bool, ...]
    kinds: tuple[Kind, ...]
    view: View
    parts: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.names)


@dataclass(frozen=True, eq=False)
class Points:
    """One animal's points for a classifier: in space, in an image, or both, at the same times.

    `space` is in mm with z up from the floor; `image` has z = 0 and is in px, of which `unit` make
    the length of the trunk.
    """

    space: Motion | None = None
    image: Motion | None = None
    unit: float = 1.0

    @property
    def motion(self) -> Motion:
        """What has the times: the points in space where there are any."""
        found = self.space if self.space is not None else self.image
        if found is None:
            raise InputError("no points were given")
        return found

    def names(self) -> tuple[str, ...]:
        """Return the names of all points that are known in some frame."""
        both = [motion for motion in (self.image, self.space) if motion is not None]
        known = (name for motion in both for name in motion.names if motion.has(name))
        return tuple(dict.fromkeys(known))


def layout_of(
    kinds: Sequence[Kind], view: View = "above", parts: Sequence[str] = KEYPOINT_NAMES
) -> Layout:
    """Return the channels of these kinds, of these keypoints; names tell left from right.

    Raises `InputError` on another kind or none.
    """
    unknown = [kind for kind in kinds if kind not in KINDS]
    if unknown or not kinds:
        raise InputError(f"expected some of {', '.join(KINDS)}, got {', '.join(unknown) or 'none'}")
    if view not in get_args(View):
        raise InputError(f"view: expected above or side, got {view!r}")
    entries: list[tuple[str, bool, bool]] = []
    ordered = tuple(kind for kind in KINDS if kind in kinds)
    for kind in ordered:
        own = _angle_entries() if kind == "angles" else _point_entries(kind, view, tuple(parts))
        entries += own
    names, odd, ahead = zip(*entries, strict=True)
    return Layout(names, odd, ahead, ordered, view, tuple(parts))


def channels_of(points: Points, layout: Layout) -> NDArray[np.float32]:
    """Return the channels (T, C) of a layout, NaN = unknown.

    Lengths are in mm in space, in trunk lengths in an image; speeds by the second; angles in
    degrees. Raises `InputError` where what the layout needs is not there.
    """
    columns: list[Floats] = []
    for kind in layout.kinds:
        motion = points.image if kind == "keypoints2d" else points.space
        if motion is None:
            where = "2D keypoints" if kind == "keypoints2d" else "poses or points in space"
            raise InputError(f"{kind} needs {where}, which were not given")
        if kind == "angles":
            columns += _angle_columns(motion)
        else:
            unit = points.unit if kind == "keypoints2d" else 1.0
            columns += _point_columns(motion, _axes_of(kind, layout.view), layout.parts, unit)
    return np.stack(columns, axis=1).astype(np.float32)


def trunk_length(motion: Motion) -> float:
    """Return the median length of the trunk, in the units of the points.

    Raises `InputError` where it is known in no frame.
    """
    length = body_frame(motion).length
    known = length[np.isfinite(length)]
    if not len(known) or float(np.median(known)) <= 0:
        raise InputError("the length of the trunk is known in no frame")
    return float(np.median(known))


def _axes_of(kind: Kind, view: View) -> tuple[int, ...]:
    return _AXES["space" if kind == "keypoints3d" else view]


@lru_cache(maxsize=64)
def _pairs(parts: tuple[str, ...]) -> tuple[tuple[str, str | None, str | None], ...]:
    """Return for each part a label, its name or the left one's, and the right one's or None.

    A part of the midline has no right one; the left one of a limb may not be there either.
    """
    found: list[tuple[str, str | None, str | None]] = []
    for name in parts:
        side, other = read_name(name).side, other_side(name, parts)
        label = name.removeprefix("LEFT_")
        if side == "right":
            if other == name:
                found.append((label, None, name))
        else:
            found.append((label, name, (other if other != name else "") if side else None))
    return tuple(found)


def _point_entries(kind: Kind, view: View, parts: tuple[str, ...]) -> list[tuple[str, bool, bool]]:
    tag = "3D" if kind == "keypoints3d" else "2D"
    entries = []
    for part, _, right in _pairs(parts):
        for axis in _axes_of(kind, view):
            label = f"{tag} {part} {_AXIS_NAMES[axis]}"
            if right is not None:
                entries += [(label, False, False), (f"{label} asymmetry", True, False)]
            else:
                entries.append((label, bool(_MIRROR[axis] < 0), False))
    moves = [("moving forward", False), ("moving left", True), ("moving up", False)]
    entries += [(f"{tag} {moves[axis][0]}", moves[axis][1], True) for axis in _axes_of(kind, view)]
    if 1 in _axes_of(kind, view):
        entries.append((f"{tag} turning", True, True))
    if kind == "keypoints3d":
        entries.append((f"{tag} height", False, False))
    return entries


def _point_columns(
    motion: Motion, axes: tuple[int, ...], parts: tuple[str, ...], unit: float
) -> list[Floats]:
    """Return the columns of `_point_entries`, in the same order."""
    frame = body_frame(motion)
    side = 1 not in axes
    columns: list[Floats] = []
    for _, left, right in _pairs(parts):
        own = _local(motion, left, frame, side) / unit
        if right is None:
            columns += [own[:, axis] for axis in axes]
            continue
        other = _local(motion, right, frame, side) / unit * _MIRROR
        even = np.where(np.isnan(own), other, np.where(np.isnan(other), own, (own + other) / 2))
        odd = (own - other) / 2
        for axis in axes:
            columns += [even[:, axis], odd[:, axis]]
    columns += _moving(motion, frame, axes, side, unit)
    if len(axes) == 3:
        columns.append(frame.centre[:, 2])
    return columns


def _local(motion: Motion, name: str | None, frame: BodyFrame, side: bool) -> Floats:
    """Return a point (T, 3) from the middle of the trunk: forward, left, up; NaN if not known."""
    if name is None or name not in motion.names:
        return np.full((len(motion), 3), np.nan)
    return _turned(motion.of(name) - frame.centre, frame.heading, side)


def _turned(away: Floats, heading: Floats, side: bool) -> Floats:
    """Return vectors (T, 3) in the frame of the body.

    Seen from the side, up in the image stays up, and the animal is only turned to look right.
    """
    if side:
        facing = np.where(np.isnan(heading), np.nan, np.where(np.cos(heading) < 0, -1.0, 1.0))
        return np.stack([facing * away[:, 0], 0.0 * away[:, 0], -away[:, 1]], axis=-1)
    cosine, sine = np.cos(heading), np.sin(heading)
    forward = cosine * away[:, 0] + sine * away[:, 1]
    left = -sine * away[:, 0] + cosine * away[:, 1]
    return np.stack([forward, left, away[:, 2] + 0.0 * heading], axis=-1)


def _moving(
    motion: Motion, frame: BodyFrame, axes: tuple[int, ...], side: bool, unit: float
) -> list[Floats]:
    """Return speeds of the trunk and its turning from each frame to the next, by the second."""
    step = np.full((len(motion), 3), np.nan)
    step[:-1] = np.diff(frame.centre, axis=0) * motion.rate
    step[:-1][np.diff(motion.run) != 0] = np.nan
    own = _turned(step, frame.heading, side) / unit
    columns = [own[:, axis] for axis in axes]
    if 1 in axes:
        turn = np.full(len(motion), np.nan)
        turn[:-1] = np.angle(np.exp(1j * np.diff(frame.heading))) * motion.rate
        columns.append(np.where(np.isnan(step[:, 0]), np.nan, turn))
    return columns


def _angle_entries() -> list[tuple[str, bool, bool]]:
    entries = []
    for joint in _ANGLE_NAMES:
        entries.append((f"angle {joint}", False, False))
        if joint != "spine":
            entries.append((f"angle {joint} asymmetry", True, False))
    return entries


def _angle_columns(motion: Motion) -> list[Floats]:
    found = point_angles(motion)
    unknown = np.full(len(motion), np.nan)
    columns: list[Floats] = []
    for joint in _ANGLE_NAMES:
        if joint == "spine":
            columns.append(found.get(joint, (unknown, unknown))[0])
            continue
        left, right = (found.get(f"{side} {joint}", (unknown,))[0] for side in ("left", "right"))
        even = np.where(np.isnan(left), right, np.where(np.isnan(right), left, (left + right) / 2))
        columns += [even, (left - right) / 2]
    return columns
