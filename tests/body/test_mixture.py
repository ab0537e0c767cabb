"""The mixture of positions: invariances of its frame, its density, its derivative."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from scipy.stats import multivariate_normal

from mousepose.body.mixture import PositionMixture
from mousepose.errors import ModelError
from mousepose.skeleton import PUBLISHED_SKELETON
from mousepose.types import Floats


@pytest.fixture(scope="module")
def mixture() -> PositionMixture:
    random = np.random.default_rng(0)
    factors = np.tril(random.normal(0, 0.1, (3, 54, 54)), -1) + np.diag(random.uniform(0.5, 2, 54))
    return PositionMixture(np.log([0.2, 0.3, 0.5]), random.normal(0, 1, (3, 54)), factors)


@pytest.fixture(scope="module")
def joints() -> Floats:
    return np.random.default_rng(1).normal(0, 30, (4, 18, 3))


def test_size_place_and_direction_drop_out(mixture: PositionMixture, joints: Floats) -> None:
    turn = Rotation.from_rotvec([1.0, -2.0, 0.5]).as_matrix()
    moved = 0.3 * joints @ turn.T + [5.0, 6.0, -7.0]
    np.testing.assert_allclose(mixture.normalise(moved), mixture.normalise(joints), atol=1e-10)


def test_the_frame_is_the_published_one(mixture: PositionMixture, joints: Floats) -> None:
    points = mixture.normalise(joints).reshape(4, 18, 3)
    at = PUBLISHED_SKELETON.index
    np.testing.assert_allclose(points[:, at("SPINE_SHOULDER")], 0, atol=1e-12)
    np.testing.assert_allclose(points[:, at("SPINE_MID")], np.tile([1.0, 0, 0], (4, 1)), atol=1e-12)
    across = points[:, at("RIGHT_SHOULDER")] - points[:, at("LEFT_SHOULDER")]
    assert (across[:, 1] > 0).all()
    np.testing.assert_allclose(across[:, 2], 0, atol=1e-12)


def test_the_jacobian_is_the_finite_difference(mixture: PositionMixture, joints: Floats) -> None:
    step = 1e-4
    numeric = np.empty((4, 55, 54))
    for k, move in enumerate(np.eye(54).reshape(54, 18, 3) * step):
        ahead, behind = mixture.residual(joints + move), mixture.residual(joints - move)
        numeric[..., k] = (ahead - behind) / (2 * step)
    np.testing.assert_allclose(mixture.jacobian(joints), numeric, atol=1e-8)


def test_the_density_is_that_of_scipy(mixture: PositionMixture, joints: Floats) -> None:
    points = mixture.normalise(joints)
    density = [
        np.exp(weight) * multivariate_normal(mean, np.linalg.inv(factor @ factor.T)).pdf(points)
        for weight, mean, factor in zip(
            mixture.log_weights, mixture.means, mixture.factors, strict=True
        )
    ]
    np.testing.assert_allclose(mixture.log_likelihood(joints), np.log(sum(density)), atol=1e-9)


def test_the_residual_is_the_best_component_up_to_a_constant(
    mixture: PositionMixture, joints: Floats
) -> None:
    cost = 0.5 * (mixture.residual(joints) ** 2).sum(axis=-1)
    points = mixture.normalise(joints)
    for row, mean in enumerate(mixture.means):
        white = np.einsum("ji,bj->bi", mixture.factors[row], points - mean)
        height = mixture.peaks.max() - mixture.peaks[row]
        assert (cost <= 0.5 * (white**2).sum(axis=-1) + height + 1e-9).all()
    assert mixture.best_component(joints).shape == (4,)


def test_one_pose_needs_no_batch(mixture: PositionMixture, joints: Floats) -> None:
    np.testing.assert_allclose(mixture.residual(joints[0]), mixture.residual(joints)[0])
    np.testing.assert_allclose(mixture.jacobian(joints[0]), mixture.jacobian(joints)[0])


def test_a_pose_without_a_frame_stays_finite(mixture: PositionMixture) -> None:
    nowhere = np.zeros((18, 3))
    assert np.isfinite(mixture.residual(nowhere)).all()
    assert np.isfinite(mixture.jacobian(nowhere)).all()


def test_fields_that_do_not_fit_are_refused(mixture: PositionMixture) -> None:
    with pytest.raises(ModelError, match="log_weights"):
        PositionMixture(mixture.log_weights[:2], mixture.means, mixture.factors)
    with pytest.raises(ModelError, match="lower triangular"):
        PositionMixture(mixture.log_weights, mixture.means, np.swapaxes(mixture.factors, 1, 2))
