"""The system of what frames share is the slope of the least energy, the poses having followed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mousepose.fit.arrays import Points, PoseArrays
from mousepose.fit.config import FitConfig, Scale
from mousepose.fit.observe import observe
from mousepose.fit.place import fit_each
from mousepose.fit.setup import Animal, Setup, body_arrays
from mousepose.fit.shared import FIXED, keep_length, length_slope, shape_precision, shared_system
from mousepose.types import Floats
from synthetic import draw_poses, make_setup, ring, see, to_pose

CONFIG = FitConfig(temporal=False, pixel_sigma=1.0)


def problem(cameras: int) -> tuple[Setup, Animal, Points, PoseArrays]:
    """Return frames of an animal whose marks sit a little elsewhere, at their best poses."""
    setup = make_setup(ring(cameras), CONFIG, scale=Scale.body_length(80.0))
    truth = draw_poses(setup, 5)
    points = observe(see(setup, to_pose(setup, truth), noise=1.0), setup).points
    random = np.random.default_rng(0)
    animal = Animal.typical(setup)
    animal = replace(animal, offset=animal.offset + random.normal(0, 0.5, animal.offset.shape))
    return setup, animal, points, truth


def least_energy(setup: Setup, animal: Animal, points: Points, poses: PoseArrays) -> float:
    terms, _ = fit_each(
        body_arrays(setup, animal), setup.views(), setup.weights(), points, poses, 60
    )
    return float(terms.sum())


def changed(animal: Animal, step: Floats) -> Animal:
    shapes = len(animal.shape)
    return replace(
        animal, shape=animal.shape + step[:shapes],
        offset=animal.offset + step[shapes:].reshape(-1, 3),
    )  # fmt: skip


@pytest.mark.parametrize("cameras", [1, 3])
def test_the_gradient_is_the_slope_of_the_least_energy(cameras: int) -> None:
    setup, animal, points, poses = problem(cameras)
    least_energy(setup, animal, points, poses)
    system = shared_system(points, setup, animal, poses)
    random = np.random.default_rng(1)
    for _ in range(4):
        way = random.normal(size=len(system.gradient))
        way[: len(animal.shape)] *= 0.01
        way /= np.linalg.norm(way)
        step = 2e-3
        ends = [
            least_energy(setup, changed(animal, s * way), points, poses.take(slice(None)))
            for s in (step, -step)
        ]
        slope = (ends[0] - ends[1]) / (2 * step)
        assert slope == pytest.approx(way @ system.gradient, rel=0.02, abs=0.02)


def test_the_matrix_is_symmetric_and_never_negative() -> None:
    setup, animal, points, poses = problem(1)
    least_energy(setup, animal, points, poses)
    system = shared_system(points, setup, animal, poses)
    np.testing.assert_allclose(system.hessian, system.hessian.T, atol=1e-6)
    values = np.linalg.eigvalsh(system.hessian)
    assert values.min() > -1e-6 * values.max()


def test_a_step_downhill_lowers_the_energy() -> None:
    setup, animal, points, poses = problem(3)
    before = least_energy(setup, animal, points, poses)
    system = shared_system(points, setup, animal, poses)
    size = len(system.gradient)
    step = -np.linalg.solve(system.hessian + 0.1 * np.eye(size), system.gradient)
    after = least_energy(setup, changed(animal, step), points, poses)
    assert after < before


def test_a_length_that_the_scale_gives_is_kept() -> None:
    setup, animal, _, _ = problem(1)
    shape = animal.shape + np.random.default_rng(0).normal(0, 0.05, len(animal.shape))
    kept = keep_length(setup, animal.shape, shape)
    length = setup.body.body_length_of
    assert length(kept) == pytest.approx(length(animal.shape))
    slope = length_slope(setup, animal.shape)
    small = 1e-5 * np.random.default_rng(1).normal(size=len(shape))
    change = np.log(length(animal.shape + small) / length(animal.shape))
    assert change == pytest.approx(slope @ small, rel=1e-3)


def test_a_size_that_cameras_show_is_free() -> None:
    one, three = (make_setup(ring(n), CONFIG, scale=Scale.none()) for n in (1, 3))
    size = one.body.shape_space.names.index("size")
    assert shape_precision(one)[size] == FIXED
    assert shape_precision(three)[size] < FIXED
    np.testing.assert_array_equal(length_slope(three, three.first_shape()), 0)
    fixed = make_setup(ring(3), replace(CONFIG, animal_shape=False), scale=Scale.none())
    assert (np.delete(shape_precision(fixed), size) == FIXED).all()
