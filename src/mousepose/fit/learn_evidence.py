"""What labelled poses say of joint angles, and which covariances of angles follow the skeleton."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mousepose.body.gaussians import Mirror
from mousepose.body.model import BodyModel
from mousepose.fit.learn import Learned, mirrored_axes
from mousepose.fit.learn_mixture import Expected
from mousepose.skeleton import PUBLISHED_SKELETON
from mousepose.types import Floats

_LOG_2_PI = float(np.log(2 * np.pi))


@dataclass(frozen=True, eq=False)
class AngleEvidence:
    """Likelihoods exp(-1/2 a' precision a + information' a) of the joint angles a of T poses.

    `precision` (T, A, A) and `information` (T, A): Laplace's approximation of what the marks of a
    pose say of its angles, with the root's rotation and place taken out. A constant of each pose
    is left out, so log likelihoods are compared between priors and mean nothing by themselves.
    """

    precision: Floats
    information: Floats

    @classmethod
    def of(cls, found: Learned) -> AngleEvidence:
        """Return the evidence of fitted poses: their posterior without the prior they had."""
        prior = np.linalg.inv(found.covariance)
        posterior = np.linalg.inv(found.posterior[:, 6:, 6:])
        angles = found.poses.z
        information = np.einsum("tij,tj->ti", posterior, angles) - prior @ found.mean
        return cls(np.asarray(posterior - prior), np.asarray(information))

    def __len__(self) -> int:
        return len(self.information)

    def take(self, poses: np.ndarray) -> AngleEvidence:
        """Return the evidence of some poses."""
        return AngleEvidence(self.precision[poses], self.information[poses])

    def under(self, means: Floats, covariances: Floats) -> Expected:
        """Return the E step under K Gaussians over angles."""
        known = np.linalg.inv(covariances)  # (K, A, A)
        pull = np.einsum("kij,kj->ki", known, means)
        total = self.precision[:, None] + known
        information = self.information[:, None] + pull
        spread = np.linalg.inv(total)
        mean = np.einsum("tkij,tkj->tki", spread, information)
        height = (information * mean).sum(-1) - (pull * means).sum(-1)
        volume = np.linalg.slogdet(total)[1] + np.linalg.slogdet(covariances)[1]
        return Expected(np.asarray((height - volume) / 2), np.asarray(mean), np.asarray(spread))


@dataclass(frozen=True, eq=False)
class PointEvidence:
    """T points (T, D) that are known exactly."""

    points: Floats

    def __len__(self) -> int:
        return len(self.points)

    def under(self, means: Floats, covariances: Floats) -> Expected:
        """Return the E step under K Gaussians."""
        count, components = len(self.points), len(means)
        size = means.shape[1]
        factors = np.linalg.cholesky(covariances)
        white = np.linalg.solve(factors[None], (self.points[:, None] - means)[..., None])[..., 0]
        volume = 2 * np.log(np.diagonal(factors, axis1=1, axis2=2)).sum(1)
        score = -((white**2).sum(-1) + volume + size * _LOG_2_PI) / 2
        mean = np.broadcast_to(self.points[:, None], (count, components, size))
        return Expected(score, mean, np.zeros((count, components, size, size)))


def angle_mirror(body: BodyModel) -> Mirror:
    """Return how the free angles of a pose become those of its mirror image."""
    return Mirror(*mirrored_axes(body))


def position_mirror() -> Mirror:
    """Return how the 54 numbers of the published mixture become those of the mirror image.

    Left and right are swapped; y, which points from left to right, changes its sign.
    """
    partner = np.array(PUBLISHED_SKELETON.mirror)
    index = (3 * partner[:, None] + np.arange(3)).ravel()
    return Mirror(index, np.tile([1.0, -1.0, 1.0], len(partner)))


def along_tree(body: BodyModel, covariance: Floats) -> Floats:
    """Return the likeliest covariance (A, A) in which a bone depends on its parent alone.

    The maximum-likelihood estimate of a Gaussian on a tree: its precision is the sum of those of
    every bone together with its parent, less those of the parents (Lauritzen, Graphical Models,
    1996, proposition 5.9). A bone that cannot bend stands in for its own parent.
    """
    bone = np.argwhere(body.free)[:, 0]
    precision = np.zeros_like(covariance)
    for j in np.unique(bone):
        own = np.flatnonzero(bone == j)
        parent = body.skeleton.parents[j]
        while parent > 0 and not body.free[parent].any():
            parent = body.skeleton.parents[parent]
        above = np.flatnonzero(bone == parent)
        both = np.r_[own, above]
        precision[np.ix_(both, both)] += np.linalg.inv(covariance[np.ix_(both, both)])
        if len(above):
            precision[np.ix_(above, above)] -= np.linalg.inv(covariance[np.ix_(above, above)])
    return np.asarray(np.linalg.inv(precision))
