"""Placing: a first pose where a track starts or breaks, from a few headings.

Each heading is a body in its mean pose, turned about the line of sight and tilted towards it. All
are fitted with the pose held, a few steps suffice, and the best two go on to the full fit.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mousepose.fit.arrays import TERMS, BodyArrays, Points, PoseArrays, Views, Weights
from mousepose.fit.solver import fit_frames
from mousepose.geometry import rotation
from mousepose.types import Floats, Ints

Bools = NDArray[np.bool_]

#: rad by which the body's up is tipped from the line of sight: seen from the side to from above.
_TILTS = (0.5 * np.pi, 0.75 * np.pi, np.pi)
_YAWS = 4
_HELD_STEPS = 5
_KEPT = 2


def fit_each(
    body: BodyArrays, views: Views, weights: Weights, points: Points, poses: PoseArrays,
    iterations: int, chained: Bools | None = None,
) -> tuple[Floats, Ints]:  # fmt: skip
    """Improve poses in place, every frame alone; return cost by term (T, 4) and steps (T,).

    Frames that are `chained` (T,) start where the frame before them ended.
    """
    frames = len(poses.place)
    terms, tried = np.zeros((frames, len(TERMS))), np.zeros(frames, np.int64)
    fit_frames(
        body, views, weights, points, poses.place.copy(), poses, iterations, terms, tried,
        np.zeros((0, 0, 0)), np.zeros((0, 0)),
        np.zeros(frames, bool) if chained is None else chained,
    )  # fmt: skip
    return terms, tried


def weigh_each(
    body: BodyArrays, views: Views, weights: Weights, points: Points, depth_from: Floats,
    poses: PoseArrays,
) -> tuple[Floats, Floats, Floats]:  # fmt: skip
    """Return every pose's cost by term (T, 4), normal matrix (T, n, n) and gradient (T, n)."""
    frames, n = len(poses.place), 6 + poses.z.shape[1]
    terms, tried = np.zeros((frames, len(TERMS))), np.zeros(frames, np.int64)
    hessians, gradients = np.zeros((frames, n, n)), np.zeros((frames, n))
    fit_frames(
        body, views, weights, points, depth_from, poses, 0, terms, tried, hessians, gradients,
        np.zeros(frames, bool),
    )  # fmt: skip
    return terms, hessians, gradients


def place(
    body: BodyArrays, views: Views, weights: Weights, points: Points, axes: Floats, iterations: int
) -> tuple[PoseArrays, Floats, Ints]:
    """Return the best pose of every frame from a few headings, its cost by term and its steps.

    `axes` (3, 3) are the animal's forward, left and up in rest axes, by rows.
    """
    frames = len(points.xy)
    headings = _headings(axes)
    starts = _starts(body, views, points, headings)
    many = Points(
        np.repeat(points.xy, len(headings), axis=0),
        np.repeat(points.covariance, len(headings), axis=0),
    )
    held = body._replace(basis=body.basis[..., :0])
    stiff = PoseArrays(starts.rotation, starts.place, starts.z[:, :0])
    terms, _ = fit_each(held, views, weights, many, stiff, _HELD_STEPS)
    order = np.argsort(terms.sum(1).reshape(frames, -1), axis=1, kind="stable")[:, :_KEPT]
    best = (np.arange(frames)[:, None] * len(headings) + order).ravel()
    poses = PoseArrays(stiff.rotation[best], stiff.place[best], starts.z[best])
    both = Points(many.xy[best], many.covariance[best])
    terms, tried = fit_each(body, views, weights, both, poses, iterations)
    winner = np.argmin(terms.sum(1).reshape(frames, -1), axis=1)
    chosen = np.arange(frames) * order.shape[1] + winner
    return poses.take(chosen), terms[chosen], tried[chosen]


def _headings(axes: Floats) -> Floats:
    """Return rotations (H, 3, 3) from rest axes to a camera's."""
    yaws = np.arange(_YAWS) * 2 * np.pi / _YAWS
    tilt = np.array([[t, 0, 0] for t in _TILTS for _ in yaws])
    yaw = np.array([[0, 0, y] for _ in _TILTS for y in yaws])
    return np.asarray(rotation.exp(tilt) @ rotation.exp(yaw) @ axes)


def _starts(body: BodyArrays, views: Views, points: Points, headings: Floats) -> PoseArrays:
    """Return poses (T H) that cover the points as seen by the camera with most of them.

    The distance follows from the spread of the points in the image and of the marks on the body.
    """
    frames = len(points.xy)
    seen = np.isfinite(points.xy[..., 0])
    view = seen.sum(-1).argmax(1)
    xy = points.xy[np.arange(frames), view]
    known = seen[np.arange(frames), view]
    count = np.maximum(known.sum(1), 1)
    flat = np.where(known[..., None], xy, 0.0)
    centre = flat.sum(1) / count[:, None]
    spread = np.where(known[..., None], xy - centre[:, None], 0.0)
    image_size = np.sqrt((spread**2).sum((1, 2)) / count)
    marks = _rest_marks(body)
    middle = np.where(known[..., None], marks, 0.0).sum(1) / count[:, None]
    apart = np.where(known[..., None], marks - middle[:, None], 0.0)
    # seen from any side, a body shows two thirds of its variance on average
    body_size = np.sqrt((apart**2).sum((1, 2)) / count * (2 / 3))
    depth = body_size / np.maximum(image_size, 1e-6)
    target = np.concatenate([centre, np.ones((frames, 1))], 1) * depth[:, None]
    turn, shift = views.rotation[view], views.translation[view]
    world = np.einsum("tji,tj->ti", turn, target - shift)
    facing = np.einsum("tji,hjk->thik", turn, headings)
    place_ = world[:, None] - np.einsum("thik,tk->thi", facing, middle)
    total = frames * len(headings)
    return PoseArrays(
        np.ascontiguousarray(facing.reshape(total, 3, 3)),
        np.ascontiguousarray(place_.reshape(total, 3)),
        np.zeros((total, body.basis.shape[2])),
    )


def _rest_marks(body: BodyArrays) -> Floats:
    """Return the marks (M, 3) of the mean pose, relative to the root."""
    turns = [np.eye(3)]
    joints = [np.zeros(3)]
    local = rotation.exp(body.mean)
    for j in range(1, len(body.parent)):
        turns.append(turns[body.parent[j]] @ local[j])
        joints.append(joints[body.parent[j]] + turns[j] @ body.bone[j])
    bone = body.mark_bone
    return np.stack(joints)[bone] + (np.stack(turns)[bone] @ body.mark_offset[..., None])[..., 0]
