"""Headings between crops that were looked at."""

from __future__ import annotations

import numpy as np

from mousepose.detect.in_sequence import between


def test_angles_go_the_shorter_way_round() -> None:
    angle = np.array([3.0, -3.0, -2.5])
    found = between(angle, np.array([0, 4, 6]), 8)
    way = np.unwrap(found)
    assert np.ptp(way) < 1.0
    np.testing.assert_allclose(np.cos(found[[0, 4, 6]] - angle), 1.0)
    assert found[7] == found[6]


def test_what_is_not_known_is_passed_over() -> None:
    found = between(np.array([0.1, np.nan, 0.5]), np.array([0, 4, 8]), 9)
    np.testing.assert_allclose(found, np.linspace(0.1, 0.5, 9))
    assert not between(np.full(2, np.nan), np.array([0, 3]), 4).any()
