"""One track at a time: follow it frame by frame, then smooth it in overlapping windows."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from mousepose.fit.alternative import refit
from mousepose.fit.arrays import Points, PoseArrays
from mousepose.fit.config import FitConfig
from mousepose.fit.follow import follow, place_each
from mousepose.fit.observe import Observation
from mousepose.fit.place import weigh_each
from mousepose.fit.result import Track
from mousepose.fit.setup import Animal, Setup, body_arrays
from mousepose.fit.smooth import smooth
from mousepose.types import Floats, Ints

#: Frames followed at once in a result without smoothing; only bounds memory.
_ALONE = 2000


def tracks(usable: NDArray[np.bool_], times: Floats, config: FitConfig) -> list[slice]:
    """Return the stretches of frames that belong together: no gap in them is too long.

    A stretch starts and ends with a usable frame; what lies between two stretches is not solved.
    """
    index = np.flatnonzero(usable)
    if not len(index):
        return []
    breaks = np.flatnonzero(np.diff(times[index]) > config.longest_gap) + 1
    return [slice(int(part[0]), int(part[-1]) + 1) for part in np.split(index, breaks)]


def solve_track(
    seen: Observation, times: Floats, usable: NDArray[np.bool_], part: slice, setup: Setup,
    animal: Animal, result: Track, progress: Callable[[int, int], None] | None,
    changed: NDArray[np.bool_] | None = None,
) -> None:  # fmt: skip
    """Write the poses of one stretch of frames to `result`, window by window.

    With `changed` (T,) only the windows are solved that hold such a frame.
    """
    config = setup.config
    step = config.window if config.temporal else _ALONE
    overlap = config.overlap if config.temporal else 0
    for start in range(part.start, part.stop, step):
        stop = min(start + step, part.stop)
        first, last = max(start - overlap, part.start), min(stop + overlap, part.stop)
        window = slice(first, last)
        if changed is not None and not changed[window].any():
            continue
        solved = _solve_window(seen, times[window], usable[window], window, setup, animal)
        result.write(slice(start, stop), solved.cut(slice(start - first, stop - first)))
        if progress is not None:
            progress(stop, len(times))


def _solve_window(
    seen: Observation, times: Floats, usable: NDArray[np.bool_], window: slice, setup: Setup,
    animal: Animal,
) -> Track:  # fmt: skip
    arrays, views, weights = body_arrays(setup, animal), setup.views(), setup.weights()
    points = Points(seen.points.xy[window], seen.points.covariance[window])
    if not usable.any():
        return Track.empty(len(times), setup)
    start = follow if setup.config.temporal else place_each
    poses, terms, tried = start(
        arrays, views, weights, points, usable, setup.body.axes, setup.config.iterations
    )
    if setup.config.temporal and len(times) > 2:
        smoothed = smooth(arrays, views, weights, points, poses, times, animal.acceleration)
        covariance = smoothed.covariance + setup.prior.persistent * _alone(smoothed.alone, usable)
        _add_scale(covariance, smoothed.poses.place, setup)
        return Track(
            smoothed.poses, smoothed.terms, smoothed.time_cost, covariance,
            tried + smoothed.steps, np.ones(len(times), bool),
        )  # fmt: skip
    if setup.mixture is not None:
        return _refit_alone(setup, animal, points, poses, tried, usable)
    terms, hessians, _ = weigh_each(arrays, views, weights, points, poses.place.copy(), poses)
    covariance = np.asarray(np.linalg.inv(hessians + 1e-9 * np.eye(hessians.shape[1])), np.float64)
    _add_scale(covariance, poses.place, setup)
    return Track(poses, terms, np.zeros(len(times)), covariance, tried, usable.copy())


def _refit_alone(
    setup: Setup, animal: Animal, points: Points, poses: PoseArrays, tried: Ints,
    usable: NDArray[np.bool_],
) -> Track:  # fmt: skip
    """Return usable frames fitted anew with the published mixture as their prior."""
    assert setup.mixture is not None
    out, index = Track.empty(len(usable), setup), np.flatnonzero(usable)
    found = refit(
        body_arrays(setup, animal), setup.views(), setup.weights(), setup.mixture,
        Points(points.xy[index], points.covariance[index]), poses.take(index),
        setup.config.iterations,
    )  # fmt: skip
    for whole, part in zip(out.poses, found.poses, strict=True):
        whole[index] = part
    out.terms[index], out.covariance[index] = found.terms, found.covariance
    out.time_cost[index], out.solved[index] = 0.0, True
    out.tried[index] = tried[index] + setup.config.iterations
    return out


def _alone(hessians: Floats, usable: NDArray[np.bool_]) -> Floats:
    """Return the covariance (T, n, n) of every frame alone, or of the nearest that stands alone.

    Noise averages out through time, but a wrong shape, a mark that sits elsewhere or a prior of
    other animals do not: they err in every frame alike, where one frame sees badly.
    """
    index = np.flatnonzero(usable)
    single = np.linalg.inv(hessians[index] + 1e-9 * np.eye(hessians.shape[1]))
    nearest = np.abs(np.arange(len(usable))[:, None] - index).argmin(1)
    return np.asarray(single[nearest], np.float64)


def _add_scale(covariance: Floats, place: Floats, setup: Setup) -> None:
    """Add what an uncertain size does: the animal may be larger and as much further away."""
    way = setup.scale_sd * (place - setup.cameras[0].position)
    covariance[:, 3:6, 3:6] += way[:, :, None] * way[:, None, :]
