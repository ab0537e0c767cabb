"""What is learned once per animal from its own video: bone lengths, mark offsets, how it moves.

Shape and offsets are shared by all frames: every sampled frame's own variables are eliminated from
the joint normal equations (Schur complement), so that a step of the shared ones knows what the
poses would do. How fast the motion changes is found by expectation-maximisation on a few windows.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from mousepose.fit import terms
from mousepose.fit.arrays import BodyArrays, Points, PoseArrays, Views
from mousepose.fit.energy import information_of
from mousepose.fit.follow import follow
from mousepose.fit.learn import geometry_jacobian
from mousepose.fit.place import fit_each, place
from mousepose.fit.sample import independent_frames, trustworthy
from mousepose.fit.setup import Animal, Setup, animal_marks, body_arrays
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
#: Standard deviation of the logarithm of size where cameras or floor show it.
_FREE_SIZE_SD = 0.3
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
            shape=_keep_length(setup, first.shape, animal.shape + step[:shapes]),
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
    views, weights = setup.views(), setup.weights()
    arrays = body_arrays(setup, animal)
    moved = terms.motion(arrays, poses)
    whitening = _whitening(arrays, views, points, poses)
    data = terms.reprojection(arrays, views, points.xy, whitening, moved)
    pull = terms.robust(data, weights.robust)
    shared = _shared_rows(points, whitening, setup, animal, arrays, views, moved)
    scale = np.divide(pull.value, data.value, out=np.ones_like(data.value), where=data.value != 0)
    shared = shared * scale[..., None]
    others = [terms.prior(poses, weights.prior)]
    if weights.limit:
        others.append(terms.limits(arrays, weights.limit, moved))
    if views.floor_known:
        others.append(terms.floor(arrays, views, weights.penetration, weights.contact, moved))
    n = pull.jacobian.shape[-1]
    own = sum(np.swapaxes(t.jacobian, 1, 2) @ t.jacobian for t in (pull, *others)) + 1e-6 * np.eye(
        n
    )
    gradient = sum((t.value[:, None] @ t.jacobian)[:, 0] for t in (pull, *others))
    cross = np.swapaxes(pull.jacobian, 1, 2) @ shared
    eliminated = np.linalg.solve(own, cross)
    flat = shared.reshape(-1, shared.shape[-1])
    precision = _precision(setup, animal)
    held = np.zeros(len(precision))
    held[: len(animal.shape)] = _length_slope(setup, animal.shape)
    now = np.r_[animal.shape - first.shape, (animal.offset - first.offset).ravel()]
    left = flat.T @ flat - np.einsum("tni,tnj->ij", cross, eliminated)
    left = worth * left + np.diag(precision)
    left += _FIXED * np.outer(held, held)
    right = flat.T @ pull.value.ravel() - np.einsum("tni,tn->i", eliminated, gradient)
    step = -np.linalg.solve(left, worth * right + precision * now)
    return np.where(precision >= _FIXED, 0.0, step)


_FIXED = 1e12


def _precision(setup: Setup, animal: Animal) -> Floats:
    """Return the prior precision of shape and offsets: a size that the scale fixes does not move.

    Where the scale is a length, `_length_slope` holds that instead.
    """
    space = setup.body.shape_space
    shape = 1 / space.sd**2
    for s, name in enumerate(space.names):
        if name == "size" and setup.size_is_free:
            shape[s] = _FREE_SIZE_SD**-2
        elif name == "size" and setup.scale.kind not in _LENGTHS:
            shape[s] = _FIXED
    if setup.scale.kind == "model":
        shape[:] = _FIXED
    sigma = animal_marks(setup, animal).sigma
    with np.errstate(divide="ignore"):
        offset = np.minimum(1 / (_OFFSET_SHARE * sigma) ** 2, _FIXED)
    if not setup.config.animal_shape:  # then only the size that the scale asks for is learned
        shape[np.array(space.names) != "size"] = _FIXED
        offset[:] = _FIXED
    return np.asarray(np.r_[shape, np.repeat(offset, 3)])


#: Scales that are a length of the animal itself; its size makes up for what other bones change.
_LENGTHS = ("body_length", "bone")


def _fixed_length(setup: Setup, shape: Floats) -> float:
    """Return the length in mm that the scale fixes, of an animal `shape`."""
    body, scale = setup.body, setup.scale
    if scale.kind == "body_length":
        return body.body_length_of(shape)
    joint = body.skeleton.index(scale.bone_name)
    return float(np.linalg.norm(body.bone_vectors[joint]) * body.bone_scale(shape)[joint])


def _holds_length(setup: Setup) -> bool:
    known = setup.scale.kind in _LENGTHS and not setup.size_is_free
    return known and "size" in setup.body.shape_space.names


def _length_slope(setup: Setup, shape: Floats) -> Floats:
    """Return how the logarithm of the fixed length moves with the shape (S,); 0 if none is."""
    if not _holds_length(setup):
        return np.zeros(len(shape))
    step = 1e-4 * np.eye(len(shape))
    ends = [[_fixed_length(setup, shape + sign * row) for row in step] for sign in (1, -1)]
    return np.asarray(np.log(ends[0]) - np.log(ends[1])) / 2e-4


def _keep_length(setup: Setup, first: Floats, shape: Floats) -> Floats:
    """Return the shape with the size at which the fixed length is that of the `first` shape."""
    shape = shape.copy()
    if _holds_length(setup):
        excess = _fixed_length(setup, shape) / _fixed_length(setup, first)
        shape[setup.body.shape_space.names.index("size")] -= np.log(excess)
    return shape


def _whitening(arrays: BodyArrays, views: Views, points: Points, poses: PoseArrays) -> Floats:
    out = np.zeros((len(points.xy), *points.covariance.shape[1:]))
    for t in range(len(out)):
        information_of(arrays, views, points.covariance[t], poses.place[t], out[t])
    return out


def _shared_rows(
    points: Points, whitening: Floats, setup: Setup, animal: Animal, arrays: BodyArrays,
    views: Views, moved: terms.Motion,
) -> Floats:  # fmt: skip
    """Return how the whitened residuals move with shape and offsets: (T, R, S + 3 M)."""
    marks = animal_marks(setup, animal)
    growth = geometry_jacobian(setup.body, marks, animal.shape, moved)
    frames, count = len(points.xy), growth.shape[-1]
    # the same chain rule as for the pose: put the marks' growth where their velocity stands
    bare = terms.Motion(
        moved.rotation, moved.joint, np.zeros((*moved.turn.shape[:3], 1)),
        np.zeros((*moved.velocity.shape[:3], 1)), moved.angle,
    )  # fmt: skip
    slopes = terms.image_slopes(arrays, views, points.xy, whitening, bare)
    return np.asarray((slopes @ growth[:, None]).reshape(frames, -1, count))


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
