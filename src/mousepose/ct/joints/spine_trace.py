"""The spine from the skull to the tail: the way that stays in bone and bends little."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from mousepose.ct.joints.joints_field import BoneField
from mousepose.types import Floats, Ints

#: Length of one step of the search, mm.
_STEP_MM = 1.5
#: The sharpest bend per step, degrees; the neck of a mouse at rest turns by 15 to 20 per 1.5 mm.
_BEND_DEG = 30.0
#: Cost of bends: this for a whole `_BEND_DEG` at a step, in units of full bone.
_BEND_COST = 0.45
#: Ways kept at every step, no two of them in the same cell of this size (mm) and direction.
_KEPT = 500
_LOOKED_AT = 40 * _KEPT
_CELL_MM = 1.2
#: Density at which bone counts as full: a lumbar vertebra has 0.8, a tail vertebra 0.4.
_FULL = 0.4
#: The way ends where the mean over so many steps falls below this share of full bone.
_END_STEPS = 3
_END_SHARE = 0.25
_LONGEST_MM = 190.0
#: Over its first mm the way leads so far away from its start: it does not run round the skull.
_AWAY_MM, _AWAY_SHARE = 30.0, 0.6


@dataclass(frozen=True, eq=False)
class Way:
    """A traced way: `points` (N, 3) mm, evenly spaced, and the `density` (N,) of bone there."""

    points: Floats
    density: Floats


def trace(field: BoneField, start: Floats, heading: Floats) -> Way:
    """Return the best way from `start` (3,) mm, setting out within 75 degrees of `heading` (3,)."""
    fan = _fan(400)
    position, direction = np.repeat(start[None], 1, axis=0), heading[None] / np.linalg.norm(heading)
    total = np.zeros(1)
    history: list[tuple[Floats, Floats, Ints]] = [
        (position, np.zeros(1), np.zeros(1, dtype=np.int64))
    ]
    best_end, best_total = (0, 0), -np.inf
    for step in range(int(_LONGEST_MM / _STEP_MM)):
        limit = np.cos(np.deg2rad(75.0 if step == 0 else _BEND_DEG))
        cosine = direction @ fan.T
        row, column = np.nonzero(cosine >= limit)
        end = position[row] + _STEP_MM * fan[column]
        bone = np.minimum(field.along(position[row], end, 3)[:, 1:].mean(axis=1) / _FULL, 1.0)
        bend = np.arccos(np.clip(cosine[row, column], -1, 1)) / np.deg2rad(_BEND_DEG)
        cost = _BEND_COST * bend**2 if step else 0.0 * bend
        score = total[row] + bone - cost
        gone = min((step + 1) * _STEP_MM, _AWAY_MM)
        score[np.linalg.norm(end - start, axis=1) < _AWAY_SHARE * gone - _STEP_MM] = -np.inf
        kept = _best(score, end, fan[column])
        if not len(kept):
            break
        back = row[kept]
        position, direction, total = end[kept], fan[column[kept]], score[kept]
        history.append((position, bone[kept], back))
        # every step costs: a way goes on only where there is bone
        ends = total - _END_SHARE * 2 * (step + 1)
        if ends.max() > best_total:
            best_total, best_end = float(ends.max()), (len(history) - 1, int(np.argmax(ends)))
    return _walk_back(history, *best_end)


def _best(score: Floats, end: Floats, heading: Floats) -> Ints:
    """Return the rows of the best ways, one per cell and rough direction."""
    good = np.flatnonzero(np.isfinite(score))
    if len(good) > _LOOKED_AT:
        good = good[np.argpartition(-score[good], _LOOKED_AT)[:_LOOKED_AT]]
    order = good[np.argsort(-score[good], kind="stable")]
    cell = np.round(end[order] / _CELL_MM).astype(np.int64)
    turn = np.round(heading[order] * 1.2).astype(np.int64)
    # one number for each cell and direction: sorting rows takes ten times as long
    sides = np.concatenate([cell - cell.min(axis=0), turn + 2], axis=1) if len(order) else cell
    place = np.ravel_multi_index(tuple(sides.T), tuple(sides.max(axis=0) + 1)) if len(order) else ()
    _, first = np.unique(place, return_index=True)
    return np.asarray(order[np.sort(first)[:_KEPT]], dtype=np.int64)


def _walk_back(history: list[tuple[Floats, Floats, Ints]], step: int, place: int) -> Way:
    points, density = [], []
    while step >= 0:
        position, bone, back = history[step]
        points.append(position[place])
        density.append(bone[place])
        place = int(back[place])
        step -= 1
    return Way(np.array(points[::-1]), np.array(density[::-1]))


def centred(field: BoneField, way: Way, rounds: int = 4) -> Way:
    """Return a way drawn to the middle of the bone it runs in, smooth, its points evenly spaced.

    Each point goes to the middle of the bone in the disc about it, by mean shift; what lies near
    the way counts most, so that the vertebral bodies do and not their processes.
    """
    points = resampled(way.points, 1.0)
    ring = np.arange(-1.6, 1.61, 0.4)
    first, second = (side.ravel() for side in np.meshgrid(ring, ring))
    kernel = np.exp(-(first**2 + second**2) / (2 * 0.8**2))
    for _ in range(rounds):
        tangent = np.gradient(points, axis=0)
        tangent /= np.linalg.norm(tangent, axis=1, keepdims=True)
        one = np.cross(tangent, np.eye(3)[np.argmin(np.abs(tangent), axis=1)])
        one /= np.linalg.norm(one, axis=1, keepdims=True)
        two = np.cross(tangent, one)
        shift = first[:, None] * one[:, None] + second[:, None] * two[:, None]  # (N, D, 3)
        weight = field.at(points[:, None] + shift) ** 2 * kernel
        mass = weight.sum(axis=1, keepdims=True)
        moved = points + (weight[..., None] * shift).sum(axis=1) / np.maximum(mass, 1e-3)
        points = resampled(ndimage.gaussian_filter1d(moved, 1.5, axis=0, mode="nearest"), 1.0)
    return Way(points, np.minimum(field.at(points) / _FULL, 1.0))


def resampled(points: Floats, step: float) -> Floats:
    """Return points on the polyline `points` (N, 3), `step` mm apart."""
    length = np.r_[0.0, np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))]
    at = np.arange(0.0, length[-1] + 1e-9, step)
    return np.stack([np.interp(at, length, points[:, k]) for k in range(3)], axis=1)


def _fan(count: int) -> Floats:
    """Return unit vectors (N, 3) spread evenly over the sphere (Fibonacci's lattice)."""
    index = np.arange(count) + 0.5
    polar = np.arccos(1 - 2 * index / count)
    turn = np.pi * (1 + 5**0.5) * index
    return np.stack(
        [np.cos(turn) * np.sin(polar), np.sin(turn) * np.sin(polar), np.cos(polar)], axis=1
    )
