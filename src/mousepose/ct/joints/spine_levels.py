"""Places along the traced spine, and which way is up and left there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import ndimage
from scipy.spatial import cKDTree

from mousepose.ct.joints.joints_field import BoneField
from mousepose.ct.joints.spine_trace import Way, centred, trace
from mousepose.ct.segmentation.segment_types import Segmentation
from mousepose.types import Floats, Ints

#: From the middle of the brain to the atlas, to the first chest vertebra, to the hips' level and to
#: the tail root, mm along the spine of an animal of 25 g.
NECK_MM, CHEST_MM, MIDDLE_MM, HIP_MM, TAIL_MM = 7.5, 15.5, 37.0, 60.0, 74.5
#: How far along the spine the direction of the belly is averaged.
_BELLY_SD_MM = 6.0
#: A spine or tail does not turn by so much over so many mm behind the loins.
_TURN_DEG, _TURN_OVER = 60.0, 8


@dataclass(frozen=True, eq=False)
class Spine:
    """The spine from the middle of the brain to the tail: `way`, a point per mm, and frames there.

    The rows of `frames` (N, 3, 3) are forward (to the head), left and up (dorsal) at each point.
    """

    way: Way
    frames: Floats

    def at(self, along: ArrayLike) -> Floats:
        """Return the points (*B, 3) so far (*B,) mm along the way; beyond its end the end."""
        points = self.way.points
        place = np.clip(along, 0, len(points) - 1)
        low = np.minimum(place.astype(np.int64), len(points) - 2)
        share = (place - low)[..., None]
        return np.asarray(points[low] * (1 - share) + points[low + 1] * share)

    def frame_at(self, along: float) -> Floats:
        """Return forward, left and up (3, 3) as rows so far along the way."""
        return np.asarray(self.frames[int(np.clip(round(along), 0, len(self.frames) - 1))])

    def nearest(self, points: Floats) -> tuple[Floats, Ints]:
        """Return how far (N,) mm points (N, 3) lie from the way, and how far along it (N,)."""
        gap, index = cKDTree(self.way.points).query(points)
        return np.asarray(gap), np.asarray(index, dtype=np.int64)

    def leftward(self, points: Floats) -> Floats:
        """Return how far (N,) mm points (N, 3) lie to the left of the spine beside them."""
        _, index = self.nearest(points)
        return np.asarray(((points - self.way.points[index]) * self.frames[index, 1]).sum(axis=1))


def find_spine(found: Segmentation, field: BoneField) -> Spine:
    """Return the spine of a segmentation that has a braincase."""
    assert found.braincase is not None
    way = _to_first_turn(centred(field, trace(field, found.braincase, -found.headward)))
    forward = -np.gradient(way.points, axis=0)
    forward /= np.linalg.norm(forward, axis=1, keepdims=True)
    belly = _bellies(found, way.points, forward)
    up = -belly
    left = np.cross(up, forward)
    left /= np.linalg.norm(left, axis=1, keepdims=True)
    return Spine(way, np.stack([forward, left, np.cross(forward, left)], axis=1))


def _to_first_turn(way: Way) -> Way:
    """Return a way up to the first sharp turn behind the loins.

    Where the scan cuts the tail, the way goes on through a hip into a leg.
    """
    heading = np.diff(way.points, axis=0)
    heading /= np.linalg.norm(heading, axis=1, keepdims=True)
    cosine = (heading[_TURN_OVER:] * heading[:-_TURN_OVER]).sum(axis=1)
    turns = np.flatnonzero(cosine < np.cos(np.deg2rad(_TURN_DEG))) + _TURN_OVER // 2
    turns = turns[turns > HIP_MM - 8]
    last = int(turns[0]) if len(turns) else len(way.points)
    return Way(way.points[:last], way.density[:last])


def _bellies(found: Segmentation, points: Floats, forward: Floats) -> Floats:
    """Return the direction (N, 3) of the belly across the spine, from the flesh about each point.

    Where little flesh hangs on the spine (tail) the direction before it is carried on.
    """
    index = np.argwhere(found.body)
    index = index[:: max(1, len(index) // 60_000)]
    flesh = found.volume.to_world(index)
    gap, found_at = cKDTree(points).query(flesh)
    near = np.asarray(gap) < 22
    flesh, nearest = flesh[near], np.asarray(found_at)[near]
    count = np.bincount(nearest, minlength=len(points)).astype(np.float64)
    offset = flesh - points[nearest]
    sums = [np.bincount(nearest, offset[:, k], len(points)) for k in range(3)]
    total: Floats = np.stack(sums, axis=1)
    trunk = (np.arange(len(points)) > CHEST_MM) & (np.arange(len(points)) < HIP_MM)
    total[~trunk] *= 0.05  # head, tail and what hangs beside them say little of up and down
    wide = ndimage.gaussian_filter1d(total, _BELLY_SD_MM, axis=0, mode="nearest")
    wide = wide + 1e-3 * count.sum() * found.ventral
    # the direction is carried along the spine without turning about it
    belly = np.empty_like(points)
    middle = int(np.clip(0.5 * (CHEST_MM + HIP_MM), 0, len(points) - 1))
    belly[middle] = _across(wide[middle], forward[middle])
    for order in (range(middle + 1, len(points)), range(middle - 1, -1, -1)):
        previous = belly[middle]
        for k in order:
            size = np.linalg.norm(wide[k])
            mixed = _across(wide[k], forward[k]) if trunk[k] and size > 0 else 0.0
            previous = _across(previous + 0.2 * mixed, forward[k])
            belly[k] = previous
    return belly


def _across(vector: Floats, axis: Floats) -> Floats:
    across = vector - (vector @ axis) * axis
    return np.asarray(across / max(float(np.linalg.norm(across)), 1e-9))
