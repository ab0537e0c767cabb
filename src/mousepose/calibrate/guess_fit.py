"""The floor and the focal length on which the animals of all frames are most alike.

Gauss-Newton from floors tilted to all sides, for floor, focal length and the animals' mean shape
together. In turn with it are learned how much animals vary about that shape, and how much each
frame counts (a rearing mouse hardly does).
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from mousepose.calibrate.guess_body import Silhouette
from mousepose.calibrate.guess_floor import (
    PARAMETERS,
    Floor,
    Likeness,
    Sightings,
    Stand,
    by_marks,
    length_of,
    likeness,
    stand,
    tangents,
)
from mousepose.types import Floats

#: mm, how the mean place of marks differs from that of the keypoint map on a usual mouse (1 SD):
#: forward, left and up. Animals carry themselves high or low, as they move.
_MARK_SD = np.array([4.0, 4.0, 10.0])
#: mm; the length of the animal is given, for it gives the scale.
_LENGTH_SD = 0.01
#: How much animals vary to begin with: of the logarithm of size.
_SIZE_SD = 0.12
#: They vary at least so much: of size, and of shape as a share of the marks' sigma.
_LEAST_SIZE, _LEAST_SHAPE = 0.02, 0.1
#: A frame so many standard deviations off counts half.
_ROBUST = 3.0
#: Neighbouring frames show the same posture, and postures are no noise: so many frames tell as much
#: as one of independent animals would.
_ALIKE = 10.0
#: Marks move together: the shape of an animal varies in so many independent ways.
_SHAPES = 8.0
#: Floors to start from: tilts against the image, each to so many sides.
_TILTS_DEG, _SIDES = (25.0, 55.0), 8
_COARSE_FRAMES, _FINE_STARTS = 60, 2
_STEPS, _ROUNDS, _AGAIN = 6, 6, 2
#: Floors this much (degrees) apart are different answers.
_DIFFERENT_DEG = 8.0
_TINY, _STEP, _SETTLED = 1e-9, 1e-5, 1e-5
#: The frames are cut into so many pieces of time, each of which is left out once.
_PIECES = 8


class Spread(NamedTuple):
    """How animals vary: standard deviation of log size; of shape, as a share of marks' sigma."""

    size: float
    shape: float


class Fit(NamedTuple):
    """A floor, how well it explains the sightings (`cost`), and what was learned with it.

    The body of `sight` is that of these animals, `usual` the presumed one. `weight` (T,) says how
    much frames count. `scale` (T, K) px/mm makes px of mm; it is held while a floor is fitted, for
    else one on which all looks smaller would seem to be the better one.
    """

    sight: Sightings
    usual: Silhouette
    floor: Floor
    cost: float
    spread: Spread
    weight: Floats
    scale: Floats


def find_floor(sight: Sightings) -> list[Fit]:
    """Return floors that differ in tilt, best first; `cost` is -2 log of the probability."""
    few = np.linspace(0, len(sight.pixels) - 1, _COARSE_FRAMES).astype(int)
    coarse = sight.frames(few)
    starts = [_fitted(_start(coarse, tilt), 1) for tilt in _tilts()]
    best = _different(starts)[:_FINE_STARTS]
    return _different([fit_from(sight, fit, _ROUNDS) for fit in best])


def fit_from(sight: Sightings, fit: Fit, rounds: int = _AGAIN) -> Fit:
    """Return the fit of other frames of the same animals, started from a fit."""
    again = replace(sight, body=fit.sight.body)
    return _fitted(_reweighted(fit._replace(sight=again)), rounds)


def covariance(fit: Fit) -> Floats:
    """Return the covariance (4, 4) of the parameters of a floor.

    It has two parts. What pieces of time say apart is the jackknife's, with all learned anew (Efron
    & Stein, Annals of Statistics 9, 1981). What is alike in all of them, where the marks lie and
    how sure the presumed focal length is, comes from the derivatives by all of these.
    """
    sight = fit.sight
    piece = np.arange(len(sight.pixels)) * _PIECES // len(sight.pixels)
    without = [fit_from(sight.frames(piece != index), fit).floor for index in range(_PIECES)]
    off = np.stack([_from_to(fit.floor, other) for other in without])
    off -= off.mean(axis=0)
    by_piece = (_PIECES - 1) / _PIECES * off.T @ off
    jacobian = _derivative(fit)
    together = np.linalg.inv(jacobian.T @ jacobian + _TINY * np.eye(jacobian.shape[1]))
    return np.asarray(by_piece + together[:PARAMETERS, :PARAMETERS])


