"""Decoding: a drawn normal distribution gives its centre and its covariance."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mousepose.detect.heatmaps import LEAST_SPREAD, decode
from mousepose.types import Floats

CELLS, STRIDE = 32, 4.0


def drawn(centre: Floats, covariance: Floats) -> Floats:
    """Log of normal distributions about centres (N, 2) cells as maps (N, 1, 32, 32)."""
    steps = np.arange(CELLS)
    off = np.stack(np.meshgrid(steps, steps), -1) - centre[:, None, None]
    squared = np.einsum("nhwi,nij,nhwj->nhw", off, np.linalg.inv(covariance), off)
    return np.asarray(-0.5 * squared[:, None], np.float32)


def problems(count: int) -> tuple[Floats, Floats]:
    random = np.random.default_rng(3)
    centre = random.uniform(8, CELLS - 9, (count, 2))
    root = random.normal(0, 0.5, (count, 2, 2))
    return centre, root @ root.swapaxes(1, 2) + 0.8 * np.eye(2)


def test_a_drawn_gaussian_returns_its_centre_and_covariance() -> None:
    centre, covariance = problems(60)
    found = decode(drawn(centre, covariance), STRIDE)
    assert np.abs(found.xy[:, 0] - ((centre + 0.5) * STRIDE - 0.5)).max() < 0.02
    np.testing.assert_allclose(found.covariance[:, 0] / STRIDE**2, covariance, rtol=0.01, atol=0.02)


def test_the_blob_and_the_temperature_are_taken_off() -> None:
    centre, covariance = problems(10)
    blurred = decode(drawn(centre, covariance + np.eye(2)), STRIDE, blob=1.0)
    np.testing.assert_allclose(blurred.covariance[:, 0] / STRIDE**2, covariance, atol=0.03)
    sharper = decode(drawn(centre, covariance), STRIDE, temperature=0.5)
    np.testing.assert_allclose(sharper.covariance[:, 0] / STRIDE**2, covariance / 2, atol=0.05)


def test_the_score_is_the_chance_within_the_radius() -> None:
    centre = np.array([[15.0, 16.0]])
    found = decode(drawn(centre, np.eye(2)[None] * 2.25), STRIDE, radius=3.0)
    assert found.score[0, 0] == pytest.approx(1 - np.exp(-(3.0**2) / 2 / 2.25), abs=0.02)


def test_a_second_top_lowers_the_score_and_widens_the_covariance() -> None:
    one = drawn(np.array([[8.0, 8.0]]), np.eye(2)[None])
    two = np.logaddexp(one, drawn(np.array([[24.0, 8.0]]), np.eye(2)[None]) - 0.3)
    alone, both = decode(one, STRIDE), decode(two, STRIDE)
    np.testing.assert_allclose(both.xy, alone.xy, atol=0.05)
    assert both.score[0, 0] < 0.7 * alone.score[0, 0]
    assert both.covariance[0, 0, 0, 0] > 20 * alone.covariance[0, 0, 0, 0]


def test_a_map_that_is_not_finite_gives_no_point() -> None:
    maps = drawn(np.array([[8.0, 8.0], [9.0, 9.0]]), np.stack([np.eye(2)] * 2))
    maps[0, 0, 3, 3] = np.nan
    found = decode(maps, STRIDE)
    assert np.isnan(found.xy[0]).all() and found.score[0, 0] == 0
    assert np.isfinite(found.xy[1]).all()


@given(st.integers(0, 10_000))
def test_any_map_gives_a_point_near_its_highest_cell_and_a_proper_covariance(seed: int) -> None:
    random = np.random.default_rng(seed)
    maps = (random.normal(size=(2, 3, 9, 7)) * random.choice([1e-3, 1, 30])).astype(np.float32)
    found = decode(maps, 1.0, blob=1.0)
    row, column = np.unravel_index(maps.reshape(2, 3, -1).argmax(-1), (9, 7))
    assert np.abs(found.xy - np.stack([column, row], -1)).max() <= 2.6
    assert (np.linalg.eigvalsh(found.covariance) > 1e-3 * LEAST_SPREAD**2).all()
    assert ((found.score >= 0) & (found.score <= 1 + 1e-6)).all()
