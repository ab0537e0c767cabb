"""The pose of a camera, and its focal length and lens, from a few corners of a known body.

Many starts at once, each refined by Levenberg and Marquardt's method with analytic derivatives: a
few points have several nearly right answers (a plane seen from afar even two nearly equal ones),
and from starts all around the body the best one is found without knowing which points lie in a
plane. A start is a direction of view and a focal length; the turn in the image, the size and the
place are those of the best similarity (weak perspective).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from mousepose.geometry import rotation
from mousepose.types import Floats, Ints

_ELEVATIONS_DEG = (12.0, 35.0, 60.0, 85.0)
_AZIMUTHS = 10
#: Focal lengths to start from, in image widths: fields of view of 90, 45 and 23 degrees.
_FOCALS = (0.5, 1.2, 2.5)
#: They are needed where the focal length is less sure than this (of its logarithm).
_UNSURE = 0.2
#: A focal length beyond these image widths is no camera that watches a cage.
_LEAST_FOCAL, _LARGEST_FOCAL = 0.1, 30.0
_ITERATIONS = 60
#: After so many steps only the best few starts go on.
_TRIAL_ITERATIONS, _KEPT = 12, 6
_CONVERGED = 1e-9
#: Poses nearer to each other are the same: 1 + 2 cos(angle) of turns 3 degrees apart.
_SAME_FOCAL = 0.05  # of its logarithm
_SAME_TRACE = 1 + 2 * np.cos(np.deg2rad(3.0))
#: mm; nearer points have no image.
_NEAREST = 1.0

#: The columns of the derivative: turn (rad), shift (mm), log focal length, k1, principal point.
TURN, SHIFT, LOG_FOCAL, LENS, CENTRE = slice(0, 3), slice(3, 6), 6, 7, slice(8, 10)
PARAMETERS = 10


@dataclass(frozen=True, eq=False)
class Sight:
    """What is to be explained: `points` (N, 3) mm are seen at `pixels` (N, 2).

    `pixels` are those of a pinhole with square pixels, from its presumed principal point;
    `whiten` (N, 2, 2) turns a distance there into one in the image clicked on, whose noise is
    `noise_px` and whose width `width` px. `focal` px is the presumed focal length. `lens_sd` (4,)
    says how sure log focal length, k1 and principal point (px) are: the standard deviation of each
    about what is presumed (k1: 0), 0 where it is known.
    """

    points: Floats
    pixels: Floats
    whiten: Floats
    width: float
    focal: float
    lens_sd: Floats
    noise_px: float = 2.0

    @property
    def free(self) -> list[int]:
        """Return the columns of the parameters that are sought."""
        return [*range(6), *(LOG_FOCAL + np.flatnonzero(self.lens_sd > 0)).tolist()]

    @property
    def freedom(self) -> int:
        """Return how many more numbers are known than are sought."""
        presumed = np.count_nonzero(self.lens_sd)
        return 2 * len(self.points) + int(presumed) - len(self.free)


class Pose(NamedTuple):
    """Guesses (*B): rotation (*B, 3, 3), translation (*B, 3) mm, and of the lens (*B, 4).

    `lens` is the logarithm of the focal length over the presumed one, k1, and the principal point
    (px) from the presumed one.
    """

    rotation: Floats
    translation: Floats
    lens: Floats

    def at(self, index: int | Ints) -> Pose:
        """Return the guess at an index, or the guesses at several."""
        return Pose(*(field[index] for field in self))

    def moved(self, step: Floats) -> Pose:
        """Return the guesses after a step (*B, 10) of the parameters."""
        return Pose(
            rotation.exp(step[..., TURN]) @ self.rotation,
            self.translation + step[..., SHIFT],
            self.lens + step[..., LOG_FOCAL:],
        )


def solve(sight: Sight) -> tuple[Pose, Floats]:
    """Return the locally best poses (B), best first, and their costs (B,).

    The cost is the sum of squares of `residuals`.
    """
    pose = _starts(sight)
    pose, cost = _refine(sight, pose, _TRIAL_ITERATIONS)
    pose, cost = _refine(sight, pose.at(_different(pose, cost)), _ITERATIONS)
    different = _different(pose, cost)
    return pose.at(different), cost[different]


def residuals(sight: Sight, pose: Pose) -> tuple[Floats, Floats]:
    """Return (*B, 2N+4) clicks and what is presumed of the lens, and the derivative (.., 10).

    All are in units of their standard deviations; infinite where a point is not before the camera.
    """
    error, jacobian = _click_errors(sight, pose)
    batch = error.shape[:-1]
    sure = np.where(sight.lens_sd > 0, sight.lens_sd, np.inf)
    error = np.concatenate([error, pose.lens / sure], axis=-1)
    presumed = np.zeros((*batch, 4, PARAMETERS))
    presumed[..., LOG_FOCAL:] = np.diag(1 / sure)
    return error, np.concatenate([jacobian, presumed], axis=-2)


def _click_errors(sight: Sight, pose: Pose) -> tuple[Floats, Floats]:
    """Return image minus click (*B, 2N) in units of the noise, and the derivative (*B, 2N, 10)."""
    turned = sight.points @ np.swapaxes(pose.rotation, -1, -2)  # (*B, N, 3)
    placed = turned + pose.translation[..., None, :]
    depth = placed[..., 2:]
    behind = np.asarray((depth < _NEAREST).any(axis=(-1, -2)))
    depth = np.maximum(depth, _NEAREST)
    ray = placed[..., :2] / depth
    squared = (ray**2).sum(axis=-1, keepdims=True)
    focal = sight.focal * np.exp(pose.lens[..., 0, None, None])
    bend = pose.lens[..., 1, None, None]
    gain = focal * (1 + bend * squared)
    image = gain * ray
    off = image + pose.lens[..., None, 2:] - sight.pixels
    scaled = sight.whiten / sight.noise_px
    error = (scaled @ off[..., None])[..., 0].reshape(*off.shape[:-2], -1)

    identity = np.broadcast_to(np.eye(2), (*ray.shape, 2))
    outer = ray[..., :, None] * ray[..., None, :]
    by_ray = gain[..., None] * identity + 2 * (focal * bend)[..., None] * outer
    perspective = np.concatenate([identity, -ray[..., None]], axis=-1)
    by_place = by_ray @ perspective / depth[..., None]
    by_turn = by_place @ -rotation.skew(turned)
    by_lens = [image[..., None], (focal * ray * squared)[..., None], identity]
    jacobian = scaled @ np.concatenate([by_turn, by_place, *by_lens], axis=-1)
    jacobian = jacobian.reshape(*error.shape, PARAMETERS)
    return np.where(behind[..., None], np.inf, error), jacobian


def _starts(sight: Sight) -> Pose:
    """Return poses (B) all around the points, from above and below."""
    azimuth = 2 * np.pi * np.arange(_AZIMUTHS) / _AZIMUTHS
    elevation = np.deg2rad([*_ELEVATIONS_DEG, *(-e for e in _ELEVATIONS_DEG)])
    a, e = (grid.ravel() for grid in np.meshgrid(azimuth, elevation))
    outward = np.stack([np.cos(e) * np.cos(a), np.cos(e) * np.sin(a), np.sin(e)], axis=-1)
    ahead = -outward
    right = np.stack([-np.sin(a), np.cos(a), np.zeros_like(a)], axis=-1)
    looking = np.stack([right, np.cross(ahead, right), ahead], axis=-2)  # (D, 3, 3)
    focals = [sight.focal]
    if sight.lens_sd[0] > _UNSURE:
        focals = [sight.width * share for share in _FOCALS]
    parts = [_start(sight, looking, focal) for focal in focals]
    return Pose(*(np.concatenate(fields) for fields in zip(*parts, strict=True)))


def _start(sight: Sight, looking: Floats, focal: float) -> Pose:
    """Return the poses (D) that look along `looking` (D, 3, 3), by weak perspective."""
    middle, centre = sight.points.mean(axis=0), sight.pixels.mean(axis=0)
    seen = (sight.pixels - centre) @ [1, 1j]  # the plane of the image as complex numbers
    shown = (sight.points - middle) @ np.swapaxes(looking[:, :2], -1, -2) @ [1, 1j]
    similarity = (shown.conj() @ seen) / (np.abs(shown) ** 2).sum(axis=-1)
    angle, size = np.angle(similarity), np.maximum(np.abs(similarity), 1e-6)
    roll = rotation.exp(np.stack([np.zeros_like(angle), np.zeros_like(angle), angle], axis=-1))
    # What is seen off the axis is looked at along its own ray.
    ray = np.append(centre / focal, 1.0)
    axis = np.cross([0.0, 0.0, 1.0], ray)
    off = np.arctan2(np.linalg.norm(axis), 1.0)
    aim = rotation.exp(axis / max(float(np.linalg.norm(axis)), 1e-12) * off)
    turn = aim @ roll @ looking
    distance = focal / size * np.linalg.norm(ray)
    shift = (distance[:, None] * ray / np.linalg.norm(ray)) - turn @ middle
    lens = np.zeros((len(turn), 4))
    lens[:, 0] = np.log(focal / sight.focal)
    return Pose(turn, shift, lens)


def _refine(sight: Sight, pose: Pose, iterations: int) -> tuple[Pose, Floats]:
    """Return poses (B) and costs (B,) after so many damped steps; no step raises a cost."""
    free = sight.free
    error, jacobian = residuals(sight, pose)
    cost = (error**2).sum(axis=-1)
    damping = np.full(len(cost), 1e-3)
    for _ in range(iterations):
        step = np.zeros((len(cost), PARAMETERS))
        step[:, free] = _damped_step(error, jacobian[..., free], damping)
        tried = _bounded(sight, pose.moved(step))
        new_error, new_jacobian = residuals(sight, tried)
        with np.errstate(over="ignore"):
            new_cost = (new_error**2).sum(axis=-1)
        better = new_cost < cost
        settled = better & (new_cost >= (1 - _CONVERGED) * cost)
        pose = Pose(*(_choose(better, new, old) for new, old in zip(tried, pose, strict=True)))
        error = _choose(better, new_error, error)
        jacobian = _choose(better, new_jacobian, jacobian)
        cost = np.where(better, new_cost, cost)
        damping = np.clip(np.where(better, damping / 6, damping * 5), 1e-9, 1e9)
        if (settled | (damping >= 1e9) | ~np.isfinite(cost)).all():
            break
    return pose, cost


def _different(pose: Pose, cost: Floats) -> Ints:
    """Return the indices of the best few poses that are not the same one, best first."""
    kept: list[int] = []
    for index in np.argsort(cost).tolist():
        trace = np.einsum("bij,ij->b", pose.rotation[kept], pose.rotation[index])
        focal = np.abs(pose.lens[kept, 0] - pose.lens[index, 0])
        same = (trace > _SAME_TRACE) & (focal < _SAME_FOCAL)
        if not same.any():
            kept.append(index)
        if len(kept) == _KEPT:
            break
    return np.array(kept)


def _damped_step(error: Floats, jacobian: Floats, damping: Floats) -> Floats:
    transposed = np.swapaxes(jacobian, -1, -2)
    normal = transposed @ jacobian
    diagonal = np.einsum("bii->bi", normal)
    # The first term is Marquardt's; the second keeps a parameter that nothing shows from running.
    normal = normal + (damping[:, None] * diagonal + 1e-12)[..., None] * np.eye(normal.shape[-1])
    finite = np.where(np.isfinite(error), error, 0.0)
    return np.asarray(-np.linalg.solve(normal, transposed @ finite[..., None])[..., 0])


def _bounded(sight: Sight, pose: Pose) -> Pose:
    """Return the poses with focal lengths that a camera may have."""
    presumed = sight.focal / sight.width
    lens = pose.lens.copy()
    lens[..., 0] = np.clip(
        lens[..., 0], np.log(_LEAST_FOCAL / presumed), np.log(_LARGEST_FOCAL / presumed)
    )
    return pose._replace(lens=lens)


def _choose(better: Floats, new: Floats, old: Floats) -> Floats:
    return np.where(better.reshape(-1, *[1] * (new.ndim - 1)), new, old)
