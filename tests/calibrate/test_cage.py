"""A cage of known size: exact corners give the camera back, wrong ones are told."""

from __future__ import annotations

import itertools
import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from mousepose.calibrate.cage import calibrate_cage
from mousepose.calibrate.cage_files import read_box, read_corners, read_picture
from mousepose.calibrate.cage_geometry import CORNER_NAMES, Box, millimetres_per_pixel
from mousepose.calibrate.cage_solve import PARAMETERS, Pose, Sight, residuals
from mousepose.errors import CameraError, FileError, InputError, UnknownNameError
from mousepose.geometry import rotation
from mousepose.geometry.camera import Camera
from mousepose.simulate import watching_camera
from mousepose.types import Floats

BOX = Box(370.0, 210.0, 150.0)
CAMERA = watching_camera(
    (185.0, 105.0, 0.0), distance_mm=700.0, elevation_deg=40.0, azimuth_deg=-80.0, focal_px=1000.0
)
LENS = replace(CAMERA, T_camera_world=np.eye(4), floor_plane=None)
FLOOR, RIM = CORNER_NAMES[:4], CORNER_NAMES[4:]


def clicks(
    names: tuple[str, ...], noise: float = 0.0, seed: int = 0, camera: Camera = CAMERA
) -> dict[str, list[float]]:
    seen = camera.project(BOX.corners(names))
    seen = seen + np.random.default_rng(seed).normal(0, noise, seen.shape)
    return dict(zip(names, seen.tolist(), strict=True))


def renamed(order: tuple[int, ...], names: tuple[str, ...] = FLOOR) -> dict[str, list[float]]:
    seen = list(clicks(names).values())
    return dict(zip(names, (seen[place] for place in order), strict=True))


def scale(camera: Camera) -> Floats:
    return millimetres_per_pixel(camera, CAMERA.project(BOX.floor_places()))


@pytest.mark.parametrize("names", [FLOOR, RIM, CORNER_NAMES, (*FLOOR[:2], *RIM[:2], RIM[2])])
def test_exact_corners_give_the_camera_back(names: tuple[str, ...]) -> None:
    found = calibrate_cage(clicks(names), BOX, CAMERA.size, intrinsics=LENS)
    assert found.passed
    np.testing.assert_allclose(found.camera.T_camera_world, CAMERA.T_camera_world, atol=1e-3)
    np.testing.assert_allclose(found.camera.floor_plane, [0, 0, 1, 0], atol=1e-6)
    assert found.rms_px < 1e-3


def test_a_calibrated_lens_is_taken_out() -> None:
    bent = replace(CAMERA, distortion=np.array([-0.3, 0.1, 1e-3, -1e-3, 0.0]))
    lens = replace(bent, T_camera_world=np.eye(4), floor_plane=None)
    found = calibrate_cage(clicks(FLOOR, camera=bent), BOX, bent.size, intrinsics=lens)
    np.testing.assert_allclose(found.camera.T_camera_world, bent.T_camera_world, atol=1e-3)


def test_floor_and_rim_give_the_focal_length() -> None:
    found = calibrate_cage(clicks(CORNER_NAMES), BOX, CAMERA.size)
    assert found.camera.matrix[0, 0] == pytest.approx(1000.0, rel=0.02)


def test_marks_of_known_place_stand_in_for_corners() -> None:
    places = np.array([[0, 0, 80], [370, 0, 80], [370, 210, 0], [0, 210, 0], [185, 0, 40.0]])
    seen = CAMERA.project(places)
    marks = {f"mark{i}": [*xy, *at] for i, (xy, at) in enumerate(zip(seen, places, strict=True))}
    found = calibrate_cage(marks, BOX, CAMERA.size, intrinsics=LENS)
    np.testing.assert_allclose(found.camera.T_camera_world, CAMERA.T_camera_world, atol=1e-3)


