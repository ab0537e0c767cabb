"""Points in space from several cameras of which some may be wrong. Knows no mice.

All views are tried first. Where they do not agree, every pair of views proposes a point, the one
that most views can live with is kept (a truncated cost, as in Torr & Zisserman, MLESAC, CVIU 78,
2000) and the views that cannot are left out. How exact the images really are is measured, so that
"do not agree" and the covariance follow from the data. Letters: C cameras, N points, B any batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtri

from mousepose.geometry.camera import Camera
from mousepose.geometry.triangulate_solve import (
    System,
    Views,
    inverse,
    linearised,
    refined,
    straightened,
)
from mousepose.types import Bytes, Floats, Ints, require

_STEPS = 2
#: Points that are searched at once: pairs times cameras times these are held in memory.
_AT_ONCE = 20_000
#: A point whose cost is as rare as this, or has a view beyond the limit, is looked at again.
_RARE = 1e-3
#: Points whose measured spread counts as much as their group's: what one point says of itself.
_GROUP_FREEDOM = 30.0

Bools = NDArray[np.bool_]


class PointState(IntEnum):
    """What became of one point."""

    KNOWN = 0  #: at least two views agree on it
    UNSEEN = 1  #: fewer than two cameras see it
    PARALLEL = 2  #: the rays of the cameras that see it are nearly parallel: no depth
    DISAGREE = 3  #: no place suits at least half of its views, or two places do as well


@dataclass(frozen=True)
class RobustConfig:
    """How views are believed or not."""

    limit: float = 4.0  #: standard deviations off beyond which a view is wrong (1 in 3000)
    huber: float = 2.5  #: standard deviations beyond which a view's pull grows no more
    least_degrees: float = 1.0  #: the widest angle between two rays must be at least so wide
    least_px: float = 0.05  #: views are never taken for more exact than this


class RobustTriangulation(NamedTuple):
    """Points (*B, 3) mm, NaN unless `state` (*B,) is KNOWN; covariance (*B, 3, 3) mm^2.

    `used` (C, *B) are the views that agree, `distance` (C, *B) px how far each view that sees the
    point is from its image, NaN where there is none. `degrees` (*B,) is the widest angle between
    two rays that were used.
    """

    points: Floats
    covariance: Floats
    state: Bytes
    used: Bools
    distance: Floats
    degrees: Floats

    @property
    def n_views(self) -> Ints:
        """How many views (*B,) were used."""
        return np.asarray(self.used.sum(axis=0))


def triangulate_robust(
    cameras: Sequence[Camera],
    pixels: Floats,
    sd: Floats,
    noise: Floats | float = 1.0,
    config: RobustConfig | None = None,
) -> RobustTriangulation:
    """Return the points seen at `pixels` (C, *B, 2) with standard deviations `sd` (C, *B) px.

    NaN in either is not seen. `noise` (broadcast to *B) is how many times larger the deviations
    really are, as `measure_noise` finds it. Raises `InputError` on shapes that do not fit.
    """
    config = config or RobustConfig()
    check_views(cameras, pixels, sd)
    batch = pixels.shape[1:-1]
    count = int(np.prod(batch))
    factor = np.broadcast_to(np.asarray(noise, np.float64), batch).reshape(count)
    flat, spread = pixels.reshape(len(cameras), count, 2), sd.reshape(len(cameras), count)
    pieces = []
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        for start in range(0, max(count, 1), _AT_ONCE):
            part = slice(start, start + _AT_ONCE)
            views, undistorted = views_of(
                cameras, flat[:, part], spread[:, part] * factor[part], config.least_px
            )
            pieces.append(_triangulated(views, undistorted, config))
    points, covariance, state, used, distance, degrees = (
        np.concatenate(parts, axis=1 if place in (3, 4) else 0)
        for place, parts in enumerate(zip(*pieces, strict=True))
    )
    shape = (len(cameras), *batch)
    return RobustTriangulation(
        points.reshape(*batch, 3), covariance.reshape(*batch, 3, 3), state.reshape(batch),
        used.reshape(shape), distance.reshape(shape), degrees.reshape(batch),
    )  # fmt: skip


def check_views(cameras: Sequence[Camera], pixels: Floats, sd: Floats) -> None:
    """Raise `InputError` unless pixels (C, ..., 2) and their deviations fit the cameras."""
    require(
        pixels.ndim >= 2 and pixels.shape[0] == len(cameras) and pixels.shape[-1] == 2,
        f"pixels: expected ({len(cameras)}, ..., 2) for {len(cameras)} cameras, got {pixels.shape}",
    )
    require(
        sd.shape == pixels.shape[:-1],
        f"sd: expected {pixels.shape[:-1]} as the pixels have, got {sd.shape}",
    )


def views_of(
    cameras: Sequence[Camera], pixels: Floats, sd: Floats, least: float
) -> tuple[Views, Floats]:
    """Return N points' views and undistorted pixels (C, N, 2), both without NaN."""
    undistorted = straightened(cameras, pixels)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        weights = 1 / np.maximum(sd, least) ** 2
        seen = np.isfinite(undistorted).all(axis=-1) & np.isfinite(weights) & (weights > 0)
    views = Views(cameras, np.where(seen[..., None], pixels, 0.0), np.where(seen, weights, 0.0))
    return views, np.where(seen[..., None], undistorted, 0.0)


