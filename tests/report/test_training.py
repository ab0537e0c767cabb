"""Pictures of training are drawn, whatever is missing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mousepose.report.training import draw_crops, draw_curves, draw_reliability
from mousepose.skeleton import KEYPOINT_NAMES


@pytest.mark.parametrize(
    "history",
    [
        [{"step": 1.0}],
        [{"step": 1.0, "train.loss": 2.0, "a.median_percent": 9.0, "a.pck10": 50.0},
         {"step": 2.0, "train.loss": 1.0, "b.median_percent": 5.0}],
    ],
)  # fmt: skip
def test_curves_are_drawn(tmp_path: Path, history: list[dict[str, float]]) -> None:
    draw_curves(history, tmp_path / "curves.png")
    assert np.asarray(Image.open(tmp_path / "curves.png")).std() > 1


def test_reliability_is_drawn_for_few_and_many_points(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    confidence = random.uniform(size=500)
    right = random.uniform(size=500) < confidence
    draw_reliability({"many": (confidence, right), "few": (confidence[:3], right[:3])},
                     tmp_path / "reliability.png")  # fmt: skip
    assert (tmp_path / "reliability.png").stat().st_size > 5000


def test_points_are_drawn_where_they_are(tmp_path: Path) -> None:
    crops = np.zeros((2, 32, 32), np.uint8)
    xy = np.full((2, len(KEYPOINT_NAMES), 2), np.nan)
    xy[:, KEYPOINT_NAMES.index("LEFT_EAR")] = [8.0, 24.0]
    sure = np.ones(xy.shape[:2])
    draw_crops(crops, xy, sure, KEYPOINT_NAMES, tmp_path / "crops.png")
    drawn = np.asarray(Image.open(tmp_path / "crops.png").convert("RGB")).astype(int)
    half = drawn[:, : drawn.shape[1] // 2]
    blue = (half[..., 2] > 150) & (half[..., 0] < 100)
    dark = half.max(2) < 30
    rows, columns = np.nonzero(dark | blue)
    low, high = np.array([columns.min(), rows.min()]), np.array([columns.max(), rows.max()])
    y, x = (float(np.mean(axis)) for axis in np.nonzero(blue))
    place = (np.array([x, y]) - low) / (high - low) * 32 - 0.5
    np.testing.assert_allclose(place, [8.0, 24.0], atol=0.7)
