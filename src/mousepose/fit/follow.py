"""Following a track: the pose of every frame on its own, from anchors, neighbours and time."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mousepose.fit.arrays import TERMS, BodyArrays, Points, PoseArrays, Views, Weights
from mousepose.fit.continuity import settle, write_poses
from mousepose.fit.place import fit_each, place
from mousepose.fit.sample import POOR, energy_per_point
from mousepose.types import Floats, Ints

Bools = NDArray[np.bool_]

#: Frames between anchors of a track that are placed from headings.
_ANCHOR_EVERY = 10
#: Steps in which an anchor is placed; the fit of its frame goes on from there.
_ANCHOR_STEPS = 5
#: A frame whose energy a point is this many times the median, or poor, starts again elsewhere.
_BAD = 1.5


def follow(
    body: BodyArrays, views: Views, weights: Weights, points: Points, usable: Bools, axes: Floats,
    iterations: int,
) -> tuple[PoseArrays, Floats, Ints]:  # fmt: skip
    """Return the pose of every frame of a track, its cost by term and its steps.

    Anchors are placed from headings and every frame after one starts from the frame before it.
    Where the pose jumps at an anchor, time settles which side is right. Frames that fit badly then
    try their neighbours' poses, and what is still bad is placed anew.
    Frames that are not `usable` (T,) take the pose of the nearest usable one.
    """
    index = np.flatnonzero(usable)
    terms, tried = np.zeros((len(usable), len(TERMS))), np.zeros(len(usable), np.int64)
    anchors = index[:: min(_ANCHOR_EVERY, len(index))]
    placed, _, _ = place(body, views, weights, _take(points, anchors), axes, _ANCHOR_STEPS)
    poses = placed.take(np.searchsorted(anchors, index, side="right") - 1)
    track = _take(points, index)
    chained = ~np.isin(index, anchors)
    found, tried[index] = fit_each(body, views, weights, track, poses, iterations, chained)
    settle(body, views, weights, track, poses, found, np.flatnonzero(~chained), iterations)
    for shift in (1, -1, 2, -2, 1, -1):
        _try_neighbours(body, views, weights, track, poses, found, shift, iterations)
    _place_anew(body, views, weights, track, poses, found, axes, iterations)
    terms[index] = found
    return poses.take(_nearest(index, len(usable))), terms, tried


def place_each(
    body: BodyArrays, views: Views, weights: Weights, points: Points, usable: Bools, axes: Floats,
    iterations: int,
) -> tuple[PoseArrays, Floats, Ints]:  # fmt: skip
    """Return what `follow` returns, but with every frame placed from headings of its own.

    The few that fit no heading try the poses of others, as one more start.
    """
    index = np.flatnonzero(usable)
    terms, tried = np.zeros((len(usable), len(TERMS))), np.zeros(len(usable), np.int64)
    track = _take(points, index)
    poses, found, tried[index] = place(body, views, weights, track, axes, iterations)
    for shift in (1, -1, 2, -2):
        _try_neighbours(body, views, weights, track, poses, found, shift, iterations)
    terms[index] = found
    return poses.take(_nearest(index, len(usable))), terms, tried


def _nearest(index: Ints, frames: int) -> Ints:
    """Return for every frame the place in `index` of the frame there that is nearest to it."""
    middle = (index[1:] + index[:-1]) / 2
    return np.searchsorted(middle, np.arange(frames))


def _take(points: Points, frames: Ints) -> Points:
    return Points(points.xy[frames], points.covariance[frames])


def _badly_fitted(misfit: Floats) -> Ints:
    return np.flatnonzero(misfit > min(_BAD * float(np.median(misfit)), POOR))


def _try_neighbours(
    body: BodyArrays, views: Views, weights: Weights, points: Points, poses: PoseArrays,
    terms: Floats, shift: int, iterations: int,
) -> None:  # fmt: skip
    """Refit frames that fit badly from a neighbour that fits well; keep what is better."""
    misfit = energy_per_point(points, terms)
    bad = _badly_fitted(misfit)
    source = bad - shift
    within = (source >= 0) & (source < len(misfit))
    bad, source = bad[within], source[within]
    good = misfit[source] < 0.7 * misfit[bad]
    _adopt(
        body, views, weights, points, poses, terms, bad[good], poses.take(source[good]), iterations
    )


def _place_anew(
    body: BodyArrays, views: Views, weights: Weights, points: Points, poses: PoseArrays,
    terms: Floats, axes: Floats, iterations: int,
) -> None:  # fmt: skip
    misfit = energy_per_point(points, terms)
    bad = _badly_fitted(misfit)
    if len(bad):
        fresh, _, _ = place(body, views, weights, _take(points, bad), axes, iterations)
        _adopt(body, views, weights, points, poses, terms, bad, fresh, iterations)


def _adopt(
    body: BodyArrays, views: Views, weights: Weights, points: Points, poses: PoseArrays,
    terms: Floats, frames: Ints, starts: PoseArrays, iterations: int,
) -> None:  # fmt: skip
    if not len(frames):
        return
    new, _ = fit_each(body, views, weights, _take(points, frames), starts, iterations)
    better = new.sum(1) < terms[frames].sum(1)
    write_poses(poses, frames[better], starts.take(np.flatnonzero(better)))
    terms[frames[better]] = new[better]