def _triangulated(views: Views, undistorted: Floats, config: RobustConfig) -> RobustTriangulation:
    """Return `triangulate_robust` of N points."""
    seen = views.weights > 0
    start = linearised(views, undistorted).points()
    points, system = refined(views, start, _STEPS, config.huber)
    used, clear = seen.copy(), np.ones(len(points), bool)
    distance = np.where(seen, np.sqrt(system.squared), np.nan)
    doubtful = (seen.sum(axis=0) >= 2) & ~_agree(views, system, used, config)
    if doubtful.any():
        part = views.of(doubtful)
        found, chosen, sure = _searched(part, undistorted[:, doubtful], config)
        used[:, doubtful], clear[doubtful] = chosen, sure
        points[doubtful], partial = refined(part.only(chosen), found, _STEPS, config.huber)
        again = _grown(part, points[doubtful], chosen, config)
        used[:, doubtful] = again
        points[doubtful], partial = refined(
            part.only(again), points[doubtful], _STEPS, config.huber
        )
        for whole, some in zip(system[:3], partial[:3], strict=True):
            whole[doubtful] = some
        distance[:, doubtful] = _distances(part, points[doubtful])
    return _result(views, points, system, used, distance, clear, config)


def _agree(views: Views, system: System, used: Bools, config: RobustConfig) -> Bools:
    """Return where (N,) all used views agree: none far off, and together not rarely bad."""
    freedom = np.maximum(2 * used.sum(axis=0) - 3, 1)
    near = np.sqrt(views.weights * system.squared) <= config.limit
    return np.asarray(
        (near | ~used).all(axis=0)
        & (system.cost <= chdtri(freedom, _RARE))
        & np.isfinite(system.cost)
    )


def _searched(
    views: Views, undistorted: Floats, config: RobustConfig
) -> tuple[Floats, Bools, Bools]:
    """Return the point (N, 3) that most views agree on, these views (C, N), whether it is clear.

    It is not where fewer than half of the views agree, or where others agree as well elsewhere.
    """
    seen = views.weights > 0
    linear = linearised(views, undistorted)
    count = seen.shape[1]
    best = np.full(count, np.inf)
    points, chosen = np.full((count, 3), np.nan), np.zeros(seen.shape, bool)
    supports = []
    for pair in combinations(range(len(seen)), 2):
        proposed = linear.points(list(pair))
        deviations = np.sqrt(views.weights) * _distances(views, proposed)
        near = seen & (deviations <= config.limit)
        own = seen[list(pair)].all(axis=0) & near[list(pair)].all(axis=0)
        cost = np.where(near, deviations**2, config.limit**2 * seen).sum(axis=0)
        cost = np.where(own, cost, np.inf)
        better = cost < best
        best = np.where(better, cost, best)
        points[better], chosen[:, better] = proposed[better], near[:, better]
        supports.append(near & own)
    votes = chosen.sum(axis=0)
    # as many views that share at most one with those chosen speak for another place
    rival = np.zeros(count, bool)
    for near in supports:
        rival |= (near.sum(axis=0) >= np.maximum(votes, 2)) & ((near & chosen).sum(axis=0) < 2)
    clear = (votes >= 2) & (2 * votes >= seen.sum(axis=0)) & ~rival
    return points, chosen, clear


