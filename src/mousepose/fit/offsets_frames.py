"""Which frames offsets are learned from, which they are tried on, and how much the frames tell.

A mark that sits elsewhere and a bone that is turned look the same in one pose. Only poses that
differ tell them apart, so frames are chosen that differ and counted by how much they do.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mousepose.errors import InputError
from mousepose.fit.arrays import PoseArrays, Views
from mousepose.types import Floats, Ints

#: Share of the recording, its end, that is held out; s between it and what is learned from.
_HELD_OUT, _APART_SECONDS = 0.25, 1.0
#: Fewer frames than this cannot be split.
LEAST_FRAMES = 40
#: Difference, in standard deviations of the prior, at which two poses are half the same.
_SAME_POSE = 2.0
#: rad by which the animal is turned to the camera that count like one standard deviation.
_SAME_VIEW = 0.3


def split_by_time(usable: NDArray[np.bool_], times: Floats) -> tuple[Ints, Ints]:
    """Return the usable frames to learn from and those, later in time, to try the result on.

    Raises `InputError` where there are too few.
    """
    index = np.flatnonzero(usable)
    if len(index) < LEAST_FRAMES:
        raise InputError(
            f"{len(index)} of {len(usable)} frames have enough keypoints for a pose, at least "
            f"{LEAST_FRAMES} are needed to learn offsets and to try them"
        )
    first_held = index[round(len(index) * (1 - _HELD_OUT))]
    held = index[index >= first_held]
    learned = index[index < first_held]
    apart = learned[times[learned] < times[first_held] - _APART_SECONDS]
    # A recording of a few seconds has no second to spare.
    return (apart if len(apart) > len(learned) // 2 else learned), held


def evenly(frames: Ints, most: int) -> Ints:
    """Return at most `most` of some frames, spread evenly."""
    places = np.linspace(0, len(frames) - 1, min(most, len(frames)))
    return frames[places.round().astype(np.int64)]


def pose_features(poses: PoseArrays, views: Views) -> Floats:
    """Return numbers (T, F) whose differences say how different poses are to the cameras."""
    towards = np.einsum("tji,cj->tci", poses.rotation, views.rotation[:, 2])
    return np.concatenate([poses.z, towards.reshape(len(towards), -1) / _SAME_VIEW], axis=1)


def most_different(features: Floats, count: int) -> Ints:
    """Return `count` of T frames that differ most: each is the farthest from those before it."""
    count = min(count, len(features))
    if count == 0:
        return np.zeros(0, np.int64)
    centre = np.median(features, axis=0)
    chosen = [int(((features - centre) ** 2).sum(1).argmin())]
    nearest = ((features - features[chosen[0]]) ** 2).sum(1)
    while len(chosen) < count:
        chosen.append(int(nearest.argmax()))
        nearest = np.minimum(nearest, ((features - features[chosen[-1]]) ** 2).sum(1))
    return np.sort(np.array(chosen, np.int64))


def distinct_poses(features: Floats) -> float:
    """Return how many different poses T frames show, in effect: 1 (all alike) to T.

    The inverse of the mean likeness of two frames, a Gaussian of their difference (the effective
    number of species with similarities; Leinster and Cobbold, Ecology 93:477, 2012, order 2).
    """
    square = ((features[:, None] - features[None]) ** 2).sum(-1)
    return float(1 / np.exp(-square / (2 * _SAME_POSE**2)).mean())
