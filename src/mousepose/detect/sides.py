"""Left and right kept apart through time: single frames in which a network exchanged them.

A frame is kept as it is or exchanged, so that the points of both sides move least over the whole
video, and as few frames as possible are exchanged: the shortest way through two states a frame
(Viterbi 1967).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numba
import numpy as np
from numpy.typing import NDArray

from mousepose.skeleton import side_pairs
from mousepose.types import Floats, Keypoints2D

#: What exchanging a frame costs, as a share of the body's length per pair of points: a stretch of
#: exchanged frames is told from a true turn of the mouse by its two ends.
_PRICE = 0.02
#: Points that are less sure than this tell nothing.
_LEAST_CONFIDENCE = 0.1
#: A pair of points moves at most so far (body lengths) that it still tells something.
_FARTHEST = 0.5


def exchanged_frames(
    xy: Floats, confidence: Floats, pairs: Sequence[tuple[int, int]], settled: int = 0
) -> NDArray[np.bool_]:
    """Return the frames (T,) of points (T, K, 2) px whose left and right sides are exchanged.

    `pairs` are the columns of left and right points. Frames in which nothing is known of both
    sides are never exchanged, nor are the first `settled` ones, which only say where sides were.
    """
    left, right = (np.array(side) for side in zip(*pairs, strict=True))
    known = (confidence >= _LEAST_CONFIDENCE) & np.isfinite(xy).all(axis=-1)
    both = known[:, left] & known[:, right]
    points = np.stack([xy[:, left], xy[:, right]], axis=1)  # (T, 2, P, 2)
    points = np.where(both[:, None, :, None], points, 0.0)
    length = _length(xy[settled:], known[settled:])
    return (
        _shortest(points, both, length, _PRICE, _FARTHEST, settled)
        if length > 0
        else np.zeros(len(xy), bool)
    )


def with_sides_kept(
    keypoints: Keypoints2D, before: Keypoints2D | None = None
) -> tuple[Keypoints2D, int]:
    """Return keypoints of one camera with exchanged frames put right, and how many those were.

    `before` are the frames right before these, put right already.
    """
    pairs = side_pairs(keypoints.keypoint_names)
    if not pairs or len(keypoints) < 3:
        return keypoints, 0
    xy, sure = keypoints.xy[:, 0], keypoints.confidence[:, 0]
    settled = 0 if before is None else len(before)
    if before is not None:
        xy = np.concatenate([before.xy[:, 0], xy])
        sure = np.concatenate([before.confidence[:, 0], sure])
    wrong = exchanged_frames(xy, sure, pairs, settled)[settled:]
    order = np.arange(len(keypoints.keypoint_names))
    for left, right in pairs:
        order[[left, right]] = right, left
    rows = np.flatnonzero(wrong)
    xy, confidence = keypoints.xy.copy(), keypoints.confidence.copy()
    xy[rows], confidence[rows] = xy[rows][:, :, order], confidence[rows][:, :, order]
    covariance = keypoints.covariance
    if covariance is not None:
        covariance = covariance.copy()
        covariance[rows] = covariance[rows][:, :, order]
    return replace(keypoints, xy=xy, confidence=confidence, covariance=covariance), len(rows)


def _length(xy: Floats, known: NDArray[np.bool_]) -> float:
    """Return the median extent of the known points, px."""
    low = np.where(known[..., None], xy, np.inf).min(axis=1)
    high = np.where(known[..., None], xy, -np.inf).max(axis=1)
    extent = np.linalg.norm(high - low, axis=-1)
    extent = extent[np.isfinite(extent)]
    return float(np.median(extent)) if len(extent) else 0.0


@numba.njit(cache=True)
def _shortest(points, both, length, price, farthest, settled):  # type: ignore[no-untyped-def]
    """Return which frames are exchanged on the way of least motion and least exchanges."""
    frames, pairs = both.shape
    came = np.zeros((frames, 2), np.uint8)
    cost = np.zeros(2)
    last = np.full(pairs, -1)  # the last frame in which a pair was known
    for t in range(frames):
        if not both[t].any():  # nothing tells: as before
            came[t, 1] = 1
            continue
        stay = change = 0.0
        for p in range(pairs):
            if not both[t, p]:
                continue
            if last[p] >= 0:
                for side in range(2):
                    same = points[t, side, p] - points[last[p], side, p]
                    other = points[t, side, p] - points[last[p], 1 - side, p]
                    stay += min(np.sqrt(same @ same) / length, farthest)
                    change += min(np.sqrt(other @ other) / length, farthest)
            last[p] = t
        here = np.empty(2)
        for state in range(2):
            kept, turned = cost[state] + stay, cost[1 - state] + change
            came[t, state] = state if kept <= turned else 1 - state
            here[state] = min(kept, turned)
        here[1] += price * both[t].sum() if t >= settled else np.inf
        cost[:] = here
    wrong = np.zeros(frames, np.bool_)
    state = 0 if cost[0] <= cost[1] else 1
    for t in range(frames - 1, -1, -1):
        wrong[t] = state == 1 and both[t].any()
        state = came[t, state]
    return wrong
