"""How one animal bends: the prior of its joint angles, adapted to its own recording.

A mouse that walks swings its legs further than one that was labelled at rest, and a mouse may carry
itself in its own way. So mean and covariance of the pose coordinates z, N(0, I) in the prior, are
found again by expectation-maximisation over sampled frames, with the prior as if it had been seen
in a number of frames before (a normal-inverse-Wishart prior; Gelman et al., Bayesian Data Analysis,
3.6). Expectation: Laplace's approximation of every frame alone, in all coordinates of the prior.
What the camera does not show keeps the prior's spread, for there the posterior is the prior.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mousepose.fit.arrays import BodyArrays, Points, PoseArrays, Views, Weights
from mousepose.fit.coordinates import leading_coordinates
from mousepose.fit.place import fit_each, place, weigh_each
from mousepose.fit.sample import independent_frames, trustworthy
from mousepose.fit.setup import Animal, Setup, body_arrays
from mousepose.fit.sizing import stand_on_floor, without_floor
from mousepose.types import Floats

_ROUNDS = 8
#: Independent frames that the prior is worth; 5 to 60 do equally well on real motion.
_PRIOR_FRAMES = 20.0
#: Those that its mean is worth: mice differ in how they carry themselves more than in their range.
_MEAN_FRAMES = 5.0
#: s after which a leg is elsewhere.
_LEG_SECONDS = 0.25
#: Steps from the pose of one round to that of the next.
_STEPS = 6


def learn_bending(points: Points, times: Floats, setup: Setup, animal: Animal) -> Animal:
    """Return the animal with the mean and the spread of its own joint angles.

    `points` (N) are sampled frames at `times` (N,) s, each with enough keypoints for a pose.
    """
    prior, views = setup.prior, setup.views()
    columns = prior.basis.shape[-1]
    weights = setup.weights()._replace(prior=np.full(columns, setup.config.prior_weight))
    whole = replace(animal, mean=prior.mean, basis=prior.basis)
    poses, cost, _ = place(
        body_arrays(setup, whole), without_floor(setup), weights, points, setup.body.axes,
        setup.config.iterations,
    )  # fmt: skip
    kept = trustworthy(points, cost)
    if not len(kept):
        return animal
    points, z = Points(points.xy[kept], points.covariance[kept]), poses.z[kept]
    whole, poses = stand_on_floor(setup, whole, body_arrays(setup, whole), poses.take(kept))
    arrays = body_arrays(setup, whole)
    count = independent_frames(times[kept], _LEG_SECONDS)
    middle, spread = np.zeros(columns), np.eye(columns)
    for _ in range(_ROUNDS):
        root = np.linalg.cholesky(spread)
        turned = arrays._replace(
            mean=arrays.mean + arrays.basis @ middle,
            basis=np.ascontiguousarray(arrays.basis @ root),
        )
        start = poses._replace(z=np.linalg.solve(root, (z - middle).T).T.copy())
        covariance = root @ _expect(turned, views, weights, points, start) @ root.T
        z, poses = middle + start.z @ root.T, start
        middle = count * z.mean(0) / (_MEAN_FRAMES + count)
        seen = (z - middle).T @ (z - middle) / len(z) + covariance
        known = _PRIOR_FRAMES * np.eye(columns) + _MEAN_FRAMES * np.outer(middle, middle)
        spread = (known + count * seen) / (_PRIOR_FRAMES + count)
    mean = arrays.mean + arrays.basis @ middle
    first = leading_coordinates(arrays._replace(mean=mean), spread, prior.coordinates)
    return replace(whole, mean=mean, basis=np.ascontiguousarray(arrays.basis @ first))


def _expect(
    body: BodyArrays, views: Views, weights: Weights, points: Points, poses: PoseArrays
) -> Floats:
    """Improve poses in place; return the mean covariance (A, A) of their coordinates."""
    fit_each(body, views, weights, points, poses, _STEPS)
    _, hessians, _ = weigh_each(body, views, weights, points, poses.place.copy(), poses)
    inverse = np.linalg.inv(hessians + 1e-9 * np.eye(hessians.shape[1]))
    return np.asarray(inverse[:, 6:, 6:].mean(0))
