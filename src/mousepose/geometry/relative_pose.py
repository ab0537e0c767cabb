"""Where a second camera stands to a first one, up to scale, from points that both saw.

The robust epipolar cost is minimised from many random starts at once, over turn and direction (five
numbers), so that points near a plane, at which the linear eight-point method fails, do no harm
(Hartley & Zisserman, Multiple View Geometry, section 11.4.3: Sampson's distance). Knows no mice.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from mousepose.geometry import rotation
from mousepose.types import Floats

_STARTS, _KEPT = 300, 24
#: Points that the first search looks at: more cost time and do not move the answer far.
_FEW_POINTS = 250
_COARSE_STEPS, _FINE_STEPS = 14, 25
#: Normalised units: a start's epipolar lines are this far off at first.
_FIRST_SCALE = 0.1
#: Answers whose turns (rad) and directions differ by less are one.
_SAME = 0.03
_DAMPING = 1e-3


class RelativePoses(NamedTuple):
    """Poses (P, 4, 4) of the second camera, `T_second_first` with a shift of length 1; best first.

    `cost` (P,) is the mean truncated squared epipolar distance, in units of the noise.
    """

    transforms: Floats
    cost: Floats


def relative_poses(first: Floats, second: Floats, noise: float, seed: int = 0) -> RelativePoses:
    """Return poses that explain points (N, 2) x/z, y/z of two cameras without distortion.

    `noise` is the standard deviation of the points. Turn and direction follow from epipolar lines
    alone: each comes with the three others that have the same lines.
    """
    random = np.random.default_rng(seed)
    one, two = _rays(first), _rays(second)
    few = random.permutation(len(one))[:_FEW_POINTS]
    turns = rotation.exp(_random_turns(random, _STARTS))
    ways = random.normal(size=(_STARTS, 3))
    ways /= np.linalg.norm(ways, axis=1, keepdims=True)
    scales = np.geomspace(_FIRST_SCALE, 4 * noise, _COARSE_STEPS)
    for scale in scales:
        turns, ways = _step(turns, ways, one[few], two[few], scale)
    best = np.argsort(_cost(turns, ways, one[few], two[few], 3 * noise))[:_KEPT]
    turns, ways = turns[best], ways[best]
    for scale in np.geomspace(4 * noise, 2 * noise, _FINE_STEPS):
        turns, ways = _step(turns, ways, one, two, scale)
    cost = _cost(turns, ways, one, two, 3 * noise)
    return _different(turns, ways, cost)


def same_lines(T_second_first: Floats) -> Floats:
    """Return the four poses (4, 4, 4) that have the same epipolar lines as one (4, 4)."""
    turn, way = T_second_first[:3, :3], T_second_first[:3, 3]
    about = 2 * np.outer(way, way) - np.eye(3)  # half a turn about the way between the cameras
    poses = np.tile(np.eye(4), (4, 1, 1))
    for pose, (side, twisted) in zip(poses, ((1, 0), (-1, 0), (1, 1), (-1, 1)), strict=True):
        pose[:3, :3] = about @ turn if twisted else turn
        pose[:3, 3] = side * way
    return poses


def _random_turns(random: np.random.Generator, count: int) -> Floats:
    """Return axis-angle vectors (N, 3) of turns evenly spread over all there are."""
    quaternions = random.normal(size=(count, 4))
    quaternions /= np.linalg.norm(quaternions, axis=1, keepdims=True)
    axis = quaternions[:, 1:]
    length = np.linalg.norm(axis, axis=1, keepdims=True)
    return np.asarray(axis / length * 2 * np.arctan2(length, quaternions[:, :1]))


def _rays(normalised: Floats) -> Floats:
    return np.column_stack([normalised, np.ones(len(normalised))])


def _sampson(turns: Floats, ways: Floats, one: Floats, two: Floats) -> tuple[Floats, ...]:
    """Return residuals (S, N), their length to divide by, and the vectors of the derivatives."""
    turned = one @ np.swapaxes(turns, 1, 2)  # (S, N, 3)
    across = np.cross(two[None], ways[:, None])  # two . (t x v) = (two x t) . v
    error = (across * turned).sum(axis=-1)
    line_two = np.cross(ways[:, None], turned)  # E one
    line_one = across @ turns  # E^T two
    length = np.sqrt((line_two[..., :2] ** 2).sum(-1) + (line_one[..., :2] ** 2).sum(-1))
    return error, np.maximum(length, 1e-12), turned, across


def _cost(turns: Floats, ways: Floats, one: Floats, two: Floats, limit: float) -> Floats:
    """Return the mean (S,) of squared distances, truncated, in units of the limit squared."""
    error, length, _, _ = _sampson(turns, ways, one, two)
    return np.asarray(np.minimum((error / length / limit) ** 2, 1.0).mean(axis=1))


def _step(
    turns: Floats, ways: Floats, one: Floats, two: Floats, scale: float
) -> tuple[Floats, Floats]:
    """Return turns (S, 3, 3) and ways (S, 3) after a Gauss-Newton step of Geman and McClure's loss.

    The length that divides the error is held in the step.
    """
    error, length, turned, across = _sampson(turns, ways, one, two)
    residual = error / length
    weight = (1 + (residual / scale) ** 2) ** -2
    slope = np.concatenate([np.cross(turned, across), np.cross(turned, two[None])], axis=-1)
    slope /= length[..., None]
    weighted = slope * weight[..., None]
    normal = np.swapaxes(weighted, 1, 2) @ slope
    gradient = (np.swapaxes(weighted, 1, 2) @ residual[..., None])[..., 0]
    size = np.trace(normal, axis1=1, axis2=2)[:, None, None] / 6
    normal = normal + _DAMPING * size * np.eye(6)
    normal[:, 3:, 3:] += size * ways[:, :, None] * ways[:, None, :]  # the length stays
    moves = -np.linalg.solve(normal + 1e-30 * np.eye(6), gradient[..., None])[..., 0]
    far = np.maximum(np.linalg.norm(moves, axis=1, keepdims=True) / 0.5, 1.0)
    moves = moves / far
    ways = ways + moves[:, 3:]
    return (
        rotation.exp(moves[:, :3]) @ turns,
        ways / np.linalg.norm(ways, axis=1, keepdims=True),
    )


def _different(turns: Floats, ways: Floats, cost: Floats) -> RelativePoses:
    """Return the answers, best first, whose epipolar lines are not those of a better one."""
    kept: list[int] = []
    matrices = np.cross(ways[:, :, None], turns, axis=1)  # [t]x R
    matrices /= np.linalg.norm(matrices, axis=(1, 2), keepdims=True)
    for place in np.argsort(cost).tolist():
        alike = [abs((matrices[place] * matrices[other]).sum()) for other in kept]
        if max(alike, default=0.0) < np.cos(_SAME):
            kept.append(place)
    transforms = np.tile(np.eye(4), (len(kept), 1, 1))
    transforms[:, :3, :3], transforms[:, :3, 3] = turns[kept], ways[kept]
    return RelativePoses(transforms, cost[kept])
