"""Through time: all frames of a window at once, tied by how fast a mouse's motion changes.

Velocity of every variable is taken to wander like a Brownian motion with the spectral density that
`acceleration` gives. For frames at uneven times the change of mean velocity from one interval h to
the next h' then has variance S (h + h') / 3 (the correlation of neighbouring changes is left out),
and the normal matrix of a window is banded: half bandwidth 2 n for n variables a frame. It is
factored by LAPACK; the inverse within the band, which holds every frame's covariance, follows from
the factor by Takahashi's recursion (Erisman and Tinney, Comm. ACM 18, 1975).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import scipy  # its parts are loaded when first used

from mousepose.fit.arrays import BodyArrays, Points, PoseArrays, Views, Weights
from mousepose.fit.kinematics import njit
from mousepose.fit.place import weigh_each
from mousepose.fit.reference import moved
from mousepose.geometry import rotation
from mousepose.types import Floats

_STEPS = 12
_MOST_DAMPING = 1e4
#: A window stops when a step lowers its energy by less than this share.
_TOLERANCE = 1e-3


class Window(NamedTuple):
    """A smoothed window: poses, cost by term (T, 4) and of time (T,), and covariances.

    `covariance` (T, n, n) is the posterior of every frame and `alone` (T, n, n) the normal matrix
    that its own image and the prior give; `change` (n,) the mean square change of
    velocity of every variable over its expected variance, from which `acceleration` is learned.
    """

    poses: PoseArrays
    terms: Floats
    time_cost: Floats
    covariance: Floats
    alone: Floats
    change: Floats
    steps: int


class Stencil(NamedTuple):
    """Velocity changes at the inner frames: `factor` (T - 2, 3), inverse variance (T - 2,)."""

    factor: Floats
    weight: Floats


def stencil(times: Floats) -> Stencil:
    """Return the second differences of frames at `times` (T,) s."""
    first, second = np.diff(times)[:-1], np.diff(times)[1:]
    factor = np.stack([1 / first, -1 / first - 1 / second, 1 / second], axis=-1)
    return Stencil(factor, 3 / (first + second))


def velocity_changes(poses: PoseArrays, times: Floats) -> Floats:
    """Return the change of velocity (T - 2, n) of root turn, root place and z."""
    step = np.diff(times)[:, None]
    turn = rotation.log(poses.rotation[1:] @ np.swapaxes(poses.rotation[:-1], -1, -2))
    velocity = np.concatenate([turn, np.diff(poses.place, axis=0), np.diff(poses.z, axis=0)], 1)
    return np.asarray(np.diff(velocity / step, axis=0))


def share_of_frame(times: Floats, acceleration: Floats) -> Floats:
    """Return the weight (r,) of the prior in every frame with which it holds for motion as a whole.

    Frames close in time show one pose, not many: were each drawn to the prior's mean with full
    weight, then with steady motion the pose of any frame would spread far less than the prior says.
    A coordinate of density q (1/s^3) that a weight w draws back in every frame, h seconds apart, is
    a stationary process with the spectrum 1 / (w / h + omega^4 / q). Its variance
    (q / (w / h)^3)^(1/4) / sqrt(8) is 1 where w = h q^(1/3) / 4. Of its squared velocity changes,
    1 - w is what its density alone would give.
    """
    step = float(np.median(np.diff(times)))
    return np.minimum(step * np.cbrt(acceleration[2:]) / 4, 1.0)


def densities(acceleration: Floats) -> Floats:
    """Return the density of every variable (n,) from those of turn, place and coordinates."""
    return np.append(np.repeat(acceleration[:2], 3), acceleration[2:])


class _Weighed(NamedTuple):
    """Poses, their cost by term and of time, velocity changes, and the frames' normal equations."""

    poses: PoseArrays
    terms: Floats  #: (T, 4)
    time: Floats  #: (T - 2,)
    change: Floats  #: (T - 2, n)
    hessians: Floats  #: (T, n, n)
    gradients: Floats  #: (T, n)

    @property
    def energy(self) -> float:
        return float(self.terms.sum() + self.time.sum())


def smooth(
    body: BodyArrays, views: Views, weights: Weights, points: Points, poses: PoseArrays,
    times: Floats, acceleration: Floats,
) -> Window:  # fmt: skip
    """Return a window's poses with the least energy of all frames and of time together."""
    frames, n = len(times), 6 + poses.z.shape[1]
    inverse = 1 / densities(acceleration)
    marks = stencil(times)
    share = share_of_frame(times, acceleration)
    spread = weights._replace(prior=share * weights.prior)
    depth_from = poses.place.copy()

    def weigh(trial: PoseArrays) -> _Weighed:
        terms, hessians, gradients = weigh_each(body, views, spread, points, depth_from, trial)
        change = velocity_changes(trial, times)
        time = 0.5 * marks.weight * (change**2 @ inverse)
        return _Weighed(trial, terms, time, change, hessians, gradients)

    band = np.zeros((2 * n + 1, frames * n))
    found, steps = _descend(weigh, weigh(poses.take(slice(None))), marks, inverse, band)
    factor, _ = _factor(found, marks, inverse, 1e-9, band)
    covariance, expected = np.zeros((frames, n, n)), np.zeros((frames - 2, n))
    selected_inverse(factor, marks.factor, covariance, expected)
    diagonal = np.arange(6, n)
    found.hessians[:, diagonal, diagonal] += weights.prior - spread.prior
    squares = (marks.weight[:, None] * (found.change**2 + expected)).sum(0)
    ratio = squares * inverse / max(frames - 2, 1)
    ratio[6:] /= np.maximum(1 - share, 0.1)
    return Window(
        found.poses, found.terms, np.pad(found.time, 1), covariance, found.hessians, ratio, steps
    )


