"""How well images fit the points that were found in them: by camera and by keypoint."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mousepose.geometry.triangulate_robust import PointState, RobustTriangulation
from mousepose.types import Floats, Ints

#: Edges (px) between which distances are counted; their medians are exact to 2 %.
_EDGES = np.concatenate([[0.0], np.geomspace(0.01, 1000.0, 600), [np.inf]])


@dataclass(frozen=True, eq=False)
class ReprojectionReport:
    """Counts over frames, for C cameras and K keypoints; reports of parts of a recording add up.

    `seen` (C, K): images given of points that are known; `used` (C, K): those that agree with the
    point; `squared` (C, K) px^2: the sum of the squared distances of those used; `histogram`
    (C, K, bins): their distances. `states` (K, 4) counts points in each `PointState`.
    """

    camera_names: tuple[str, ...]
    keypoint_names: tuple[str, ...]
    seen: Ints
    used: Ints
    squared: Floats
    histogram: Ints
    states: Ints

    def __add__(self, other: ReprojectionReport) -> ReprojectionReport:
        return ReprojectionReport(
            self.camera_names,
            self.keypoint_names,
            self.seen + other.seen,
            self.used + other.used,
            self.squared + other.squared,
            self.histogram + other.histogram,
            self.states + other.states,
        )

    @property
    def known(self) -> int:
        """How many points are known."""
        return int(self.states[:, PointState.KNOWN].sum())

    @property
    def total(self) -> int:
        """How many points there could be: frames times keypoints."""
        return int(self.states.sum())

    def left_out(self, by: str = "all") -> Floats:
        """Return the share of images that do not agree, by "camera", "keypoint", "all"."""
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(1 - self._sum(self.used, by) / self._sum(self.seen, by))

    def rms(self, by: str = "all") -> Floats:
        """Return the root mean square distance (px) of the images used, NaN for none."""
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(np.sqrt(self._sum(self.squared, by) / self._sum(self.used, by)))

    def median(self, by: str = "all") -> Floats:
        """Return the median distance (px) of the images used, NaN for none."""
        counts = np.cumsum(self._sum(self.histogram, by), axis=-1)
        half = counts[..., -1:] / 2
        place = np.minimum((counts < half).sum(axis=-1), len(_EDGES) - 2)
        before = np.where(
            place > 0, np.take_along_axis(counts, place[..., None] - 1, -1)[..., 0], 0
        )
        inside = np.take_along_axis(counts, place[..., None], -1)[..., 0] - before
        with np.errstate(invalid="ignore", divide="ignore"):
            share = (half[..., 0] - before) / inside
        low, high = _EDGES[place], np.minimum(_EDGES[place + 1], 2 * _EDGES[-2])
        return np.where(counts[..., -1] > 0, low + share * (high - low), np.nan)

    @staticmethod
    def _sum(values: np.ndarray, by: str) -> np.ndarray:
        axes = {"camera": (1,), "keypoint": (0,), "all": (0, 1)}[by]
        return np.asarray(values.sum(axis=axes))


def report_of(
    camera_names: tuple[str, ...], keypoint_names: tuple[str, ...], found: RobustTriangulation
) -> ReprojectionReport:
    """Return the report of points (T, K)."""
    seen = np.isfinite(found.distance)
    distance = np.where(found.used, found.distance, np.nan)
    cameras, keypoints = len(camera_names), len(keypoint_names)
    bins = len(_EDGES) - 1
    camera, _, keypoint = np.nonzero(found.used)
    place = np.searchsorted(_EDGES, distance[found.used], side="right") - 1
    cell = (camera * keypoints + keypoint) * bins + np.clip(place, 0, bins - 1)
    histogram = np.bincount(cell, minlength=cameras * keypoints * bins)
    states = np.stack([(found.state == state).sum(axis=0) for state in PointState], axis=-1)
    return ReprojectionReport(
        camera_names,
        keypoint_names,
        seen.sum(axis=1),
        found.used.sum(axis=1),
        np.nansum(distance**2, axis=1),
        histogram.reshape(cameras, keypoints, bins),
        states,
    )
