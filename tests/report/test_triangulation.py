"""The picture of a triangulation is drawn, also where little or nothing is known."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mousepose.geometry.triangulate_keypoints import triangulate_keypoints
from mousepose.report.triangulation import plot_triangulation
from mousepose.simulate import watching_camera
from mousepose.types import Keypoints2D

CAMERAS = [
    watching_camera(azimuth_deg=azimuth, name=f"cam_{azimuth}") for azimuth in (-90, 0, 90, 180)
]


def keypoints(seen: bool) -> Keypoints2D:
    points = np.random.default_rng(0).normal([0, 0, 30], 20, (20, 5, 3))
    xy = np.stack([camera.project(points) for camera in CAMERAS], axis=1)
    if not seen:
        xy[:] = np.nan
    names = tuple(f"point {k}" for k in range(5))
    return Keypoints2D(xy, np.ones(xy.shape[:-1]), np.arange(20.0), np.arange(20), names)


@pytest.mark.parametrize("seen", [True, False])
def test_picture_is_drawn(tmp_path: Path, seen: bool) -> None:
    found = triangulate_keypoints(keypoints(seen), CAMERAS)
    plot_triangulation(found.report, found, CAMERAS, tmp_path / "picture.png")
    with Image.open(tmp_path / "picture.png") as image:
        pixels = np.asarray(image.convert("RGB"))
    assert pixels.shape[1] > 1000
    blue = (np.abs(pixels.astype(int) - [0x00, 0x72, 0xB2]).sum(axis=-1) < 12).mean()
    assert (blue > 0.01) == seen


def test_one_frame_and_two_cameras_are_enough(tmp_path: Path) -> None:
    whole = keypoints(True)
    one = replace(
        whole, xy=whole.xy[:1, :2], confidence=whole.confidence[:1, :2], times=whole.times[:1],
        frame_numbers=whole.frame_numbers[:1],
    )  # fmt: skip
    found = triangulate_keypoints(one, CAMERAS[:2])
    plot_triangulation(found.report, found, CAMERAS[:2], tmp_path / "picture.png")
    assert (tmp_path / "picture.png").exists()