def _from_to(floor: Floor, other: Floor) -> Floats:
    """Return the step (4,) of the parameters from a floor to another one near it."""
    one, across = tangents(floor.normal)
    normal = other.normal / (other.normal @ floor.normal)
    focal, height = np.log(other.focal / floor.focal), np.log(other.height / floor.height)
    return np.array([normal @ one, normal @ across, focal, height])


def _tilts() -> list[Floats]:
    """Return normals (3,) of floors seen from straight above and from the sides."""
    normals = [np.array([0.0, 0.0, -1.0])]
    for tilt in np.deg2rad(_TILTS_DEG):
        for side in 2 * np.pi * np.arange(_SIDES) / _SIDES:
            flat = np.array([np.cos(side), np.sin(side), 0.0])
            normals.append(np.sin(tilt) * flat - np.cos(tilt) * np.array([0.0, 0.0, 1.0]))
    return normals


def _start(sight: Sightings, normal: Floats) -> Fit:
    """Return a floor of this normal at the height at which animals have their usual size."""
    floor = Floor(normal, 500.0, sight.focal)
    for _ in range(3):  # heights of marks are small against that of the camera
        size = likeness(sight, stand(sight, floor)).size
        floor = floor._replace(height=floor.height / float(np.exp(np.median(size))))
    scale, weight = stand(sight, floor).scale, np.ones(len(sight.pixels))
    spread = Spread(_SIZE_SD, 1.0)
    return _descended(Fit(sight, sight.body, floor, np.inf, spread, weight, scale))


def _fitted(fit: Fit, rounds: int) -> Fit:
    """Return a fit with all that is learned beside it."""
    fit = _reweighted(fit)
    for _ in range(rounds):
        fit = _reweighted(_descended(fit))
    freedom = np.minimum(_freedom(fit), _SHAPES).sum()
    spread = len(fit.weight) * np.log(fit.spread.size) + freedom * np.log(fit.spread.shape)
    presumed = (_presumed(fit) ** 2).sum()
    return fit._replace(cost=float(2 * spread / _ALIKE + presumed))


def _freedom(fit: Fit) -> Floats:
    """Return the number (T,) of coordinates of each frame that place, turn and size do not fit."""
    return np.asarray(np.maximum(2 * (fit.sight.seen.sum(axis=1) - 2), 1))


def _reweighted(fit: Fit) -> Fit:
    """Return the fit with spreads, and weights of frames, of its own residuals."""
    sight, seen = fit.sight, stand(fit.sight, fit.floor)
    like = likeness(sight, seen)
    size = like.size - np.median(like.size)
    off = like.off * (sight.seen / (seen.scale * sight.body.sigma))[..., None]
    shape = np.sqrt((off**2).sum(axis=(1, 2)) / _freedom(fit))
    spread = Spread(
        max(1.4826 * float(np.median(np.abs(size))), _LEAST_SIZE),
        max(float(np.median(shape)), _LEAST_SHAPE),
    )
    unlike = (size / spread.size) ** 2 + (shape / spread.shape) ** 2
    return fit._replace(spread=spread, weight=1 / (1 + unlike / _ROBUST**2), scale=seen.scale)


def _descended(fit: Fit) -> Fit:
    """Return the fit after damped Gauss-Newton steps of floor, focal length and marks."""
    damping, error, jacobian = 1e-3, _residuals(fit), _derivative(fit)
    for _ in range(_STEPS):
        normal = jacobian.T @ jacobian
        damped = normal + damping * np.diag(np.diag(normal)) + _TINY * np.eye(len(normal))
        step = np.asarray(np.linalg.solve(damped, -jacobian.T @ error), np.float64)
        tried = _moved(fit, step)
        new = _residuals(tried)
        if not new @ new < error @ error:
            damping *= 10
            continue
        settled = new @ new > (1 - _SETTLED) * (error @ error)
        fit, error, damping = tried, new, damping / 5
        if settled:
            break
        jacobian = _derivative(fit)
    return fit._replace(cost=float(error @ error))


