"""Smoothing keeps what it shall keep and never reaches across a gap."""

from __future__ import annotations

import numpy as np
import pytest

from mousepose.analysis.smooth import Smoother, derive, stretches
from mousepose.errors import InputError

RUN = np.zeros(200, np.int64)
TIMES = np.arange(200) / 50.0


@pytest.mark.parametrize("derivative", [0, 1, 2])
def test_a_cubic_and_its_derivatives_are_exact_up_to_the_ends(derivative: int) -> None:
    cubic = np.polynomial.Polynomial([1.0, -2.0, 0.5, 0.3])
    found = derive(cubic(TIMES)[:, None], RUN, Smoother.of(8.0, 50.0), derivative)[:, 0]
    expected = cubic.deriv(derivative)(TIMES) if derivative else cubic(TIMES)
    np.testing.assert_allclose(found, expected, atol=1e-8)


def test_a_gap_stays_and_its_other_side_has_no_say() -> None:
    values = np.sin(TIMES)[:, None]
    values[90:100] = np.nan
    other = values.copy()
    other[100:] += 1000.0
    smoother = Smoother.of(5.0, 50.0)
    one, two = derive(values, RUN, smoother, 1), derive(other, RUN, smoother, 1)
    assert np.isnan(one[90:100]).all()
    assert np.isfinite(one[:90]).all()
    np.testing.assert_array_equal(one[:100], two[:100])


def test_runs_are_smoothed_apart() -> None:
    run = (np.arange(200) >= 120).astype(np.int64)
    values = np.where(run, 500.0, 0.0)[:, None]
    np.testing.assert_allclose(derive(values, run, Smoother.of(5.0, 50.0), 1), 0.0, atol=1e-9)


@pytest.mark.parametrize("bandwidth", [4.0, 8.0, 15.0])
def test_the_stated_bandwidth_is_where_a_rhythm_loses_3_db(bandwidth: float) -> None:
    smoother = Smoother.of(bandwidth, 100.0)
    times = np.arange(400) / 100.0
    wave = np.sin(2 * np.pi * smoother.bandwidth * times)[:, None]
    kept = derive(wave, np.zeros(400, np.int64), smoother)[100:300]
    assert kept.std() / wave[100:300].std() == pytest.approx(0.707, abs=0.02)


def test_the_variance_is_that_of_many_trials() -> None:
    smoother = Smoother.of(8.0, 50.0)
    noise = np.random.default_rng(1).normal(0, 2.0, (200, 3000))
    told = derive(np.full((200, 1), 4.0), RUN, smoother, 1, variance=True)[:, 0]
    seen = derive(noise, RUN, smoother, 1).var(axis=1)
    np.testing.assert_allclose(seen[[0, 3, 100, 199]], told[[0, 3, 100, 199]], rtol=0.12)


def test_a_stretch_shorter_than_the_window_has_no_derivative() -> None:
    values = np.full((200, 1), np.nan)
    values[50:53] = 1.0
    assert np.isnan(derive(values, RUN, Smoother.of(5.0, 50.0), 1)).all()


def test_stretches_end_with_a_run() -> None:
    good = np.array([True, True, False, True, True, True])
    first, end = stretches(good, np.array([0, 0, 0, 0, 1, 1]))
    assert first.tolist() == [0, 3, 4]
    assert end.tolist() == [2, 4, 6]


def test_a_bandwidth_that_is_none_is_refused() -> None:
    with pytest.raises(InputError, match="positive"):
        Smoother.of(0.0, 50.0)
