"""Smoothing through time: its banded algebra, what motion costs, and that it finds a minimum."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.linalg import cholesky_banded

from mousepose.fit.arrays import PoseArrays
from mousepose.fit.observe import observe
from mousepose.fit.place import fit_each
from mousepose.fit.setup import Setup, body_arrays
from mousepose.fit.smooth import (
    Window,
    assemble,
    densities,
    selected_inverse,
    smooth,
    stencil,
    velocity_changes,
)
from mousepose.geometry import rotation
from mousepose.types import Floats
from synthetic import draw_motion, make_setup, moving_animal, see, to_pose


def uneven_times(random: np.random.Generator, frames: int) -> Floats:
    return np.asarray(np.cumsum(random.uniform(0.02, 0.06, frames)))


def dense_system(
    random: np.random.Generator, frames: int, n: int
) -> tuple[Floats, Floats, Floats, Floats]:
    """Return frames' Hessians, times, inverse densities and the whole normal matrix."""
    root = random.normal(size=(frames, n, n + 2))
    hessians = root @ np.swapaxes(root, 1, 2)
    times, inverse = uneven_times(random, frames), random.uniform(0.01, 1, n)
    marks = stencil(times)
    whole = np.zeros((frames, n, frames, n))
    whole[range(frames), :, range(frames)] = hessians
    for t in range(frames - 2):
        row = np.zeros(frames)
        row[t : t + 3] = marks.factor[t]
        whole += np.einsum("t,ij,s->tisj", row, np.diag(inverse), row) * marks.weight[t]
    return hessians, times, inverse, whole.reshape(frames * n, -1)


@given(st.integers(3, 9), st.integers(1, 4), st.integers(0, 1000))
def test_the_band_and_its_inverse_are_those_of_the_whole_matrix(
    frames: int, n: int, seed: int
) -> None:
    hessians, times, inverse, whole = dense_system(np.random.default_rng(seed), frames, n)
    marks = stencil(times)
    band = np.full((2 * n + 1, frames * n), np.nan)
    assemble(hessians, marks.factor, marks.weight, inverse, 0.0, band)
    for k in range(min(2 * n + 1, frames * n)):
        np.testing.assert_allclose(
            band[k, : frames * n - k], np.diagonal(whole, -k), rtol=1e-9, atol=1e-7
        )
    covariance, expected = np.zeros((frames, n, n)), np.zeros((frames - 2, n))
    selected_inverse(cholesky_banded(band, lower=True), marks.factor, covariance, expected)
    dense = np.linalg.inv(whole).reshape(frames, n, frames, n)
    scale = np.abs(dense).max()
    for t in range(frames):
        np.testing.assert_allclose(covariance[t], dense[t, :, t], atol=1e-7 * scale)
    for t in range(frames - 2):
        part = dense[t : t + 3, :, t : t + 3]
        want = np.einsum("a,b,aibi->i", marks.factor[t], marks.factor[t], part)
        assert (want > 0).all()
        size = scale * (np.abs(marks.factor[t]).sum() ** 2)
        np.testing.assert_allclose(expected[t], want, atol=1e-7 * size)


def steady(times: Floats, bend: float = 0.0) -> PoseArrays:
    """Return an animal of constant velocity, or with a constant change of it."""
    t = times[:, None] + bend * times[:, None] ** 2
    return PoseArrays(
        rotation.exp(t * [0.3, -0.5, 1.0]) @ rotation.exp(np.array([2.0, 1.0, 0.5])),
        np.array([5.0, 2.0, 20.0]) + t * [100.0, -30.0, 2.0],
        t * np.array([1.0, -2.0, 0.5, 3.0]),
    )


@given(st.integers(3, 30), st.integers(0, 1000))
def test_constant_velocity_costs_nothing_at_any_times(frames: int, seed: int) -> None:
    times = uneven_times(np.random.default_rng(seed), frames)
    changes = velocity_changes(steady(times), times)
    assert changes.shape == (frames - 2, 10)
    np.testing.assert_allclose(changes, 0, atol=1e-9)


