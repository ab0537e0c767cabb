"""One animal's shape and mark offsets from sampled frames, given how it bends.

Maximum a posteriori, by Gauss-Newton steps of what all frames share with the poses eliminated, each
followed by a new fit of the poses. The posterior covariance is Laplace's, the poses integrated out.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

from mousepose.fit.arrays import Points, PoseArrays
from mousepose.fit.offsets_ties import Ties
from mousepose.fit.place import fit_each
from mousepose.fit.setup import Animal, Setup, animal_marks, body_arrays
from mousepose.fit.shared import (
    FIXED,
    SharedSystem,
    keep_length,
    length_slope,
    shape_precision,
    shared_system,
)
from mousepose.types import Floats

_STEPS = 3
#: Shares of a step that are tried in turn until the energy falls.
_SHARES = (1.0, 0.5, 0.25, 0.1)
#: Observations, in effect, that the map's sigma of a mark is worth.
_SIGMA_COUNT = 8.0
#: mm; no mark is taken to be steadier than labels are.
_LEAST_SIGMA = 1.5


@dataclass(frozen=True, eq=False)
class SharedFit:
    """An animal, the poses of its frames, the covariance (G, G) of the free numbers of its offsets.

    `system` is the last linear system, in which every frame counts `worth`.
    """

    animal: Animal
    poses: PoseArrays
    covariance: Floats
    system: SharedSystem


@dataclass(frozen=True, eq=False)
class OffsetPrior:
    """What is believed of offsets beforehand: the guess, its SD in mm, which numbers may move."""

    ties: Ties
    guess: Floats
    sd: float
    free: NDArray[np.bool_]

    @property
    def precision(self) -> Floats:
        """Return the prior precision (G,) of the free numbers."""
        return np.where(self.free, self.sd**-2, FIXED)


@dataclass(frozen=True, eq=False)
class _Problem:
    """What is shared as one vector: shape (S) and free numbers of the offsets (G).

    `spread` turns its steps into those of the system, `start` and `precision` are its prior.
    """

    setup: Setup
    points: Points
    ties: Ties
    origin: Animal
    worth: float
    spread: Floats
    start: Floats
    precision: Floats

    @classmethod
    def of(
        cls, setup: Setup, points: Points, prior: OffsetPrior, origin: Animal, worth: float,
        first: Floats,
    ) -> _Problem:  # fmt: skip
        spread = scipy.linalg.block_diag(np.eye(len(first)), prior.ties.matrix)
        precision = np.r_[shape_precision(setup), prior.precision]
        start = np.r_[first, prior.guess]
        return cls(setup, points, prior.ties, origin, worth, spread, start, precision)

    @property
    def moving(self) -> NDArray[np.bool_]:
        """Return which variables move at all."""
        return self.precision < FIXED

    @property
    def shapes(self) -> int:
        """Return how many variables are the shape's; they come first."""
        return len(self.origin.shape)

    def animal(self, now: Floats) -> Animal:
        """Return the animal that a vector describes."""
        offset = self.ties.offsets(now[self.shapes :])
        return replace(self.origin, shape=now[: self.shapes], offset=offset)

    def energy(self, now: Floats, poses: PoseArrays) -> float:
        """Improve poses in place; return the energy."""
        setup = self.setup
        arrays, views = body_arrays(setup, self.animal(now)), setup.views()
        terms, _ = fit_each(
            arrays, views, setup.weights(), self.points, poses, setup.config.iterations
        )
        away = (now - self.start)[self.moving]
        return float(self.worth * terms.sum() + 0.5 * self.precision[self.moving] @ away**2)

    def system(self, now: Floats, poses: PoseArrays) -> SharedSystem:
        """Return the linear system at poses that have been improved."""
        return shared_system(self.points, self.setup, self.animal(now), poses)

    def matrix(self, now: Floats, system: SharedSystem) -> Floats:
        """Return the normal matrix; the length that the scale gives is held."""
        held = np.zeros(len(now))
        held[: self.shapes] = length_slope(self.setup, now[: self.shapes])
        data = self.worth * self.spread.T @ system.hessian @ self.spread
        return np.asarray(data + np.diag(self.precision) + FIXED * np.outer(held, held))

    def step(self, now: Floats, system: SharedSystem) -> Floats:
        """Return the Gauss-Newton step."""
        pull = np.where(self.moving, self.precision * (now - self.start), 0.0)
        right = self.worth * self.spread.T @ system.gradient + pull
        return np.where(self.moving, -np.linalg.solve(self.matrix(now, system), right), 0.0)


