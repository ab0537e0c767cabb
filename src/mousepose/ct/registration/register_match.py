"""Which place of a scanned surface belongs to a point of the template: near, and facing alike."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.spatial import cKDTree

from mousepose.ct.registration.deform import nearest
from mousepose.types import Floats

#: Of this many nearest places the one that lies nearest in place, facing and part is taken.
CANDIDATES = 5
#: Two places whose shares of parts overlap by less than this lie on different parts.
_LEAST_ALIKE = 0.3


@dataclass(frozen=True, eq=False)
class Cloud:
    """Points of a surface: `points` (N, 3) mm, unit `normals` (N, 3), `parts` (N, P) or none.

    `parts` says how much a point belongs to each part of the animal; rows sum to 1.
    """

    points: Floats
    normals: Floats
    parts: Floats | None = None

    @cached_property
    def tree(self) -> cKDTree:
        """Return the search tree of the points."""
        return cKDTree(self.points)


@dataclass(frozen=True, eq=False)
class Matches:
    """Where points should go: `goals` (V, 3) mm, `weights` (V,) 0-1, `distance` (V,) mm.

    `facing` (V,) is the cosine between the normals.
    """

    goals: Floats
    weights: Floats
    distance: Floats
    facing: Floats


def match(
    points: Cloud,
    target: Cloud,
    *,
    reach: float,
    least_cosine: float = 0.3,
    slide: float = 0.5,
    candidates: int = CANDIDATES,
) -> Matches:
    """Return the places of `target` that belong to `points`, at most `reach` mm away.

    Of the nearest `candidates` that is taken whose normal agrees best: a place that faces elsewhere
    counts as if it were farther by `reach` for a right angle. The weight is 0 where even that one
    faces away by more than `least_cosine`, lies farther than `reach` or on another part. `slide`
    0-1 is how much of the way along the surface is left out of the goal: 1 is point-to-plane.
    """
    distance, near = nearest(target.tree, points.points, candidates)
    facing = np.einsum("vi,vki->vk", points.normals, target.normals[near])
    cost = distance + reach * (1 - facing)
    alike = np.ones_like(cost)
    if points.parts is not None and target.parts is not None:
        alike = np.minimum(points.parts[:, None], target.parts[near]).sum(axis=2)
        cost = cost + 2 * reach * (1 - alike)
    rows, best = np.arange(len(near)), cost.argmin(axis=1)
    chosen, facing, distance = near[rows, best], facing[rows, best], distance[rows, best]
    good = (facing > least_cosine) & (distance < reach) & (alike[rows, best] > _LEAST_ALIKE)
    normals, way = target.normals[chosen], target.points[chosen] - points.points
    across = (way * normals).sum(axis=1, keepdims=True) * normals
    goals = points.points + (1 - slide) * way + slide * across
    # A smooth end to the reach: Tukey's weight, so that no match flips between all and nothing.
    weights = np.where(good, np.maximum(facing, 0) * (1 - (distance / reach) ** 2) ** 2, 0.0)
    return Matches(goals, weights, distance, facing)
