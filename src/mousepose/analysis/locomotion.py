"""When the animal walks: bouts of locomotion, with hysteresis."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mousepose.analysis.axes import BodyAxes, body_axes
from mousepose.analysis.config import GaitConfig
from mousepose.analysis.intervals import mean_in
from mousepose.analysis.motion import Motion
from mousepose.analysis.smooth import Smoother, derive, stretches
from mousepose.errors import InputError
from mousepose.types import Floats, Ints

#: Over so long (s) a point's sway averages out.
_STEADY_S = 0.5
#: An animal that turns on the spot has no way to correct: a correction is at most twice this.
_MOST_UNSURE = 0.02


@dataclass(frozen=True, eq=False)
class Locomotion:
    """The way of the trunk over the floor, and the bouts in which the animal walks.

    `velocity` (T, 2) mm/s is without the rhythm of the strides, `speed` (T,) its size and
    `speed_sd` (T,) the standard deviation of that. `progress` (T,) mm/s is the velocity along the
    way of half a second, so that no sway adds to it, and `unsure` (T,) the share of it that depends
    on the point of a turning body; both are NaN outside bouts. `start` and `stop` (N,) are the
    first frame of each bout and the one after its last, `bout` (T,) its number, -1 outside.
    """

    axes: BodyAxes
    velocity: Floats
    speed: Floats
    speed_sd: Floats
    progress: Floats
    unsure: Floats
    start: Ints
    stop: Ints
    bout: Ints

    def __len__(self) -> int:
        return len(self.start)

    @property
    def direction(self) -> Floats:
        """The direction of travel (T, 2), of length 1; NaN where the animal stands."""
        with np.errstate(invalid="ignore", divide="ignore"):
            return self.velocity / self.speed[:, None]


def find_locomotion(motion: Motion, config: GaitConfig | None = None) -> Locomotion:
    """Return the bouts in which the trunk moves over the floor (z up), none where it does not.

    Raises `InputError` where too few points of the trunk are known, and for less time than the
    shortest bout takes.
    """
    config = config or GaitConfig()
    seconds = float(motion.times[-1] - motion.times[0])
    if seconds < config.shortest_bout:
        raise InputError(
            f"too short: {seconds:.2g} s; the shortest bout of locomotion is "
            f"{config.shortest_bout:g} s (is the frame rate right? {motion.rate:.4g}/s)"
        )
    axes = body_axes(motion)
    centre = bridged(axes.centre[:, :2], motion, config.longest_pause)
    smoother = Smoother.of(config.speed_bandwidth, motion.rate)
    shortest = round(config.shortest_bout * motion.rate)
    if 2 * smoother.reach + 1 > shortest:  # short stretches shall have a speed too
        smoother = Smoother(max(2, (shortest - 1) // 2), motion.rate)
    velocity = derive(centre, motion.run, smoother, 1)
    spread = derive(axes.variance[:, :2], motion.run, smoother, 1, variance=True)
    speed = np.hypot(*velocity.T)
    sd = np.sqrt(np.nanmean(spread, axis=1) if len(spread) else spread[:, 0])
    start, stop = bouts(speed, motion, config)
    bout = np.full(len(motion), -1)
    for number, (first, end) in enumerate(zip(start, stop, strict=True)):
        bout[first:end] = number
    progress, unsure = _progress(velocity, axes, bout, start, stop, motion.rate)
    return Locomotion(axes, velocity, speed, sd, progress, unsure, start, stop, bout)


def _progress(
    velocity: Floats, axes: BodyAxes, bout: Ints, start: Ints, stop: Ints, rate: float
) -> tuple[Floats, Floats]:
    """Return the velocity (T,) along its own mean over half a second, and how unsure the way is.

    The mean of points that lie on a curve lies inside it: with d their root mean square distance
    along a path of curvature k, its way is shorter by (k d)^2 / 2. That is made good, and half of
    it is the standard deviation (T,), as a share of the way.
    """
    walks = np.flatnonzero(bout >= 0)
    reach = round(_STEADY_S * rate / 2)
    low = np.maximum(walks - reach, start[bout[walks]])
    high = np.minimum(walks + reach + 1, stop[bout[walks]])
    progress, unsure = np.full((2, len(velocity)), np.nan)
    way = np.full(len(velocity), np.nan, np.complex128)
    mean = [mean_in(column, low, high) for column in velocity.T]
    way[walks] = mean[0] + 1j * mean[1]
    with np.errstate(invalid="ignore", divide="ignore"):
        turning = np.angle(way[high - 1] / way[low]) * rate / np.maximum(high - 1 - low, 1)
        bend = axes.reach * turning / np.abs(way[walks])
        unsure[walks] = np.minimum(bend**2 / 4, _MOST_UNSURE)
        along = (velocity[walks] * np.stack(mean, axis=-1)).sum(axis=1) / np.abs(way[walks])
        progress[walks] = along * (1 + 2 * unsure[walks])
    return progress, unsure


def bouts(speed: Floats, motion: Motion, config: GaitConfig) -> tuple[Ints, Ints]:
    """Return the first frames (N,) and the ends (N,) of the stretches in which `speed` is high."""
    filled = np.nan_to_num(speed)
    start, stop = stretches(filled > config.stop_speed, motion.run)
    if len(start):
        most = np.maximum.reduceat(filled, start)
        # The maximum up to the next start is that of the stretch: between them it is slow.
        start, stop = start[most > config.start_speed], stop[most > config.start_speed]
    if len(start):
        pause = motion.times[start[1:]] - motion.times[stop[:-1] - 1]
        same = motion.run[start[1:]] == motion.run[stop[:-1] - 1]
        apart = ~(same & (pause <= config.longest_pause))
        start = start[np.concatenate([[True], apart])]
        stop = stop[np.concatenate([apart, [True]])]
        long = (stop - start) >= config.shortest_bout * motion.rate
        start, stop = start[long], stop[long]
    return start, stop


def bridged(values: Floats, motion: Motion, longest: float) -> Floats:
    """Return values (T, D) with gaps up to `longest` s filled by straight lines."""
    good = np.asarray(np.isfinite(values).all(axis=1))
    start, stop = stretches(~good, motion.run)
    inner = (start > 0) & (stop < len(values)) & (stop - start <= longest * motion.rate)
    start, stop = start[inner], stop[inner]
    inner = motion.run[start - 1] == motion.run[stop]
    bridge = _mask(len(values), start[inner], stop[inner])
    filled = values.copy()
    frames = np.arange(len(values))
    for column in range(values.shape[1] if good.any() else 0):
        filled[bridge, column] = np.interp(frames[bridge], frames[good], values[good, column])
    return filled


def _mask(length: int, start: Ints, stop: Ints) -> NDArray[np.bool_]:
    change = np.zeros(length + 1, np.int64)
    np.add.at(change, start, 1)
    np.add.at(change, stop, -1)
    return np.asarray(np.cumsum(change)[:-1] > 0)