@pytest.mark.parametrize("known", [True, False])
def test_clicks_two_pixels_off_are_as_far_off_as_is_said(known: bool) -> None:
    names = FLOOR if known else CORNER_NAMES
    lens = LENS if known else None
    off, said = [], []
    for seed in range(8):
        found = calibrate_cage(clicks(names, 2.0, seed), BOX, CAMERA.size, intrinsics=lens)
        off.append(100 * np.sqrt(np.mean(np.log(scale(found.camera) / scale(CAMERA)) ** 2)))
        said.append(found.uncertainty.scale_percent)
    assert max(off) < 2.0
    assert 0.4 < np.sqrt(np.mean(np.square(off)) / np.mean(np.square(said))) < 1.6


@pytest.mark.parametrize("order", sorted(itertools.permutations(range(4))))
def test_every_other_order_of_the_floor_is_told(order: tuple[int, ...]) -> None:
    if order in ((0, 1, 2, 3), (2, 3, 0, 1)):  # the same cage, its world turned by half a turn
        assert calibrate_cage(renamed(order), BOX, CAMERA.size, intrinsics=LENS).passed
        return
    with pytest.raises(InputError, match="did you mean") as told:
        calibrate_cage(renamed(order), BOX, CAMERA.size, intrinsics=LENS)
    proposed = re.search(r'"([^"]+)"', str(told.value))
    assert proposed
    assert calibrate_cage(read_corners(proposed[1]), BOX, CAMERA.size, intrinsics=LENS).passed, (
        "the order that is told fits"
    )


def test_floor_and_rim_exchanged_is_told() -> None:
    wrong = renamed((4, 5, 6, 7, 0, 1, 2, 3), CORNER_NAMES)
    with pytest.raises(InputError, match="floor and rim are exchanged"):
        calibrate_cage(wrong, BOX, CAMERA.size, intrinsics=LENS)


def test_the_first_corner_decides_between_two_equal_worlds() -> None:
    found = calibrate_cage(renamed((2, 3, 0, 1)), BOX, CAMERA.size, intrinsics=LENS)
    turned = np.diag([-1.0, -1.0, 1.0]) @ (CAMERA.position - [370, 210, 0])
    np.testing.assert_allclose(found.camera.position, turned, atol=1e-2)


def test_a_cage_of_another_size_does_not_pass() -> None:
    wrong = Box(370.0, 300.0, 150.0)
    found = calibrate_cage(clicks(CORNER_NAMES), wrong, CAMERA.size, intrinsics=LENS)
    assert not found.passed
    assert "do not fit" in found.failures[0]


def test_a_floor_seen_from_above_does_not_show_the_focal_length() -> None:
    above = watching_camera((185.0, 105.0, 0.0), distance_mm=700.0, elevation_deg=89.0)
    with pytest.raises(InputError, match="--field-of-view"):
        calibrate_cage(clicks(FLOOR, camera=above), BOX, above.size)


def test_what_cannot_be_used_is_refused() -> None:
    with pytest.raises(CameraError, match="640"):
        calibrate_cage({n: [10 * i, i * i] for i, n in enumerate(FLOOR)}, BOX, (640, 480),
                       intrinsics=LENS)  # fmt: skip
    with pytest.raises(InputError, match="at least 4"):
        calibrate_cage(clicks(FLOOR[:3]), BOX, CAMERA.size, intrinsics=LENS)
    with pytest.raises(InputError, match="height"):
        calibrate_cage(clicks(CORNER_NAMES), Box(370, 210), CAMERA.size, intrinsics=LENS)
    with pytest.raises(InputError, match="outside the image"):
        calibrate_cage(clicks(FLOOR) | {FLOOR[0]: [5000, 10]}, BOX, CAMERA.size)
    with pytest.raises(InputError, match="click each corner once"):
        calibrate_cage(clicks(FLOOR) | {FLOOR[0]: clicks(FLOOR)[FLOOR[1]]}, BOX, CAMERA.size)
    with pytest.raises(UnknownNameError, match="floor_front_left"):
        calibrate_cage({"floor_left_front": [1, 2]}, BOX, CAMERA.size)
    with pytest.raises(InputError, match="length"):
        Box(1.0, 210.0)


