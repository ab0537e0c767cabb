"""Mixtures learned from poses: EM's own laws, the mirror, known mixtures, covariances on a tree."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from mousepose.body.default import default_body
from mousepose.body.gaussians import GaussianMixture, Mirror
from mousepose.body.mixture import normalised
from mousepose.fit.learn_evidence import (
    AngleEvidence,
    PointEvidence,
    along_tree,
    angle_mirror,
    position_mirror,
)
from mousepose.fit.learn_mixture import Evidence, Shrinkage, fit_mixture, log_likelihood
from mousepose.skeleton import PUBLISHED_SKELETON
from mousepose.types import Floats

#: Number 0 and 1 change places, number 2 changes its sign, number 3 stays.
MIRROR = Mirror(np.array([1, 0, 2, 3]), np.array([1.0, 1.0, -1.0, 1.0]))
LOOSE = Shrinkage(0.5 * np.eye(4), 2.0)


def free(covariance: Floats) -> Floats:
    return covariance


@pytest.fixture(scope="module")
def truth() -> GaussianMixture:
    means = np.array([[3.0, -1.0, 1.5, 0.0], [-1.0, 3.0, -1.5, 0.0]])
    one = np.diag([0.3, 0.6, 0.2, 0.4])
    return GaussianMixture(
        np.array([0.5, 0.5]), means, np.stack([one, MIRROR.of_matrices(one)]), np.array([1, 0])
    )


@pytest.fixture(scope="module")
def points(truth: GaussianMixture) -> Floats:
    return truth.sample(400, np.random.default_rng(3))


def seen_through(points: Floats, noise: Floats) -> AngleEvidence:
    """Return what noisy points tell: observed once with covariance `noise`."""
    precision = np.linalg.inv(noise)
    count = len(points)
    return AngleEvidence(np.repeat(precision[None], count, axis=0), points @ precision)


@pytest.mark.parametrize("components", [1, 2, 3, 4])
def test_the_objective_never_falls(points: Floats, components: int) -> None:
    evidence: Evidence
    for evidence in (PointEvidence(points), seen_through(points, 0.3 * np.eye(4))):
        objective = fit_mixture(evidence, components, MIRROR, LOOSE, free, seed=1).objective
        assert len(objective) > 1
        assert (np.diff(objective) >= -1e-8 * np.abs(objective[:-1])).all()


def test_a_known_mixture_is_found_again(truth: GaussianMixture, points: Floats) -> None:
    found = fit_mixture(PointEvidence(points), 2, MIRROR, LOOSE, free, seed=0).mixture
    order = np.argsort(-found.means[:, 0])
    np.testing.assert_allclose(found.means[order], truth.means, atol=0.1)
    np.testing.assert_allclose(found.covariances[order], truth.covariances, atol=0.1)
    np.testing.assert_array_equal(found.partner, [1, 0])
    fresh = PointEvidence(truth.sample(2000, np.random.default_rng(8)))
    behind = log_likelihood(fresh, truth) - log_likelihood(fresh, found)
    assert abs(behind.mean()) < 0.05


def test_noise_is_not_taken_for_spread(truth: GaussianMixture, points: Floats) -> None:
    noise = np.diag([0.5, 0.1, 0.3, 0.8])
    noisy = points + np.random.default_rng(5).multivariate_normal(np.zeros(4), noise, len(points))
    found = fit_mixture(seen_through(noisy, noise), 2, MIRROR, LOOSE, free, seed=0).mixture
    order = np.argsort(-found.means[:, 0])
    np.testing.assert_allclose(found.covariances[order], truth.covariances, atol=0.2)


def test_the_likelihood_of_a_noisy_point_is_that_of_the_sum(truth: GaussianMixture) -> None:
    noise = np.diag([0.5, 0.1, 0.3, 0.8])
    spots = np.random.default_rng(2).normal(0, 2, (5, 4))
    told = seen_through(spots, noise).under(truth.means, truth.covariances).log_likelihood
    want = np.stack([
        multivariate_normal(mean, covariance + noise).logpdf(spots)
        for mean, covariance in zip(truth.means, truth.covariances, strict=True)
    ], axis=1)  # fmt: skip
    shift = want - told  # a constant of each point
    np.testing.assert_allclose(shift[:, 0], shift[:, 1], atol=1e-9)


@pytest.mark.parametrize("components", [2, 3])
def test_mirrored_in_is_mirrored_out(points: Floats, components: int) -> None:
    one = fit_mixture(PointEvidence(points), components, MIRROR, LOOSE, free, seed=0).mixture
    turned = PointEvidence(MIRROR.of_points(points))
    other = fit_mixture(turned, components, MIRROR, LOOSE, free, seed=0).mixture
    spots = np.random.default_rng(4).normal(0, 2, (30, 4))
    np.testing.assert_allclose(
        log_likelihood(PointEvidence(spots), one),
        log_likelihood(PointEvidence(MIRROR.of_points(spots)), one), atol=1e-9,
    )  # fmt: skip
    np.testing.assert_allclose(
        log_likelihood(PointEvidence(spots), other), log_likelihood(PointEvidence(spots), one),
        atol=1e-6,
    )  # fmt: skip


def test_a_seed_gives_one_mixture(points: Floats) -> None:
    one, other = (
        fit_mixture(PointEvidence(points), 3, MIRROR, LOOSE, free, seed=6).mixture for _ in range(2)
    )
    np.testing.assert_array_equal(one.means, other.means)
    np.testing.assert_array_equal(one.covariances, other.covariances)


def test_the_moments_are_those_of_many_samples(truth: GaussianMixture) -> None:
    many = truth.sample(100_000, np.random.default_rng(0))
    mean, covariance = truth.moments()
    np.testing.assert_allclose(many.mean(0), mean, atol=0.05)
    np.testing.assert_allclose(np.cov(many.T), covariance, atol=0.1)


def test_a_tree_keeps_what_a_bone_shares_with_its_parent_and_no_more() -> None:
    body = default_body()
    count = int(body.free.sum())
    root = np.random.default_rng(1).normal(0, 0.2, (count, 2 * count))
    covariance = root @ root.T
    tree = along_tree(body, covariance)
    bone = np.argwhere(body.free)[:, 0]
    names = body.skeleton.joint_names
    knee, paw = names.index("LEFT_KNEE"), names.index("LEFT_HIND_PAW")
    near = np.flatnonzero((bone == knee) | (bone == paw))
    np.testing.assert_allclose(tree[np.ix_(near, near)], covariance[np.ix_(near, near)], atol=1e-9)
    np.testing.assert_allclose(along_tree(body, tree), tree, atol=1e-9)
    far = np.linalg.inv(tree)[np.ix_(bone == paw, bone == names.index("NOSE"))]
    np.testing.assert_allclose(far, 0, atol=1e-6)
    assert np.linalg.slogdet(tree)[1] > np.linalg.slogdet(covariance)[1]  # it knows less


def test_the_mirror_of_angles_undoes_itself() -> None:
    mirror = angle_mirror(default_body())
    angles = np.random.default_rng(0).normal(size=(3, len(mirror.index)))
    np.testing.assert_array_equal(mirror.of_points(mirror.of_points(angles)), angles)


def test_the_mirror_of_positions_is_that_of_the_animal() -> None:
    joints = np.random.default_rng(1).normal(0, 30, (4, 18, 3))
    turned = joints[:, list(PUBLISHED_SKELETON.mirror)] * [1.0, -1.0, 1.0]
    np.testing.assert_allclose(
        position_mirror().of_points(normalised(joints)), normalised(turned), atol=1e-9
    )