def fit_shared(
    points: Points, setup: Setup, animal: Animal, poses: PoseArrays, first: Floats,
    prior: OffsetPrior, worth: float,
) -> SharedFit:  # fmt: skip
    """Return shape and offsets that the frames agree on, each of them counted `worth`.

    `first` (S,) is the shape that the scale and the prior give.
    """
    problem = _Problem.of(setup, points, prior, animal, worth, first)
    shapes = problem.shapes
    now = np.r_[animal.shape, prior.ties.values(animal.offset)]
    energy = problem.energy(now, poses)
    system = problem.system(now, poses)
    for _ in range(_STEPS):
        step = problem.step(now, system)
        for share in _SHARES:
            trial = now + share * step
            trial[:shapes] = keep_length(setup, first, trial[:shapes])
            moved = poses.take(slice(None))
            after = problem.energy(trial, moved)
            if after < energy:
                break
        else:
            break
        small = energy - after < 1e-4 * energy
        now, poses, energy = trial, moved, after
        system = problem.system(now, poses)
        if small:
            break
    covariance = np.linalg.inv(problem.matrix(now, system))[shapes:, shapes:]
    return SharedFit(problem.animal(now), poses, np.asarray(covariance, np.float64), system)


def wandering(
    points: Points, setup: Setup, found: SharedFit, ties: Ties, believed: Floats, worth: float
) -> Floats:
    """Return how far marks wander (M,) mm, learned from their residuals and as `believed` before.

    The variance of each mark in `setup` is scaled by its squared residuals over their redundancy,
    what the poses leave of it (Foerstner's estimate of variance components, 1979), less the image
    noise.
    """
    sigma = setup.keypoint_map.sigma
    frames, cameras, count = points.xy.shape[:3]
    seen = np.isfinite(points.xy[..., 0])
    pull = found.system.pull
    jacobian = pull.jacobian.reshape(frames, cameras, count, 2, -1)
    square = (pull.value.reshape(frames, cameras, count, 2) ** 2).sum(-1)
    leverage = np.einsum(
        "tcmin,tnk,tcmik->tcm", jacobian, found.system.covariance, jacobian, optimize=True
    )
    residual, redundancy = (
        np.where(seen, part, 0.0).sum((0, 1)) for part in (square, 2 - leverage)
    )
    residual, redundancy = (part + part[ties.partner] for part in (residual, redundancy))
    views, poses = setup.views(), found.poses
    depth = poses.place @ views.rotation[:, 2].T + views.translation[:, 2]
    noise = points.covariance[..., [0, 2]].mean(-1) * depth[..., None] ** 2
    noise = np.where(seen, noise, 0.0).sum((0, 1)) / np.maximum(seen.sum((0, 1)), 1)
    ratio = residual / np.maximum(redundancy, 1e-6)
    variance = np.maximum(ratio * (noise + sigma**2) - noise, _LEAST_SIGMA**2)
    weight = worth * redundancy
    mixed = (_SIGMA_COUNT * believed**2 + weight * variance) / (_SIGMA_COUNT + weight)
    return np.asarray(np.sqrt(mixed))


def with_sigma(setup: Setup, sigma: Floats) -> Setup:
    """Return the setup with marks that wander by `sigma` (M,) mm."""
    return replace(setup, keypoint_map=replace(setup.keypoint_map, sigma=sigma))


def guessed(setup: Setup, ties: Ties) -> Floats:
    """Return the free numbers (G,) of the map's own offsets, left and right brought together."""
    return ties.values(animal_marks(setup, Animal.typical(setup)).offset)
