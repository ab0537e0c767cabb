"""An animal that bends unlike the prior is learned as it is; the rest stays as the prior says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mousepose import FitConfig, learn_animal
from mousepose.fit.animal import Animal
from mousepose.fit.coordinates import leading_coordinates
from mousepose.fit.sample import independent_frames
from mousepose.fit.setup import Setup, body_arrays
from mousepose.fit.smooth import share_of_frame, stencil
from mousepose.types import Floats
from synthetic import draw_poses, make_setup, ring, see, to_pose

CONFIG = FitConfig(animal_shape=False, temporal=False, pixel_sigma=1.0)


def learned(setup: Setup, z: Floats) -> Animal:
    """Return what is learned of an animal seen in poses of the coordinates `z` (T, r)."""
    poses = draw_poses(setup, len(z))._replace(z=z)
    times = np.arange(len(z)) * 1.0  # far enough apart to be poses of their own
    return learn_animal(see(setup, to_pose(setup, poses), noise=1.0, times=times), setup)


def spread(animal: Animal, prior: Floats, which: int) -> float:
    """Return the variance of the animal's angles along a coordinate of the `prior` (J, 3, r)."""
    along = prior[..., which] / np.linalg.norm(prior[..., which])
    projected = np.tensordot(along, animal.basis, 2)
    return float(projected @ projected)


@pytest.mark.parametrize("cameras", [1, 3])
def test_an_animal_that_bends_further_is_learned_as_one(cameras: int) -> None:
    setup = make_setup(ring(cameras), CONFIG)
    z = np.random.default_rng(0).normal(0, 0.7, (60, setup.prior.coordinates))
    usual = learned(setup, z)
    wide = z.copy()
    wide[:, 0] *= 4
    wider = learned(setup, wide)
    basis = setup.prior.basis
    assert spread(wider, basis, 0) > 3 * spread(usual, basis, 0)
    ratios = [spread(wider, basis, k) / spread(usual, basis, k) for k in range(1, 10)]
    assert np.median(ratios) == pytest.approx(1.0, abs=0.25)


def test_an_animal_that_carries_itself_otherwise_is_learned_as_it_is() -> None:
    setup = make_setup(ring(3), CONFIG)
    prior = setup.prior
    z = np.random.default_rng(1).normal(0, 0.5, (60, prior.coordinates))
    z[:, 1] += 2.5
    animal = learned(setup, z)
    shift = np.linalg.lstsq(prior.basis.reshape(-1, prior.basis.shape[-1]),
                            (animal.mean - prior.mean).ravel(), rcond=None)[0]  # fmt: skip
    assert shift[1] == pytest.approx(2.5 * 60 / 65, abs=0.5)  # the prior's mean counts as 5
    assert np.abs(np.delete(shift, 1)).max() < 1.0


def test_nothing_is_learned_where_it_is_switched_off() -> None:
    setup = make_setup(ring(2), replace(CONFIG, animal_bending=False))
    z = np.random.default_rng(0).normal(0, 2, (20, setup.prior.coordinates))
    animal, typical = learned(setup, z), Animal.typical(setup)
    np.testing.assert_array_equal(animal.mean, typical.mean)
    np.testing.assert_array_equal(animal.basis, typical.basis)


def test_all_coordinates_together_are_the_covariance() -> None:
    setup = make_setup(1)
    arrays = body_arrays(setup, replace(Animal.typical(setup), basis=setup.prior.basis))
    columns = setup.prior.basis.shape[-1]
    factor = np.random.default_rng(0).normal(size=(columns, columns))
    covariance = factor @ factor.T + np.eye(columns)
    found = leading_coordinates(arrays, covariance, columns)
    np.testing.assert_allclose(found @ found.T, covariance, atol=1e-6 * covariance.max())
    np.testing.assert_allclose(leading_coordinates(arrays, covariance, 5), found[:, :5], atol=1e-9)


@pytest.mark.parametrize("density", [30.0, 300.0, 3000.0])
def test_a_pose_in_motion_spreads_as_far_as_the_prior_says(density: float) -> None:
    times = np.arange(400) / 60
    marks = stencil(times)
    change = np.zeros((len(times) - 2, len(times)))
    for k in range(3):
        change[np.arange(len(change)), np.arange(len(change)) + k] = marks.factor[:, k]
    share = share_of_frame(times, np.array([1.0, 1.0, density]))[0]
    precision = share * np.eye(len(times)) + change.T @ (marks.weight[:, None] / density * change)
    variance = np.diag(np.linalg.inv(precision))[150:250]
    np.testing.assert_allclose(variance, 1.0, rtol=0.12)


def test_frames_far_apart_each_stand_alone() -> None:
    assert share_of_frame(np.arange(5) * 10.0, np.array([1.0, 1.0, 300.0]))[0] == 1.0
    assert independent_frames(np.arange(5) * 10.0, 1.0) == 5.0
    assert independent_frames(np.arange(5) * 0.1, 1.0) == pytest.approx(1.4)
