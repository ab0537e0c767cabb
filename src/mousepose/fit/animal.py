"""What is learned once per animal from its own video: bone lengths, mark offsets, how it moves.

Shape and offsets are shared by all sampled frames and stepped by one system (`shared.py`). How fast
the motion changes is found by expectation-maximisation on a few windows.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from mousepose.fit.arrays import Points, PoseArrays
from mousepose.fit.follow import follow
from mousepose.fit.place import fit_each, place
from mousepose.fit.sample import independent_frames, trustworthy
from mousepose.fit.setup import Animal, Setup, animal_marks, body_arrays
from mousepose.fit.shared import (
    FIXED,
    keep_length,
    length_slope,
    shape_precision,
    shared_system,
)
from mousepose.fit.sizing import stand_on_floor, without_floor
from mousepose.fit.smooth import smooth
from mousepose.types import Floats

#: Frames from which the shape is learned; more change it by less than its own uncertainty.
SHAPE_FRAMES = 150
_SHAPE_ROUNDS = 4
#: s after which a mouse has another pose.
_POSE_SECONDS = 1.0
#: Between animals a mark sits elsewhere by this share of what it wanders on one.
_OFFSET_SHARE = 0.7
_MOTION_WINDOWS = 2
_MOTION_FRAMES = 160
_MOTION_ROUNDS = 8
#: Learning starts from quicker motion than usual: what is smoothed away at first stays unseen.
#: The turn most of all, for what it leaves the spine takes up by bending.
_QUICKER, _QUICKER_TURN = 3.0, 30.0
#: Expectation-maximisation is slow where little is seen: its steps are lengthened by what share of
#: a step, in logarithms, is left over for the next one.
_FIRST_KEPT, _MOST_KEPT = 0.5, 0.95


def learn_shape(points: Points, times: Floats, setup: Setup, animal: Animal) -> Animal:
    """Return the animal with the shape and mark offsets that sampled frames agree on.

    Frames less than a second apart show much the same pose, with the same skin slid to the same
    place: together they count as one, or their poses would be taken for the animal's shape.
    """
    views, weights = setup.views(), setup.weights()
    arrays = body_arrays(setup, animal)
    poses, cost, _ = place(
        arrays, without_floor(setup), weights, points, setup.body.axes, setup.config.iterations
    )
    kept = trustworthy(points, cost)
    if not len(kept):
        return animal
    points, poses = Points(points.xy[kept], points.covariance[kept]), poses.take(kept)
    first = replace(Animal.typical(setup), shape=setup.first_shape(animal.mean))
    worth = independent_frames(times[kept], _POSE_SECONDS) / max(len(kept), 1)
    animal, poses = stand_on_floor(setup, animal, arrays, poses)
    fit_each(body_arrays(setup, animal), views, weights, points, poses, setup.config.iterations)
    for _ in range(_SHAPE_ROUNDS):
        step = _shared_step(points, setup, first, animal, poses, worth)
        shapes = len(animal.shape)
        animal = replace(
            animal,
            shape=keep_length(setup, first.shape, animal.shape + step[:shapes]),
            offset=animal.offset + step[shapes:].reshape(-1, 3),
        )
        fit_each(body_arrays(setup, animal), views, weights, points, poses, setup.config.iterations)
    return animal


def _shared_step(
    points: Points, setup: Setup, first: Animal, animal: Animal, poses: PoseArrays, worth: float
) -> Floats:
    """Return the Gauss-Newton step of shape and offsets, the poses eliminated.

    `worth` is how much of an independent frame each frame counts.
    """
    system = shared_system(points, setup, animal, poses)
    precision = np.r_[shape_precision(setup), _offset_precision(setup, animal)]
    held = np.zeros(len(precision))
    held[: len(animal.shape)] = length_slope(setup, animal.shape)
    now = np.r_[animal.shape - first.shape, (animal.offset - first.offset).ravel()]
    left = worth * system.hessian + np.diag(precision) + FIXED * np.outer(held, held)
    step = -np.linalg.solve(left, worth * system.gradient + precision * now)
    return np.where(precision >= FIXED, 0.0, step)


def _offset_precision(setup: Setup, animal: Animal) -> Floats:
    """Return the prior precision (3 M,) of the mark offsets."""
    sigma = animal_marks(setup, animal).sigma
    if not setup.config.animal_shape:
        return np.full(3 * len(sigma), FIXED)
    with np.errstate(divide="ignore"):
        return np.repeat(np.minimum(1 / (_OFFSET_SHARE * sigma) ** 2, FIXED), 3)


def learn_motion(
    points: Points, times: Floats, usable: NDArray[np.bool_], setup: Setup, animal: Animal
) -> Animal:
    """Return the animal with how fast its motion changes, from windows of consecutive frames.

    `usable` (T,) says which frames can be fitted alone. Windows with the most of them are taken.
    """
    views, weights = setup.views(), setup.weights()
    arrays = body_arrays(setup, animal)
    length = min(_MOTION_FRAMES, len(times))
    windows = _best_windows(usable, times, length, setup.config.longest_gap)
    if not windows:
        return animal
    acceleration = _QUICKER * animal.acceleration
    acceleration[0] = _QUICKER_TURN * animal.acceleration[0]
    parts = [slice(start, start + length) for start in windows]
    cuts = [Points(points.xy[part], points.covariance[part]) for part in parts]
    tracks = [
        follow(
            arrays, views, weights, cut, usable[part], setup.body.axes, setup.config.iterations
        )[0]
        for cut, part in zip(cuts, parts, strict=True)
    ]  # fmt: skip
    last = None
    for _ in range(_MOTION_ROUNDS):
        changes = []
        for k, (cut, part) in enumerate(zip(cuts, parts, strict=True)):
            window = smooth(arrays, views, weights, cut, tracks[k], times[part], acceleration)
            tracks[k] = window.poses
            changes.append(window.change)
        ratio = np.mean(changes, axis=0)
        ratio = np.r_[ratio[:3].mean(), ratio[3:6].mean(), ratio[6:]]
        slope = np.log(ratio)
        kept = np.clip(slope / last, 0, _MOST_KEPT) if last is not None else _FIRST_KEPT
        acceleration = acceleration * np.exp(np.clip(slope / (1 - kept), -2.3, 2.3))
        last = slope
    return replace(animal, acceleration=acceleration)


def _best_windows(usable: np.ndarray, times: Floats, length: int, longest_gap: float) -> list[int]:
    """Return the starts of up to a few windows that do not overlap, those best seen first."""
    if length < 10:
        return []
    starts = np.arange(0, len(usable) - length + 1, max(length // 2, 1))
    seen = np.array([usable[s : s + length].mean() for s in starts])
    gaps = np.array([np.diff(times[s : s + length]).max() for s in starts])
    chosen: list[int] = []
    for k in np.argsort(-seen, kind="stable"):
        free = all(abs(starts[k] - other) >= length for other in chosen)
        if free and seen[k] > 0.5 and gaps[k] <= longest_gap:
            chosen.append(int(starts[k]))
        if len(chosen) == _MOTION_WINDOWS:
            break
    return sorted(chosen)