def test_the_solvers_derivative_is_that_of_differences() -> None:
    random = np.random.default_rng(0)
    centre = CAMERA.matrix[:2, 2]
    pixels = CAMERA.project(BOX.corners(CORNER_NAMES)) - centre
    whiten = np.broadcast_to([[1.0, 0.2], [-0.1, 0.9]], (8, 2, 2))
    sight = Sight(
        BOX.corners(CORNER_NAMES), pixels, whiten, 1280, 900.0, np.array([0.3, 0.1, 9, 9])
    )
    pose = Pose(CAMERA.rotation, CAMERA.translation, np.array([0.1, -0.2, 3.0, -4.0]))
    pose = pose.moved(random.normal(0, 0.01, PARAMETERS))
    _, jacobian = residuals(sight, pose)
    step = 1e-6
    for column in range(PARAMETERS):
        move = step * np.eye(PARAMETERS)[column]
        after, before = (residuals(sight, pose.moved(sign * move))[0] for sign in (1, -1))
        slope = (after - before) / (2 * step)
        np.testing.assert_allclose(jacobian[:, column], slope, rtol=1e-4, atol=1e-4)


def test_scale_on_the_floor_is_that_of_a_short_stick() -> None:
    eye, ray = CAMERA.rays([700.0, 600.0])
    place = eye - ray * eye[2] / ray[2]
    across = rotation.exp([0.3, 0.2, 0.4]) @ np.cross(ray, [0.0, 0.0, 1.0])
    across -= ray * (across @ ray)
    across /= np.linalg.norm(across)
    ends = CAMERA.project([place - 0.5 * across, place + 0.5 * across])
    mm_per_px = 1 / np.linalg.norm(ends[1] - ends[0])
    assert millimetres_per_pixel(CAMERA, [700.0, 600.0]) == pytest.approx(mm_per_px, rel=0.02)


# Files ------------------------------------------------------------------------------------------


def test_corners_and_sizes_are_read(tmp_path) -> None:
    assert read_corners("1,2 3,4.5; 5,6\n7,8") == dict(
        zip(FLOOR, [(1, 2), (3, 4.5), (5, 6), (7, 8)], strict=True)
    )
    file = tmp_path / "corners.toml"
    file.write_bytes(b"\xef\xbb\xbffloor_front_left = [1, 2]\r\nvent = [3, 4, 50, 60, 70.5]\r\n")
    assert read_corners(str(file)) == {"floor_front_left": (1, 2), "vent": (3, 4, 50, 60, 70.5)}
    assert read_box("370x210") == Box(370, 210)
    assert read_box("370X210×150", "390x230") == Box(370, 210, 150, (390, 230))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("1,2 3,4", "2 given, expected 4"),
        ("1,2 3,4 5,6 seven,8", "'seven,8' is no corner"),
        ("", "0 given"),
        ("missing.toml", "cannot be read"),
    ],
)
def test_wrong_corners_are_told(text: str, told: str) -> None:
    with pytest.raises(InputError, match=told):
        read_corners(text)


@pytest.mark.parametrize(
    "content",
    ["rim = 3", "floor_front_left = [1]", 'floor_front_left = ["a", 2]', "[1, 2]", "a = [1, 2, 3]"],
)
def test_wrong_files_of_corners_are_told(content: str, tmp_path) -> None:
    file = tmp_path / "corners.toml"
    file.write_text(content, encoding="utf-8")
    with pytest.raises(FileError, match=r"corners\.toml"):
        read_corners(str(file))


@given(st.text(max_size=30))
def test_any_text_is_read_or_told(text: str) -> None:
    for read in (read_corners, read_box):
        try:
            read(text)
        except InputError as error:
            assert str(error)


def test_pictures_are_read_or_told(tmp_path) -> None:
    grey = np.arange(48, dtype=np.uint8).reshape(6, 8)
    Image.fromarray(grey).save(tmp_path / "grey.png")
    np.testing.assert_array_equal(read_picture(tmp_path / "grey.png"), grey)
    assert read_picture(tmp_path / "grey.png").shape == (6, 8)
    cut = tmp_path / "cut.png"
    cut.write_bytes((tmp_path / "grey.png").read_bytes()[:50])
    text = tmp_path / "text.jpg"
    text.write_text("no picture", encoding="utf-8")
    for path in (cut, text, tmp_path / "missing.png"):
        with pytest.raises(FileError, match=re.escape(path.name)):
            read_picture(path)