def _descend(
    weigh: Callable[[PoseArrays], _Weighed], found: _Weighed, marks: Stencil, inverse: Floats,
    band: Floats,
) -> tuple[_Weighed, int]:  # fmt: skip
    """Return what Levenberg-Marquardt steps of the whole window lead to, and their number."""
    damping, steps = 1e-4, 0
    while steps < _STEPS:
        steps += 1
        factor, gradient = _factor(found, marks, inverse, damping, band)
        step = -scipy.linalg.cho_solve_banded((factor, True), gradient.ravel(), check_finite=False)
        trial = weigh(moved(found.poses, step.reshape(gradient.shape)))
        if not trial.energy <= found.energy:
            damping *= 10
            if damping > _MOST_DAMPING:
                break
            continue
        small = found.energy - trial.energy <= _TOLERANCE * found.energy
        found, damping = trial, max(damping * 0.1, 1e-7)
        if small:
            break
    return found, steps


def _factor(
    found: _Weighed, marks: Stencil, inverse: Floats, damping: float, band: Floats
) -> tuple[Floats, Floats]:
    """Return the Cholesky factor of the window's normal matrix (lower band) and its gradient."""
    pull = (marks.weight[:, None] * found.change * inverse)[:, None, :] * marks.factor[..., None]
    gradient = found.gradients.copy()
    for k in range(3):
        gradient[k : len(gradient) - 2 + k] += pull[:, k]
    while True:
        assemble(found.hessians, marks.factor, marks.weight, inverse, damping, band)
        try:
            return scipy.linalg.cholesky_banded(band, lower=True, check_finite=False), gradient
        except np.linalg.LinAlgError:  # rounding made it indefinite: damp it more
            damping = max(100 * damping, 1e-6)
            if damping > _MOST_DAMPING:
                raise


@njit
def assemble(
    hessians: Floats, factor: Floats, weight: Floats, inverse: Floats, damping: float, band: Floats
) -> None:
    """Write the lower band (2 n + 1, T n) of the window's normal matrix."""
    frames, n = hessians.shape[0], hessians.shape[1]
    for i in range(band.shape[0]):
        for k in range(band.shape[1]):
            band[i, k] = 0.0
    for t in range(frames):
        for i in range(n):
            for m in range(i, n):
                band[m - i, t * n + i] = hessians[t, i, m]
            band[0, t * n + i] = hessians[t, i, i] * (1 + damping) + 1e-9
    for t in range(len(weight)):
        for first in range(3):
            for second in range(first, 3):
                product = weight[t] * factor[t, first] * factor[t, second]
                for i in range(n):
                    band[(second - first) * n, (t + first) * n + i] += product * inverse[i]


@njit
def selected_inverse(
    factor: Floats, stencil_: Floats, covariance: Floats, expected: Floats
) -> None:
    """Write each frame's block (T, n, n) of the inverse and the expected squared velocity changes.

    `factor` (b + 1, N) is a lower band Cholesky factor. Columns are taken from the last to the
    first; a dense room of twice the bandwidth slides along so that each needs one product only.
    """
    width, total = factor.shape[0] - 1, factor.shape[1]
    frames, n = covariance.shape[0], covariance.shape[1]
    side = 3 * width
    room = np.zeros((side, side))
    column, below = np.zeros(width), np.zeros(width)
    top = side  # where the inverse of what has been seen starts in the room
    for j in range(total - 1, -1, -1):
        if top == 0:
            for i in range(width):
                for k in range(width):
                    room[side - width + i, side - width + k] = room[i, k]
            top = side - width
        reach = min(width, total - 1 - j)
        pivot = 1 / factor[0, j]
        for k in range(reach):
            below[k] = factor[k + 1, j] * pivot
        own = pivot * pivot
        for i in range(reach):
            sum_ = 0.0
            for k in range(reach):
                sum_ += room[top + i, top + k] * below[k]
            column[i] = -sum_
        for k in range(reach):
            own -= below[k] * column[k]
        top -= 1
        room[top, top] = own
        for k in range(reach):
            room[top, top + 1 + k] = column[k]
            room[top + 1 + k, top] = column[k]
        if j % n == 0:
            t = j // n
            for i in range(n):
                for k in range(n):
                    covariance[t, i, k] = room[top + i, top + k]
            if t + 2 < frames:
                for i in range(n):
                    sum_ = 0.0
                    for first in range(3):
                        for second in range(3):
                            sum_ += (
                                stencil_[t, first] * stencil_[t, second]
                                * room[top + first * n + i, top + second * n + i]
                            )  # fmt: skip
                    expected[t, i] = sum_
