"""Which way a mouse heads: turns with it, and needs no pair of points of its own."""

from __future__ import annotations

import numpy as np
import pytest

from mousepose.body.heading import ALONG_TRUNK, headings
from mousepose.skeleton import KEYPOINT_NAMES


def straight(angle: np.ndarray) -> np.ndarray:
    """Keypoints (N, 22, 2) of straight mice that head `angle` (N,); limbs are anywhere."""
    random = np.random.default_rng(0)
    along = np.array([ALONG_TRUNK.get(name, np.nan) for name in KEYPOINT_NAMES])
    along = np.where(np.isnan(along), random.normal(size=len(along)), along)
    xy = 30 * along[None, :, None] * np.stack([np.cos(angle), np.sin(angle)], -1)[:, None]
    return np.asarray(xy + random.normal(size=(len(angle), 1, 2)))


@pytest.mark.parametrize("hidden", [(), ("NOSE",), ("ROOT_TAIL", "SPINE_HIP"), ("NECK",)])
def test_a_straight_mouse_heads_where_it_heads(hidden: tuple[str, ...]) -> None:
    angle = np.linspace(-3, 3, 13)
    xy = straight(angle)
    xy[:, [KEYPOINT_NAMES.index(name) for name in hidden]] = np.nan
    np.testing.assert_allclose(headings(xy, KEYPOINT_NAMES), angle, atol=1e-9)


def test_points_without_weight_do_not_count() -> None:
    xy, weight = straight(np.array([0.5])), np.ones((1, 22))
    xy[0, KEYPOINT_NAMES.index("NOSE")] += 100
    weight[0, KEYPOINT_NAMES.index("NOSE")] = 0
    np.testing.assert_allclose(headings(xy, KEYPOINT_NAMES, weight), 0.5)


def test_too_few_points_tell_nothing() -> None:
    xy = straight(np.array([0.5, 1.0]))
    others = [k for k, name in enumerate(KEYPOINT_NAMES) if name not in ("NOSE", "LEFT_HIND_PAW")]
    xy[0, others] = np.nan
    assert np.isnan(headings(xy, KEYPOINT_NAMES)).tolist() == [True, False]
    assert np.isnan(headings(np.full((1, 22, 2), np.nan), KEYPOINT_NAMES)).all()
