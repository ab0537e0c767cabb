"""Errors against a truth: what is moved is found, what was only moved is not counted."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mousepose.errors import InputError
from mousepose.geometry import rotation
from mousepose.report import compare_with_truth
from mousepose.types import PoseSequence, State


@pytest.fixture
def exact(truth: PoseSequence) -> PoseSequence:
    """The truth with a covariance that can be inverted."""
    return replace(truth, covariance=truth.covariance + np.eye(3))


def test_a_shift_is_an_error_of_place_only(exact: PoseSequence) -> None:
    found = compare_with_truth(
        replace(exact, keypoints=exact.keypoints + [3.0, 0.0, 4.0]), exact.keypoints
    )
    assert found.place == pytest.approx(5)
    assert found.root == pytest.approx(0, abs=1e-9)
    assert found.rigid == pytest.approx(0, abs=1e-9)
    assert found.points == exact.state.size


def test_a_turn_is_no_rigid_error(exact: PoseSequence) -> None:
    turn = rotation.exp([0.1, 0.5, -0.3])
    found = compare_with_truth(replace(exact, keypoints=exact.keypoints @ turn.T), exact.keypoints)
    assert found.root > 5
    assert found.rigid == pytest.approx(0, abs=1e-9)


def test_a_mirror_image_is_an_error(exact: PoseSequence) -> None:
    mirrored = exact.keypoints * [1, 1, -1]
    assert compare_with_truth(replace(exact, keypoints=mirrored), exact.keypoints).rigid > 2


def test_calibrated_regions_hold_nine_tenths(exact: PoseSequence) -> None:
    random = np.random.default_rng(0)
    spread = np.array([[4.0, 1.0, 0.0], [1.0, 2.0, 0.5], [0.0, 0.5, 9.0]])
    noise = random.standard_normal(exact.keypoints.shape) @ np.linalg.cholesky(spread).T
    noisy = replace(
        exact,
        keypoints=exact.keypoints + noise,
        covariance=np.broadcast_to(spread, exact.covariance.shape),
    )
    assert compare_with_truth(noisy, exact.keypoints).in_90_region == pytest.approx(0.9, abs=0.02)


def test_absent_points_do_not_count(exact: PoseSequence) -> None:
    points, state = exact.keypoints.copy(), exact.state.copy()
    points[::2, 3:], state[::2, 3:] = np.nan, State.ABSENT
    found = compare_with_truth(replace(exact, keypoints=points, state=state), exact.keypoints)
    assert found.points == np.count_nonzero(state)
    assert found.place == 0


def test_a_choice_of_points_counts_alone(exact: PoseSequence) -> None:
    points = exact.keypoints.copy()
    points[:, 5] += [0, 0, 6.0]
    among = np.zeros(exact.state.shape, bool)
    among[:, 5] = True
    moved = replace(exact, keypoints=points)
    assert compare_with_truth(moved, exact.keypoints, among).root == pytest.approx(6)
    assert compare_with_truth(moved, exact.keypoints, ~among).root == pytest.approx(0, abs=1e-9)


def test_nothing_to_compare_is_no_number(exact: PoseSequence) -> None:
    found = compare_with_truth(exact, exact.keypoints, np.zeros(exact.state.shape, bool))
    assert found.points == 0
    assert np.isnan(found.root)


def test_another_shape_is_told(exact: PoseSequence) -> None:
    with pytest.raises(InputError, match="truth"):
        compare_with_truth(exact, exact.keypoints[:-1])
