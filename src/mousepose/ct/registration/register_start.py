"""Where a template lies in a scan before it bends: a similarity, from points or from nothing."""

from __future__ import annotations

import itertools

import numpy as np

from mousepose.ct.registration.register_match import Cloud, match
from mousepose.ct.registration.register_types import Similarity
from mousepose.ct.types import NamedPoints
from mousepose.errors import InputError
from mousepose.geometry import rotation
from mousepose.types import Floats

#: How many points of the template are tried in how many starts, for how many steps, first and last.
_ROUGH_POINTS, _ROUGH_STEPS = 250, 12
_FINE_POINTS, _FINE_STEPS = 1000, 25
#: Of every trial so many go on; there are more trials as long as none finds this share a place.
_KEPT, _TRIALS, _GOOD_SHARE = 5, 6, 0.5
#: Turns of the template about its own axes, beside those that lay axes on axes.
_RANDOM_TURNS = 100
#: A step in which a smaller share of the template finds a place is not taken.
_LEAST_SHARE = 0.05
#: A mouse is not more than this much larger or smaller than another.
_LARGEST_SCALE = 1.35


def fit_similarity(
    points: Floats, goals: Floats, weights: Floats | None = None, *, scaled: bool = True
) -> Similarity:
    """Return the similarity, no mirror, that brings `points` (N, 3) nearest to `goals` (N, 3).

    Umeyama, Least-squares estimation of transformation parameters between two point patterns
    (1991). With `scaled` off it is a rigid motion.
    """
    weight = np.ones(len(points)) if weights is None else weights
    weight = weight / max(weight.sum(), 1e-12)
    middle, goal = weight @ points, weight @ goals
    here, there = points - middle, goals - goal
    left, singular, right = np.linalg.svd((weight[:, None] * there).T @ here)
    sign = np.array([1.0, 1.0, np.sign(np.linalg.det(left @ right)) or 1.0])
    rotation = (left * sign) @ right
    spread = float(weight @ (here**2).sum(axis=1))
    scale = float((singular * sign).sum() / max(spread, 1e-12)) if scaled else 1.0
    return Similarity(rotation, scale, goal - scale * rotation @ middle)


def start_from_points(template: NamedPoints, target: NamedPoints) -> Similarity:
    """Return the similarity of the points that both have.

    Raises `InputError` where fewer than three are known in both.
    """
    common = [name for name in template.names if name in target.names]
    here = template.points[[template.names.index(name) for name in common]].reshape(-1, 3)
    there = target.points[[target.names.index(name) for name in common]].reshape(-1, 3)
    known = np.isfinite(here).all(axis=1) & np.isfinite(there).all(axis=1)
    if known.sum() < 3:
        raise InputError(
            f"template and scan have {known.sum()} points of the same name that are known in both; "
            "expected at least 3 (give points of the same names, or none at all)"
        )
    return fit_similarity(here[known], there[known])


def find_start(template: Cloud, target: Cloud, size: float) -> tuple[Similarity, float]:
    """Return the similarity that lays most of the template on the scan, and which share that is.

    Nothing need be known: principal axes in every order and sense, and turns at random, each moved
    by trimmed closest points (Chetverikov, Stepanov, Krsek, Robust Euclidean alignment of 3D point
    sets, 2005). The scan may hold much that the template does not. `size` mm is the root mean
    square distance of the template's points from their middle.
    """
    random = np.random.default_rng(0)
    rough, fine = (_thin(template, count, random) for count in (_ROUGH_POINTS, _FINE_POINTS))
    coarse = _thin(target, 12 * _ROUGH_POINTS, random)
    best: tuple[float, Similarity] = (-1.0, Similarity(np.eye(3), 1.0, np.zeros(3)))
    for trial in range(_TRIALS):
        turns = _first_turns(template.points, target.points, random)
        if trial == 0:
            goals = np.repeat(np.median(target.points, axis=0)[None], len(turns), axis=0)
        else:  # where in the scan it lies is not known either
            goals = random.choice(coarse.points, (len(turns), 2)).mean(axis=1)
        starts, scores = _all_closest(rough, coarse, turns, goals, size)
        for index in np.argsort(scores)[::-1][:_KEPT]:
            reach = size * np.geomspace(0.4, 0.1, _FINE_STEPS)
            found = _closest(fine, target, starts[index], reach, scaled=True)
            best = max(best, (_share(fine, target, found, 0.1 * size), found), key=lambda b: b[0])
        if best[0] > _GOOD_SHARE:
            break
    return best[1], best[0]