def test_a_constant_acceleration_is_measured_at_any_times() -> None:
    times = uneven_times(np.random.default_rng(0), 20)
    changes = velocity_changes(steady(times, bend=0.5), times)
    between = (times[2:] - times[:-2]) / 2  # from the middle of one interval to that of the next
    speed = [0.3, -0.5, 1.0, 100.0, -30.0, 2.0, 1.0, -2.0, 0.5, 3.0]
    np.testing.assert_allclose(changes, between[:, None] * speed, atol=1e-9)


def test_densities_are_one_for_turn_and_one_for_place() -> None:
    np.testing.assert_array_equal(
        densities(np.array([1.0, 2.0, 3.0, 4.0])), [1, 1, 1, 2, 2, 2, 3, 4]
    )


def start_of(setup: Setup, truth: PoseArrays, times: Floats, noise: float = 2.0) -> PoseArrays:
    points = observe(see(setup, to_pose(setup, truth), times=times, noise=noise), setup).points
    poses = truth.take(slice(None))
    fit_each(
        body_arrays(setup, moving_animal(setup)), setup.views(), setup.weights(), points, poses, 15
    )
    return poses


def smoothed(setup: Setup, truth: PoseArrays, start: PoseArrays, times: Floats) -> Window:
    animal = moving_animal(setup)
    points = observe(see(setup, to_pose(setup, truth), times=times, noise=2.0), setup).points
    return smooth(
        body_arrays(setup, animal), setup.views(), setup.weights(), points, start, times,
        animal.acceleration,
    )  # fmt: skip


@pytest.mark.parametrize("uneven", [False, True])
def test_smoothing_helps_and_keeps_what_it_was_given(setup: Setup, uneven: bool) -> None:
    times = uneven_times(np.random.default_rng(0), 60) if uneven else np.arange(60) / 30
    truth = draw_motion(setup, times)
    start = start_of(setup, truth, times)
    before = start.z.copy()
    window = smoothed(setup, truth, start, times)
    np.testing.assert_array_equal(start.z, before)
    joints = [setup.body.joints(to_pose(setup, poses)) for poses in (truth, start, window.poses)]
    bent = [each - each[:, :1] for each in joints]  # depth is too unsure to tell in 2 s
    alone, through_time = (np.linalg.norm(p - bent[0], axis=-1).mean() for p in bent[1:])
    assert through_time < 0.85 * alone
    assert window.steps <= 12
    assert (np.linalg.eigvalsh(window.covariance) > 0).all()
    assert (window.change > 0).all()


def test_a_smoothed_window_is_a_minimum(setup: Setup) -> None:
    times = np.arange(30) / 30
    truth = draw_motion(setup, times)
    window = smoothed(setup, truth, start_of(setup, truth, times), times)
    energy = window.terms.sum() + window.time_cost.sum()
    again = smoothed(setup, truth, window.poses, times)
    assert again.terms.sum() + again.time_cost.sum() == pytest.approx(energy, rel=2e-3)
    np.testing.assert_allclose(again.poses.place, window.poses.place, atol=0.5)


def test_frames_tell_each_other_where_they_are(setup: Setup) -> None:
    """In the middle of a window a frame is surer than at its ends."""
    times = np.arange(40) / 30
    truth = draw_motion(setup, times)
    window = smoothed(setup, truth, start_of(setup, truth, times), times)
    depth = np.trace(window.covariance[:, 3:6, 3:6], axis1=1, axis2=2)
    assert depth[15:25].mean() < depth[[0, -1]].mean()


def test_two_frames_have_no_change_of_velocity() -> None:
    setup = make_setup(1)
    times = np.arange(2) / 30
    truth = draw_motion(setup, times)
    window = smoothed(setup, truth, start_of(setup, truth, times), times)
    assert np.isfinite(window.poses.place).all()
    assert not window.time_cost.any()
