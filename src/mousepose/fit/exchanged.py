"""Left and right that a tracker exchanged, told by the body: no limb reaches across in one frame.

A first fit through time bridges single exchanged frames, for their points pull little. Where the
left point of a pair then lies where the body has its right one, and the right point where it has
its left one, the two are exchanged back, and the frames about them are fitted anew.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from mousepose.fit.arrays import Points, Views
from mousepose.fit.observe import Observation
from mousepose.fit.result import Track
from mousepose.fit.setup import Animal, Setup, body_arrays
from mousepose.fit.uncertainty import estimate_points
from mousepose.skeleton import side_pairs
from mousepose.types import Floats

#: How much better (squared standard deviations, both points) a pair must fit exchanged.
LEAST_GAIN = 20.0
#: And how well it must fit then: 99.9 % of right pairs do.
MOST_MISFIT = 18.5
#: mm; what is nearer to a camera than this is not seen by it.
_NEAREST = 1.0


def exchanged_pairs(
    seen: Observation, track: Track, setup: Setup, animal: Animal
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return pairs (P, 2) of left and right marks and where they are exchanged (T, C, P)."""
    pairs = side_pairs(setup.keypoint_map.names)
    frames, cameras = seen.points.xy.shape[:2]
    columns = np.array(pairs, np.int64).reshape(-1, 2)
    exchanged = np.zeros((frames, cameras, len(pairs)), bool)
    both: NDArray[np.bool_] = np.asarray(np.isfinite(seen.points.xy[:, :, columns, 0]).all(-1))
    rows = np.flatnonzero(track.solved & np.asarray(both.any(axis=(1, 2))))
    if rows.size == 0:
        return columns, exchanged
    given = Points(seen.points.xy[rows][:, :, columns], seen.points.covariance[rows][:, :, columns])
    where, spread = _projected(track, rows, setup, animal, columns)
    straight = _misfit(given, where, spread)
    crossed = _misfit(given, where[..., ::-1, :], spread[..., ::-1, :, :])
    with np.errstate(invalid="ignore"):
        exchanged[rows] = (straight - crossed > LEAST_GAIN) & (crossed < MOST_MISFIT)
    return columns, exchanged


def put_back(
    seen: Observation, columns: NDArray[np.int64], exchanged: NDArray[np.bool_]
) -> Observation:
    """Return the observation with the pairs `columns` (P, 2) exchanged where told (T, C, P)."""
    xy, covariance = seen.points.xy.copy(), seen.points.covariance.copy()
    for array in (xy, covariance):
        pairs = array[:, :, columns]
        array[:, :, columns] = np.where(exchanged[..., None, None], pairs[:, :, :, ::-1], pairs)
    return replace(seen, points=Points(xy, covariance))


def _projected(
    track: Track, rows: NDArray[np.int64], setup: Setup, animal: Animal,
    columns: NDArray[np.int64],
) -> tuple[Floats, Floats]:  # fmt: skip
    """Return where the body has the marks (R, C, P, 2, 2) in the cameras, and the covariances."""
    views = setup.views()
    covariance = np.ascontiguousarray(track.covariance[rows])
    found = estimate_points(
        body_arrays(setup, animal), views, None, track.poses.take(rows), covariance
    )
    places, spread = found.xyz[:, columns], found.covariance[:, columns]
    parts = [_seen_by(views, view, places, spread) for view in range(len(views.rotation))]
    return np.stack([xy for xy, _ in parts], 1), np.stack([wide for _, wide in parts], 1)


def _seen_by(views: Views, view: int, places: Floats, spread: Floats) -> tuple[Floats, Floats]:
    rotation = views.rotation[view]
    local = places @ rotation.T + views.translation[view]
    depth = np.where(local[..., 2] > _NEAREST, local[..., 2], np.nan)
    xy = local[..., :2] / depth[..., None]
    slope = np.zeros((*xy.shape, 3))
    slope[..., 0, 0] = slope[..., 1, 1] = 1 / depth
    slope[..., 2] = -xy / depth[..., None]
    slope = slope @ rotation
    return xy, slope @ spread @ slope.swapaxes(-1, -2)


def _misfit(given: Points, where: Floats, spread: Floats) -> Floats:
    """Return the squared distance (R, C, P) of both points of pairs, in standard deviations."""
    off = given.xy - where
    image = given.covariance[..., [0, 1, 1, 2]].reshape(*off.shape, 2)
    total = image + spread
    with np.errstate(invalid="ignore", divide="ignore"):
        determinant = total[..., 0, 0] * total[..., 1, 1] - total[..., 0, 1] ** 2
        square = (
            total[..., 1, 1] * off[..., 0] ** 2
            - 2 * total[..., 0, 1] * off[..., 0] * off[..., 1]
            + total[..., 0, 0] * off[..., 1] ** 2
        ) / determinant
    return np.asarray(square.sum(-1))
