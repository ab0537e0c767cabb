"""Calibrated confidence is how often points are right; covariances are as wide as errors are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mousepose.errors import InputError
from mousepose.train.calibrate import calibrate, isotonic


def test_the_curve_is_how_often_points_were_right() -> None:
    random = np.random.default_rng(0)
    score = random.uniform(0, 1, 20_000)
    right = random.uniform(size=score.size) < score**3
    covariance = np.broadcast_to(np.diag([4.0, 1.0]), (score.size, 2, 2))
    off = random.normal(size=(score.size, 2)) * [2.0, 1.0] * 3.0
    found = calibrate(score, right, off, covariance, np.ones(score.size))
    for said in (0.3, 0.6, 0.9):
        assert np.interp(said, found.scores, found.confidences) == pytest.approx(said**3, abs=0.05)
    assert found.covariance_scale == pytest.approx(9.0, rel=0.05)
    assert (np.diff(found.confidences) >= 0).all() and (np.diff(found.scores) > 0).all()


def test_few_right_points_make_no_certainty() -> None:
    score = np.linspace(0.5, 1, 50)
    found = calibrate(score, np.ones(50, bool), np.zeros((50, 2)), np.tile(np.eye(2), (50, 1, 1)),
                      np.ones(50))  # fmt: skip
    assert max(found.confidences) < 0.99
    with pytest.raises(InputError, match="hold out more"):
        calibrate(score[:5], np.ones(5, bool), np.zeros((5, 2)), np.tile(np.eye(2), (5, 1, 1)),
                  np.ones(5))  # fmt: skip


def test_weights_decide_what_counts() -> None:
    score = np.tile(np.linspace(0, 1, 200), 2)
    right = np.repeat([True, False], 200)
    off, spread = np.zeros((400, 2)), np.tile(np.eye(2), (400, 1, 1))
    first = calibrate(score, right, off, spread, np.repeat([1.0, 1e-6], 200))
    second = calibrate(score, right, off, spread, np.repeat([1e-6, 1.0], 200))
    assert min(first.confidences) > 0.9 and max(second.confidences) < 0.1


@given(st.lists(st.floats(-5, 5), min_size=1, max_size=30))
def test_isotonic_rises_and_keeps_the_mean(values: list[float]) -> None:
    given_values = np.array(values)
    rising = isotonic(given_values, np.ones(len(values)))
    assert (np.diff(rising) >= -1e-12).all()
    assert rising.mean() == pytest.approx(given_values.mean(), abs=1e-9)
    np.testing.assert_allclose(isotonic(np.sort(given_values), np.ones(len(values))),
                               np.sort(given_values), atol=1e-12)  # fmt: skip
