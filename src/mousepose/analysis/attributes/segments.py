"""Recordings cut into segments, and each segment in numbers: posture, range, quickness.

The same three numbers are taken of a point in the image, of a point in space and of a joint angle,
so that sets of features differ by what they know and not by how it is put.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mousepose.analysis.attributes.config import SegmentConfig
from mousepose.analysis.axes import BodyAxes, body_axes, trunk_names
from mousepose.analysis.motion import Motion, motion_of
from mousepose.analysis.point_angles import point_angles
from mousepose.analysis.smooth import Smoother, derive, stretches
from mousepose.skeleton import mirrored_name
from mousepose.types import Floats, Ints, Keypoints2D, Keypoints3D

if TYPE_CHECKING:
    import pandas as pd

#: A tracker's points less sure than this are taken as not seen.
_LEAST_CONFIDENCE = 0.5


def image_segments(keypoints: Keypoints2D, config: SegmentConfig | None = None) -> pd.DataFrame:
    """Return a row for each segment of what the first camera saw, in lengths of the trunk.

    Points are given forward of the trunk's centre in the image and across. An animal that faces
    left is mirrored, with left and right exchanged, so that the side that a camera from the side
    sees has one name; it is the same mouse for a camera from above. Raises `InputError` as
    `motion_of` and `body_axes` do.
    """
    import pandas as pd

    config = config or SegmentConfig()
    seen = (keypoints.confidence[:, 0] >= _LEAST_CONFIDENCE)[..., None]
    flat = np.where(seen, keypoints.xy[:, 0] * np.array([1.0, -1.0]), np.nan)
    xyz = np.concatenate([flat, np.where(np.isfinite(flat[..., :1]), 0.0, np.nan)], axis=-1)
    motion = motion_of(Keypoints3D(xyz, keypoints.times, keypoints.keypoint_names))
    axes = body_axes(motion)
    cut = _Cut.of(motion, axes, config)
    size = _trunk_size(motion, axes, cut)
    left_facing = _mean(np.cos(axes.heading)[:, None], cut)[:, 0] < 0
    found = _of_points(motion, axes, cut, ("forward", "across"))
    columns: dict[str, Floats] = {}
    for (name, axis, what), values in found.items():
        other = found[mirrored_name(name), axis, what]
        turned = -other if (axis, what) == ("across", "mean") else other
        columns[f"{name.lower()}_{axis}_{what}"] = np.where(left_facing, turned, values) / size
    columns["size_mean"] = np.log(size)
    for name, values in _of_trunk(motion, axes, cut).items():
        columns[name] = values / (size if name.startswith("speed") else 1.0)
    return pd.DataFrame(columns)


def space_segments(motion: Motion, config: SegmentConfig | None = None) -> pd.DataFrame:
    """Return a row for each segment of points above the floor, in mm: forward, left and up.

    Raises `InputError` as `body_axes` does.
    """
    import pandas as pd

    config = config or SegmentConfig()
    axes = body_axes(motion)
    cut = _Cut.of(motion, axes, config)
    found = _of_points(motion, axes, cut, ("forward", "left", "up"))
    columns = {
        f"{name.lower()}_{axis}_{what}": values for (name, axis, what), values in found.items()
    }
    return pd.DataFrame(columns | _of_trunk(motion, axes, cut))


def angle_segments(motion: Motion, config: SegmentConfig | None = None) -> pd.DataFrame:
    """Return a row for each segment of the joint angles, in degrees.

    Raises `InputError` as `body_axes` does.
    """
    import pandas as pd

    config = config or SegmentConfig()
    cut = _Cut.of(motion, body_axes(motion), config)
    columns = {}
    for name, (degrees, _) in point_angles(motion).items():
        for what, values in _described(degrees[:, None], motion, cut).items():
            columns[f"{name.replace(' ', '_')}_{what}"] = values[:, 0]
    return pd.DataFrame(columns, index=range(len(cut.start)))


class _Cut:
    """The first frames (S,) of segments of `length` frames, and how rates of change are taken."""

    def __init__(self, start: Ints, length: int, smoother: Smoother) -> None:
        self.start, self.length, self.smoother = start, length, smoother

    @classmethod
    def of(cls, motion: Motion, axes: BodyAxes, config: SegmentConfig) -> _Cut:
        """Return the segments in which the trunk is known well enough."""
        length = max(2, round(config.seconds * motion.rate))
        first, end = stretches(np.ones(len(motion), bool), motion.run)
        start = np.concatenate(
            [
                np.arange(one, other - length + 1, length)
                for one, other in zip(first, end, strict=True)
            ]
        ).astype(np.int64)
        cut = cls(start, length, Smoother.of(config.bandwidth, motion.rate))
        known = _mean(np.isfinite(axes.heading)[:, None].astype(np.float64), cut)[:, 0]
        return cls(start[known >= config.least_known], length, cut.smoother)

    def frames(self, values: Floats) -> Floats:
        """Return values (T, D) as (S, length, D)."""
        return np.asarray(values[self.start[:, None] + np.arange(self.length)])


def _of_points(
    motion: Motion, axes: BodyAxes, cut: _Cut, names: tuple[str, ...]
) -> dict[tuple[str, str, str], Floats]:
    """Return mean, spread and quickness (S,) of each known point along each axis of the body."""
    own = axes.turned(motion.xyz)
    own[..., 2] = motion.xyz[..., 2]  # height above the floor rather than above the trunk
    found = {}
    for place, point in enumerate(motion.names):
        values = _described(own[:, place, : len(names)], motion, cut)
        for column, axis in enumerate(names):
            for what, numbers in values.items():
                found[point, axis, what] = numbers[:, column]
    for point, axis, what in list(found):  # a side that the tracker does not have
        found.setdefault((mirrored_name(point), axis, what), found[point, axis, what] * np.nan)
    return found


def _of_trunk(motion: Motion, axes: BodyAxes, cut: _Cut) -> dict[str, Floats]:
    """Return how fast the trunk goes and turns: mean and spread (S,)."""
    velocity = derive(axes.centre[:, :2], motion.run, cut.smoother, 1)
    facing = np.stack([np.cos(axes.heading), np.sin(axes.heading)], axis=-1)
    turning = derive(facing, motion.run, cut.smoother, 1)
    rates = np.stack([np.hypot(*velocity.T), np.rad2deg(np.hypot(*turning.T))], axis=-1)
    mean = _mean(rates, cut)
    spread = np.sqrt(np.maximum(_mean(rates**2, cut) - mean**2, 0.0))
    return {
        "speed_mean": mean[:, 0], "speed_spread": spread[:, 0], "turning_mean": mean[:, 1],
    }  # fmt: skip


def _described(values: Floats, motion: Motion, cut: _Cut) -> dict[str, Floats]:
    """Return mean, spread and root mean square rate (S, D) of values (T, D) in each segment."""
    mean = _mean(values, cut)
    spread = np.sqrt(np.maximum(_mean(values**2, cut) - mean**2, 0.0))
    rate = derive(values, motion.run, cut.smoother, 1)
    return {"mean": mean, "spread": spread, "rate": np.sqrt(_mean(rate**2, cut))}


def _mean(values: Floats, cut: _Cut) -> Floats:
    """Return the mean (S, D) over the known frames of each segment, NaN where none is known."""
    own = cut.frames(values)
    known = np.isfinite(own)
    count = known.sum(axis=1)
    total = np.where(known, own, 0.0).sum(axis=1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _trunk_size(motion: Motion, axes: BodyAxes, cut: _Cut) -> Floats:
    """Return the size (S,) of the trunk in the image: twice the distance of its points."""
    trunk = [motion.index(name) for name in trunk_names(motion)]
    away = np.linalg.norm(axes.turned(motion.xyz[:, trunk])[..., :2], axis=-1)
    known: NDArray[np.bool_] = np.isfinite(away)
    total = np.where(known, away, 0.0).sum(axis=1)
    mean = np.where(known.any(axis=1), total / np.maximum(known.sum(axis=1), 1), np.nan)
    return np.maximum(2 * _mean(mean[:, None], cut)[:, 0], 1e-6)
