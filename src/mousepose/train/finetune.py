"""Which frames are worth a person's time: those of which the network is unsure, and unlike."""

from __future__ import annotations

import numpy as np

from mousepose.errors import InputError
from mousepose.types import Bytes, Floats, Ints

#: Side of the small pictures by which crops are compared.
_SMALL = 8
#: How much the pose counts against the picture when crops are compared.
_POSE_WEIGHT = 1.0


def likeness_features(crops: Bytes, xy: Floats) -> Floats:
    """Return what crops (N, S, S) with points (N, K, 2) px are compared by, (N, D).

    Each crop's coarse picture, whatever its light, and its pose as shares of the crop.
    """
    count, size = len(crops), crops.shape[-1]
    cell = size // _SMALL
    used = crops[:, : cell * _SMALL, : cell * _SMALL].astype(np.float64)
    small = used.reshape(count, _SMALL, cell, _SMALL, cell).mean((2, 4)).reshape(count, -1)
    small = (small - small.mean(1, keepdims=True)) / (small.std(1, keepdims=True) + 1.0)
    pose = np.nan_to_num((xy / size - 0.5).reshape(count, -1))
    return np.concatenate(
        [small / np.sqrt(small.shape[1]), _POSE_WEIGHT * 4 * pose / np.sqrt(pose.shape[1])], axis=1
    )


def choose_frames(doubt: Floats, features: Floats, count: int) -> Ints:
    """Return `count` of N frames, in order: each is doubtful and far from those chosen before.

    `doubt` (N,) is 0 to 1, `features` (N, D). The first is the most doubtful; each further one has
    the highest doubt times the distance to the nearest chosen one (k-centre, greedy). Raises
    `InputError` where there are fewer frames.
    """
    if not 0 < count <= len(doubt):
        raise InputError(f"{count} frames cannot be chosen of {len(doubt)}")
    worth = 0.05 + np.asarray(doubt, np.float64)
    chosen = [int(np.argmax(worth))]
    nearest = np.full(len(doubt), np.inf)
    while len(chosen) < count:
        distance = np.linalg.norm(features - features[chosen[-1]], axis=1)
        nearest = np.minimum(nearest, distance)
        value = worth * nearest
        value[chosen] = -1.0
        chosen.append(int(np.argmax(value)))
    return np.array(sorted(chosen), np.int64)
