"""A cage of known size: exact corners give the camera back, wrong ones are told."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mousepose.calibrate.cage import calibrate_cage
from mousepose.calibrate.cage_geometry import CORNER_NAMES, Box, millimetres_per_pixel
from mousepose.errors import InputError
from mousepose.geometry.camera import Camera
from mousepose.simulate import watching_camera
from mousepose.types import Floats

BOX = Box(370.0, 210.0, 150.0)
CAMERA = watching_camera(
    (185.0, 105.0, 0.0), distance_mm=700.0, elevation_deg=40.0, azimuth_deg=-80.0, focal_px=1000.0
)
LENS = replace(CAMERA, T_camera_world=np.eye(4), floor_plane=None)
FLOOR = CORNER_NAMES[:4]


def clicks(names: tuple[str, ...], noise: float = 0.0, seed: int = 0) -> dict[str, list[float]]:
    seen = CAMERA.project(BOX.corners(names))
    seen = seen + np.random.default_rng(seed).normal(0, noise, seen.shape)
    return dict(zip(names, seen.tolist(), strict=True))


def scale(camera: Camera) -> Floats:
    return millimetres_per_pixel(camera, CAMERA.project(BOX.floor_places()))


@pytest.mark.parametrize("names", [FLOOR, CORNER_NAMES])
def test_exact_corners_give_the_camera_back(names: tuple[str, ...]) -> None:
    found = calibrate_cage(clicks(names), BOX, CAMERA.size, intrinsics=LENS)
    assert found.passed
    np.testing.assert_allclose(found.camera.T_camera_world, CAMERA.T_camera_world, atol=1e-3)
    assert found.camera.floor_plane is not None
    np.testing.assert_allclose(found.camera.floor_plane, [0, 0, 1, 0], atol=1e-6)
    assert found.rms_px < 1e-3


def test_floor_and_rim_give_the_focal_length() -> None:
    found = calibrate_cage(clicks(CORNER_NAMES), BOX, CAMERA.size)
    assert found.camera.matrix[0, 0] == pytest.approx(1000.0, rel=0.02)


@pytest.mark.parametrize("seed", range(5))
def test_clicks_two_pixels_off_give_the_scale_to_two_percent(seed: int) -> None:
    found = calibrate_cage(clicks(FLOOR, 2.0, seed), BOX, CAMERA.size, intrinsics=LENS)
    assert np.mean(scale(found.camera) / scale(CAMERA)) == pytest.approx(1.0, abs=0.02)
    assert found.uncertainty.scale_percent < 2


def test_corners_in_another_order_are_told() -> None:
    wrong = clicks(CORNER_NAMES)
    wrong["floor_front_left"], wrong["floor_front_right"] = (
        wrong["floor_front_right"], wrong["floor_front_left"],
    )  # fmt: skip
    with pytest.raises(InputError, match="order"):
        calibrate_cage(wrong, BOX, CAMERA.size, intrinsics=LENS)


def test_what_cannot_be_used_is_refused() -> None:
    with pytest.raises(InputError, match="640"):
        calibrate_cage(clicks(FLOOR), BOX, (640, 480), intrinsics=LENS)
    with pytest.raises(InputError):
        calibrate_cage(clicks(FLOOR[:3]), BOX, CAMERA.size, intrinsics=LENS)
    with pytest.raises(InputError, match="height"):
        calibrate_cage(clicks(CORNER_NAMES), Box(370, 210), CAMERA.size, intrinsics=LENS)
    with pytest.raises(InputError, match="length"):
        Box(1.0, 210.0)
