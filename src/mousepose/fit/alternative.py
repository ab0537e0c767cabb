"""The published prior in the place of ours: a Gaussian mixture over joint positions.

It says where joints may lie and nothing of angles or of time, so every frame is fitted alone, in
NumPy, from the pose that the compiled fit found with independent angles.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from mousepose.body.mixture import PositionMixture
from mousepose.errors import InputError, ModelError
from mousepose.fit import terms
from mousepose.fit.arrays import TERMS, BodyArrays, Points, PoseArrays, Views, Weights
from mousepose.fit.energy import information_of
from mousepose.fit.reference import minimise, plain_cost
from mousepose.skeleton import PUBLISHED_JOINT_NAMES
from mousepose.types import Floats

#: Frames fitted at once; more only take memory.
_BATCH = 256
#: What is left of the prior on angles: joint positions do not show how a last bone is twisted.
_WEAK = 1e-3
#: Keeps a covariance finite where nothing is known of a variable.
_REGULAR = 1e-9


class Refit(NamedTuple):
    """Poses under another prior, their cost by term (T, 4) and their covariance (T, n, n)."""

    poses: PoseArrays
    terms: Floats
    covariance: Floats


def check_mixture(
    prior: str, mixture: PositionMixture | None, joint_names: tuple[str, ...]
) -> None:
    """Raise where a mixture is missing, not asked for, or for other joints than the body's."""
    if prior != "published":
        if mixture is not None:
            raise InputError(f"a mixture is used by the prior 'published' only, not by {prior!r}")
        return
    if mixture is None:
        raise InputError(
            "prior 'published' needs its mixture of joint positions: give mixture=load_gmm(path), "
            "of mousepose.body.published, with gmm_mixture_5.pbtxt of google/mouse-pose-analysis"
        )
    if joint_names[: len(PUBLISHED_JOINT_NAMES)] != PUBLISHED_JOINT_NAMES:
        raise ModelError(
            f"prior 'published' is for the joints {', '.join(PUBLISHED_JOINT_NAMES[:3])}, ... of "
            f"the published skeleton, in that order; the body begins with "
            f"{', '.join(joint_names[:3])}, ..."
        )


def refit(
    body: BodyArrays, views: Views, weights: Weights, mixture: PositionMixture, points: Points,
    start: PoseArrays, iterations: int,
) -> Refit:  # fmt: skip
    """Return the poses of T frames under the mixture, each improved from its start."""
    parts = [
        _refit_batch(
            body, views, weights, mixture,
            Points(points.xy[part], points.covariance[part]), start.take(part), iterations,
        )
        for part in _batches(len(start.place))
    ]  # fmt: skip
    poses = PoseArrays(
        *(np.concatenate(arrays) for arrays in zip(*(p.poses for p in parts), strict=True))
    )
    return Refit(
        poses, np.concatenate([p.terms for p in parts]),
        np.concatenate([p.covariance for p in parts]),
    )  # fmt: skip


def _batches(frames: int) -> list[slice]:
    return [slice(first, first + _BATCH) for first in range(0, frames, _BATCH)]


def _refit_batch(
    body: BodyArrays, views: Views, weights: Weights, mixture: PositionMixture, points: Points,
    start: PoseArrays, iterations: int,
) -> Refit:  # fmt: skip
    whitening = np.zeros((len(start.place), *points.covariance.shape[1:]))
    for noise, place, out in zip(points.covariance, start.place, whitening, strict=True):
        information_of(body, views, noise, place, out)

    def image(moved: terms.Motion) -> terms.Residuals:
        return terms.reprojection(body, views, points.xy, whitening, moved)

    def others(poses: PoseArrays, moved: terms.Motion) -> dict[str, list[terms.Residuals]]:
        joints = len(PUBLISHED_JOINT_NAMES)
        found = {
            "prior": [
                terms.published_prior(mixture, joints, weights.prior[0], moved),
                terms.prior(poses, _WEAK),
            ],
            "limits": [terms.limits(body, weights.limit, moved)],
        }
        if views.floor_known:
            floor = terms.floor(body, views, weights.penetration, weights.contact, moved)
            found["floor"] = [floor]
        return found

    def energy(poses: PoseArrays, moved: terms.Motion) -> list[terms.Residuals]:
        rest = [term for group in others(poses, moved).values() for term in group]
        return [terms.robust(image(moved), weights.robust), *rest]

    def cost_by_term(poses: PoseArrays, moved: terms.Motion) -> Floats:
        out = np.zeros((len(poses.place), len(TERMS)))
        out[:, TERMS.index("reprojection")] = terms.robust_cost(image(moved), weights.robust)
        for name, group in others(poses, moved).items():
            out[:, TERMS.index(name)] = plain_cost(group)
        return out

    poses, _, hessian = minimise(
        body, start, energy, lambda p, moved: cost_by_term(p, moved).sum(1), iterations
    )
    covariance = np.linalg.inv(hessian + _REGULAR * np.eye(hessian.shape[-1]))
    return Refit(poses, cost_by_term(poses, terms.motion(body, poses)), np.asarray(covariance))