def _grown(views: Views, points: Floats, chosen: Bools, config: RobustConfig) -> Bools:
    """Return the views (C, N) that agree with refined points; those chosen where two do not."""
    near = np.sqrt(views.weights) * _distances(views, points) <= config.limit
    near &= views.weights > 0
    return np.where(near.sum(axis=0) >= 2, near, chosen)


def _distances(views: Views, points: Floats) -> Floats:
    """Return the distance (C, N) px from each view to the image of points (N, 3).

    NaN where the view does not see the point, infinite where it lies behind the camera.
    """
    images = np.stack([camera.project(points) for camera in views.cameras])
    away = np.sqrt(((images - views.pixels) ** 2).sum(axis=-1))
    return np.where(views.weights > 0, np.where(np.isnan(away), np.inf, away), np.nan)


def _result(
    views: Views,
    points: Floats,
    system: System,
    used: Bools,
    distance: Floats,
    clear: Bools,
    config: RobustConfig,
) -> RobustTriangulation:
    """Return the result; what is not known is NaN."""
    rays = points - np.stack([camera.position for camera in views.cameras])[:, None]
    degrees = _widest(rays / np.linalg.norm(rays, axis=-1, keepdims=True), used)
    covariance = inverse(system.normal) * _spread(views, distance, used)[:, None, None]
    near = np.sqrt(views.weights) * distance <= config.limit
    clear = clear & (near | ~used).all(axis=0) & np.isfinite(points).all(axis=1)
    wide = np.isfinite(covariance).all(axis=(1, 2)) & (degrees >= config.least_degrees)
    state = np.where(clear, PointState.PARALLEL, PointState.DISAGREE).astype(np.uint8)
    state[clear & wide] = PointState.KNOWN
    seen = views.weights > 0
    unclear = np.flatnonzero(~clear)
    if len(unclear):
        part = views.of(~clear)
        given = [c.rays(xy)[1] for c, xy in zip(part.cameras, part.pixels, strict=True)]
        # that parallel rays miss each other tells nothing
        narrow = ~(_widest(np.stack(given), seen[:, unclear]) >= config.least_degrees)
        state[unclear[narrow]] = PointState.PARALLEL
    state[seen.sum(axis=0) < 2] = PointState.UNSEEN
    known = state == PointState.KNOWN
    return RobustTriangulation(
        np.where(known[:, None], points, np.nan),
        np.where(known[:, None, None], covariance, np.nan),
        state,
        used & known,
        np.where(known, distance, np.nan),
        np.where(known, degrees, np.nan),
    )


def _spread(views: Views, distance: Floats, used: Bools) -> Floats:
    """Return the factor (N,) on the covariance of the noise: its group's, moved by its own misfit.

    The mean of a scaled inverse chi-square posterior (Gelman et al., Bayesian Data Analysis, 2.6).
    """
    cost = np.where(used, views.weights * distance**2, 0.0).sum(axis=0)
    freedom = np.maximum(2 * used.sum(axis=0) - 3, 0)
    return np.asarray((_GROUP_FREEDOM + cost) / (_GROUP_FREEDOM + freedom))


def _widest(rays: Floats, used: Bools) -> Floats:
    """Return the widest angle (N,) in degrees between used rays (C, N, 3) of unit length.

    Opposite rays are parallel. NaN where a used ray is.
    """
    cosine = np.full(rays.shape[1], 1.0)
    for one, other in combinations(range(len(rays)), 2):
        between = np.abs((rays[one] * rays[other]).sum(axis=-1))
        cosine = np.where(used[one] & used[other], np.minimum(cosine, between), cosine)
    return np.asarray(np.degrees(np.arccos(np.clip(cosine, 0.0, 1.0))))