def _thin(cloud: Cloud, count: int, random: np.random.Generator) -> Cloud:
    if len(cloud.points) <= count:
        return cloud
    chosen = random.choice(len(cloud.points), count, replace=False)
    return Cloud(cloud.points[chosen], cloud.normals[chosen])


def _first_turns(points: Floats, goals: Floats, random: np.random.Generator) -> Floats:
    """Return rotations (S, 3, 3) to start with: axes on axes, and turns at random."""
    here = np.linalg.svd(points - points.mean(axis=0), full_matrices=False)[2]
    there = np.linalg.svd(goals - goals.mean(axis=0), full_matrices=False)[2]
    turns = []
    for order in ((0, 1, 2), (1, 0, 2), (0, 2, 1)):
        for one, two in itertools.product((1, -1), repeat=2):
            axes = there[list(order)] * np.array([[one], [two], [1.0]])
            axes[2] *= np.sign(np.linalg.det(axes.T @ here))
            turns.append(axes.T @ here)
    quaternions = random.normal(size=(_RANDOM_TURNS, 4))
    return np.concatenate([np.array(turns), rotation.from_quaternion(quaternions)])


def _all_closest(
    points: Cloud, target: Cloud, turns: Floats, goals: Floats, size: float
) -> tuple[list[Similarity], Floats]:
    """Return where closest points lead from every turn (S, 3, 3), and what share finds a place.

    The template's middle begins at `goals` (S, 3). All starts go together, by rigid motions: what
    would take each a call of its own takes one.
    """
    count, middle = len(turns), points.points.mean(axis=0)
    arms = points.points - middle
    shifts = goals  # of the template's middle
    turns = turns.copy()
    for reach in (*size * np.geomspace(1.0, 0.3, _ROUGH_STEPS), 0.15 * size):
        moved = np.einsum("sij,pj->spi", turns, arms) + shifts[:, None]
        normals = np.einsum("sij,pj->spi", turns, points.normals)
        found = match(
            Cloud(moved.reshape(-1, 3), normals.reshape(-1, 3)), target,
            reach=float(reach), least_cosine=0.2, candidates=3,
        )  # fmt: skip
        weight = found.weights.reshape(count, -1)
        goals = np.where(weight[..., None] > 0, found.goals.reshape(moved.shape), 0.0)
        total = np.maximum(weight.sum(axis=1), 1e-9)[:, None]
        here = np.einsum("sp,pi->si", weight, arms) / total
        there = np.einsum("sp,spi->si", weight, goals) / total
        cross = np.einsum("sp,spi,pj->sij", weight, goals - there[:, None], arms)
        left, _, right = np.linalg.svd(cross)
        left[..., 2] *= np.sign(np.linalg.det(left @ right))[:, None]
        lost = total[:, 0] < _LEAST_SHARE * len(arms)
        turns = np.where(lost[:, None, None], turns, left @ right)
        step = there - np.einsum("sij,sj->si", turns, here)
        shifts = np.where(lost[:, None], shifts, step)
    starts = [
        Similarity(turn, 1.0, shift - turn @ middle)
        for turn, shift in zip(turns, shifts, strict=True)
    ]
    return starts, weight.mean(axis=1)


def _closest(
    points: Cloud, target: Cloud, start: Similarity, reaches: Floats, *, scaled: bool
) -> Similarity:
    """Return where iterated closest points lead, at shorter and shorter reach."""
    found = start
    for reach in reaches:
        moved = Cloud(found.apply(points.points), found.turn(points.normals))
        matches = match(moved, target, reach=float(reach), least_cosine=0.2, candidates=3)
        if matches.weights.sum() < _LEAST_SHARE * len(moved.points):
            continue
        found = fit_similarity(points.points, matches.goals, matches.weights, scaled=scaled)
        scale = float(np.clip(found.scale, 1 / _LARGEST_SCALE, _LARGEST_SCALE))
        if scale != found.scale:
            found = start
    return found


def _share(points: Cloud, target: Cloud, place: Similarity, near: float) -> float:
    """Return which share of the points lies within about `near` mm of the scan and faces alike."""
    moved = Cloud(place.apply(points.points), place.turn(points.normals))
    return float(match(moved, target, reach=near, least_cosine=0.5).weights.mean())
