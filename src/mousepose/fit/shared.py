"""What all frames of a recording share, bone lengths and mark offsets, as one linear system.

Every frame's own variables are eliminated from the joint normal equations (Schur complement), so
that a step of the shared ones knows what the poses would do.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from mousepose.fit import terms
from mousepose.fit.arrays import BodyArrays, Points, PoseArrays, Views
from mousepose.fit.energy import information_of
from mousepose.fit.learn import geometry_jacobian
from mousepose.fit.setup import Animal, Setup, animal_marks, body_arrays
from mousepose.types import Floats

#: A precision from which a variable does not move at all.
FIXED = 1e12
#: Standard deviation of the logarithm of size where cameras or floor show it.
_FREE_SIZE_SD = 0.3
#: Scales that are a length of the animal itself; its size makes up for what other bones change.
_LENGTHS = ("body_length", "bone")


class SharedSystem(NamedTuple):
    """The normal equations of shape and offsets (S + 3 M), summed over frames, poses eliminated.

    `pull` are the whitened image residuals (T, R) with their derivative by the poses, robust
    weights on; `covariance` (T, n, n) is every frame's own, the shared variables held.
    """

    hessian: Floats
    gradient: Floats
    pull: terms.Residuals
    covariance: Floats


def shared_system(points: Points, setup: Setup, animal: Animal, poses: PoseArrays) -> SharedSystem:
    """Return the Gauss-Newton system of what frames at their best poses share."""
    views, weights = setup.views(), setup.weights()
    arrays = body_arrays(setup, animal)
    moved = terms.motion(arrays, poses)
    whitening = _whitening(arrays, views, points, poses)
    data = terms.reprojection(arrays, views, points.xy, whitening, moved)
    pull = terms.robust(data, weights.robust)
    scale = np.divide(pull.value, data.value, out=np.ones_like(data.value), where=data.value != 0)
    shared = _shared_rows(points, whitening, setup, animal, arrays, views, moved)
    shared = shared * scale[..., None]
    rows = [pull, terms.prior(poses, weights.prior)]
    if weights.limit:
        rows.append(terms.limits(arrays, weights.limit, moved))
    if views.floor_known:
        rows.append(terms.floor(arrays, views, weights.penetration, weights.contact, moved))
    own = sum(np.swapaxes(t.jacobian, 1, 2) @ t.jacobian for t in rows)
    covariance = np.linalg.inv(own + 1e-6 * np.eye(pull.jacobian.shape[-1]))
    gradient = sum((t.value[:, None] @ t.jacobian)[:, 0] for t in rows)
    cross = np.swapaxes(pull.jacobian, 1, 2) @ shared
    eliminated = covariance @ cross
    flat = shared.reshape(-1, shared.shape[-1])
    return SharedSystem(
        flat.T @ flat - np.tensordot(cross, eliminated, ((0, 1), (0, 1))),
        flat.T @ pull.value.ravel() - np.einsum("tni,tn->i", eliminated, gradient),
        pull,
        np.asarray(covariance, np.float64),
    )


def shape_precision(setup: Setup) -> Floats:
    """Return the prior precision (S,) of the shape: a size that the scale fixes does not move.

    Where the scale is a length, `length_slope` holds that instead.
    """
    space = setup.body.shape_space
    shape = 1 / space.sd**2
    for s, name in enumerate(space.names):
        if name == "size" and setup.size_is_free:
            shape[s] = _FREE_SIZE_SD**-2
        elif name == "size" and setup.scale.kind not in _LENGTHS:
            shape[s] = FIXED
    if setup.scale.kind == "model":
        shape[:] = FIXED
    if not setup.config.animal_shape:  # then only the size that the scale asks for is learned
        shape[np.array(space.names) != "size"] = FIXED
    return np.asarray(shape)


def length_slope(setup: Setup, shape: Floats) -> Floats:
    """Return how the logarithm of the fixed length moves with the shape (S,); 0 if none is."""
    if not _holds_length(setup):
        return np.zeros(len(shape))
    step = 1e-4 * np.eye(len(shape))
    ends = [[_fixed_length(setup, shape + sign * row) for row in step] for sign in (1, -1)]
    return np.asarray(np.log(ends[0]) - np.log(ends[1])) / 2e-4


def keep_length(setup: Setup, first: Floats, shape: Floats) -> Floats:
    """Return the shape with the size at which the fixed length is that of the `first` shape."""
    shape = shape.copy()
    if _holds_length(setup):
        excess = _fixed_length(setup, shape) / _fixed_length(setup, first)
        shape[setup.body.shape_space.names.index("size")] -= np.log(excess)
    return shape


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