def _moved(fit: Fit, step: Floats) -> Fit:
    """Return the fit after a step (4 + 3K,) of floor and marks."""
    body, floor = fit.sight.body, fit.floor.moved(np.clip(step[:PARAMETERS], -0.5, 0.5))
    shift = step[PARAMETERS:].reshape(-1, 3)
    height = body.height + shift[:, 2]
    # All marks higher over a floor that is lower by as much look the same: on average they are at
    # their usual heights.
    rise = float((height - fit.usual.height).mean())
    moved = replace(body, place=body.place + shift[:, :2], height=height - rise)
    floor = floor._replace(height=max(floor.height - rise, 0.1 * floor.height))
    return fit._replace(sight=replace(fit.sight, body=moved), floor=floor)


def _residuals(fit: Fit) -> Floats:
    """Return residuals (N,), each in units of its standard deviation.

    Of every frame log size and what is off its shape; then what is presumed of marks, length and
    focal length.
    """
    return np.append(_of_frames(fit, fit.floor)[0], _presumed(fit))


def _derivative(fit: Fit) -> Floats:
    """Return the derivative (N, 4 + 3K) of the residuals by floor and marks."""
    here, seen, like = _of_frames(fit, fit.floor)
    steps = _STEP * np.eye(PARAMETERS)
    by_floor = [(_of_frames(fit, fit.floor.moved(step))[0] - here) / _STEP for step in steps]
    size, off = by_marks(seen, like)
    counted, expected = _units(fit)
    rows = np.concatenate([size[:, None] / fit.spread.size, off / expected[..., None]], axis=1)
    rows = (rows * counted[:, None, None]).reshape(here.size, -1)
    of_frames = np.concatenate([np.stack([b.ravel() for b in by_floor], axis=1), rows], axis=1)
    return np.concatenate([of_frames, _by_presumed(fit)])


def _of_frames(fit: Fit, floor: Floor) -> tuple[Floats, Stand, Likeness]:
    seen = stand(fit.sight, floor)
    like = likeness(fit.sight, seen)
    counted, expected = _units(fit)
    off = like.off.reshape(expected.shape) / expected
    rows = np.concatenate([like.size[:, None] / fit.spread.size, off], axis=1)
    return counted[:, None] * rows, seen, like


def _units(fit: Fit) -> tuple[Floats, Floats]:
    """Return how much frames (T,) count, and how far (T, 2K) px marks usually are off."""
    alike = np.sqrt(np.maximum(_freedom(fit) / _SHAPES, 1.0))
    expected = alike[:, None] * fit.spread.shape * fit.scale * fit.sight.body.sigma
    expected = np.where(fit.sight.seen > 0, expected, np.inf)
    return np.sqrt(fit.weight / _ALIKE), np.repeat(expected, 2, axis=1)


def _presumed(fit: Fit) -> Floats:
    """Return (3K + 2,): how far marks, length and focal length are from what is presumed."""
    body, usual, sight = fit.sight.body, fit.usual, fit.sight
    marks = np.column_stack([body.place - usual.place, body.height - usual.height]) / _MARK_SD
    length = (length_of(body)[0] - length_of(usual)[0]) / _LENGTH_SD
    focal = np.log(fit.floor.focal / sight.focal) / sight.focal_sd
    return np.concatenate([marks.ravel(), [length, focal]])


def _by_presumed(fit: Fit) -> Floats:
    """Return the derivative (3K + 2, 4 + 3K) of what is presumed."""
    count = 3 * len(fit.usual.sigma)
    rows = np.zeros((count + 2, PARAMETERS + count))
    rows[:count, PARAMETERS:] = np.diag(np.tile(1 / _MARK_SD, len(fit.usual.sigma)))
    rows[count, PARAMETERS:] = length_of(fit.sight.body)[1].ravel() / _LENGTH_SD
    rows[count + 1, 2] = 1 / fit.sight.focal_sd
    return rows


def _different(fits: list[Fit]) -> list[Fit]:
    """Return the fits, best first, that are not the floor of a better one."""
    kept: list[Fit] = []
    for fit in sorted(fits, key=lambda fit: fit.cost):
        nearest = max((fit.floor.normal @ other.floor.normal for other in kept), default=-1.0)
        if nearest < np.cos(np.deg2rad(_DIFFERENT_DEG)):
            kept.append(fit)
    return kept
