"""Laws of the phase of the stride: uneven strides are counted, gaps and noise are told."""

from __future__ import annotations

import numpy as np
import pytest

from mousepose.analysis.gait_phase import follow_phase

RATE = 60.0


def uneven(seconds: float, noise: float) -> tuple[np.ndarray, np.ndarray]:
    """Ten coordinates (T, 10) whose rhythm quickens from 3 to 4.5 Hz, and the strides gone by."""
    times = np.arange(round(seconds * RATE)) / RATE
    strides = 3.0 * times + 0.75 * times**2 / seconds
    lag = np.arange(10)
    waves = np.cos(2 * np.pi * strides[:, None] - lag) + 0.3 * np.cos(4 * np.pi * strides[:, None])
    random = np.random.default_rng(2)
    return waves + 4.0 * lag + noise * random.standard_normal(waves.shape), strides


def test_uneven_strides_are_counted() -> None:
    coordinates, strides = uneven(4.0, 0.1)
    phase = follow_phase(coordinates, 3.7, RATE)
    assert phase is not None
    np.testing.assert_allclose(phase.strides, strides - strides[0], atol=0.06)


@pytest.mark.parametrize("usual", [2.8, 4.8])
def test_the_frequency_need_be_known_roughly_only(usual: float) -> None:
    coordinates, strides = uneven(4.0, 0.1)
    phase = follow_phase(coordinates, usual, RATE)
    assert phase is not None
    assert phase.strides[-1] == pytest.approx(strides[-1], abs=0.15)


def test_a_gap_loses_no_stride_and_noise_makes_the_count_less_sure() -> None:
    coordinates, strides = uneven(5.0, 0.1)
    coordinates[140:160, :8] = np.nan
    phase = follow_phase(coordinates, 3.7, RATE)
    noisy = follow_phase(uneven(5.0, 3.0)[0], 3.7, RATE)
    assert phase is not None
    assert noisy is not None
    assert phase.strides[-1] == pytest.approx(strides[-1], abs=0.1)
    middle = slice(60, -60)
    assert np.median(noisy.sd[middle]) > 2 * np.median(phase.sd[middle])


def test_what_cannot_tell_has_no_phase() -> None:
    coordinates, _ = uneven(4.0, 0.1)
    assert follow_phase(coordinates[:30], 3.7, RATE) is None
    assert follow_phase(np.full_like(coordinates, np.nan), 3.7, RATE) is None
