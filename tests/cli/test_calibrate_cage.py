"""`mousepose calibrate cage` and `guess` as their users meet them."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from mousepose.calibrate.cage_geometry import CORNER_NAMES, Box
from mousepose.io import read_cameras, write_cameras, write_dlc_csv
from mousepose.simulate import watching_camera
from mousepose.types import Keypoints2D

Program = Callable[..., Any]

BOX = Box(370.0, 210.0, 150.0)
CAMERA = watching_camera(
    (185.0, 105.0, 0.0), distance_mm=700.0, elevation_deg=40.0, focal_px=500.0, size=(640, 480)
)


@pytest.fixture(autouse=True)
def coarse(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let pictures have few pixels: they are not looked at here."""
    monkeypatch.setattr("mousepose.report.canvas.DPI", 30)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with frame.png, lens.toml and corners.toml of a cage."""
    Image.fromarray(np.full((480, 640), 90, np.uint8)).save(tmp_path / "frame.png")
    write_cameras(tmp_path / "lens.toml", [CAMERA])
    seen = CAMERA.project(BOX.corners(CORNER_NAMES))
    lines = [f"{n} = [{x:.2f}, {y:.2f}]" for n, (x, y) in zip(CORNER_NAMES, seen, strict=True)]
    (tmp_path / "corners.toml").write_text("\n".join(lines), encoding="utf-8")
    return tmp_path


def floor_text() -> str:
    seen = CAMERA.project(BOX.corners(CORNER_NAMES[:4]))
    return " ".join(f"{x:.2f},{y:.2f}" for x, y in seen)


def cage(program: Program, folder: Path, *options: object) -> Any:
    return program(
        "calibrate", "cage", folder / "frame.png", "-o", folder / "camera.toml", *options
    )


def test_help_has_examples(program: Program) -> None:
    for command in ("cage", "guess"):
        found = program("calibrate", command, "--help")
        assert found.code == 0
        assert f"mousepose calibrate {command}" in found.stdout


def test_four_corners_and_a_lens_give_a_camera(program: Program, folder: Path) -> None:
    found = cage(
        program, folder, "--size", "370x210", "--corners", floor_text(), "--intrinsics",
        folder / "lens.toml",
    )  # fmt: skip
    assert found.code == 0, found.stderr
    assert "PASS" in found.stdout
    camera = read_cameras(folder / "camera.toml")[0]
    np.testing.assert_allclose(camera.T_camera_world, CAMERA.T_camera_world, atol=0.1)
    metadata = tomllib.loads((folder / "camera.toml").read_text(encoding="utf-8"))["metadata"]
    assert metadata["floor_plane"] == [0, 0, 1, 0]
    assert metadata["source"].startswith("cage 370x210 mm")
    assert {"scale_percent", "focal_percent", "tilt_degrees"} <= metadata.keys()
    with Image.open(folder / "camera.png") as picture:
        assert picture.width > 100


def test_floor_and_rim_need_no_lens(program: Program, folder: Path) -> None:
    found = cage(program, folder, "--size", "370x210x150", "--corners", folder / "corners.toml")
    assert found.code == 0, found.stderr
    assert read_cameras(folder / "camera.toml")[0].matrix[0, 0] == pytest.approx(500, rel=0.03)


def test_what_is_not_good_enough_is_not_written_unless_forced(
    program: Program, folder: Path
) -> None:
    options = ["--size", "370x300", "--corners", floor_text(), "--intrinsics", folder / "lens.toml"]
    found = cage(program, folder, *options)
    assert found.code == 3, found.stderr
    assert "do not fit" in found.stdout
    assert not (folder / "camera.toml").exists()
    assert (folder / "camera.png").exists()
    assert cage(program, folder, *options, "--force").code == 3
    assert (folder / "camera.toml").exists()


@pytest.mark.parametrize(
    ("options", "code", "told"),
    [
        (["--size", "370"], 1, "LENGTHxWIDTH"),
        (["--size", "370x210", "--corners", "1,2 3,4"], 1, "expected 4"),
        (["--size", "370x210", "--focal", "500", "--field-of-view", "60"], 2, "choose one"),
        (["--size", "370x210", "--intrinsics", "missing.toml"], 1, "missing.toml"),
        (["--size", "370x210", "-o", "camera.yaml"], 2, ".toml"),
    ],
)
def test_what_is_wrong_is_one_line(
    program: Program, folder: Path, options: list[str], code: int, told: str
) -> None:
    found = cage(program, folder, "--corners", floor_text(), *options)
    assert found.code == code
    assert found.stderr.splitlines()[-1].startswith("error: ")
    assert told in found.stderr
    assert not (folder / "camera.toml").exists()


def test_an_image_of_another_size_is_told(program: Program, folder: Path) -> None:
    Image.fromarray(np.zeros((240, 320), np.uint8)).save(folder / "frame.png")
    found = cage(
        program, folder, "--size", "370x210", "--corners", "10,200 300,200 250,20 60,20",
        "--intrinsics", folder / "lens.toml",
    )  # fmt: skip
    assert found.code == 1
    assert "640 x 480" in found.stderr
    assert "320 x 240" in found.stderr


def test_mice_give_a_guess(program: Program, tmp_path: Path) -> None:
    write_dlc_csv(tmp_path / "mice.csv", _mice())
    found = program(
        "calibrate", "guess", tmp_path / "mice.csv", "--size", "640x480", "--field-of-view", "65",
        "--body-length", "80", "-o", tmp_path / "camera.toml",
    )  # fmt: skip
    assert found.code == 0, found.stderr
    assert "body_length 80 mm" in found.stdout
    assert "is measured as" in found.stdout
    camera = read_cameras(tmp_path / "camera.toml")[0]
    assert camera.floor_plane is not None
    assert (tmp_path / "camera.png").exists()


@pytest.mark.parametrize(
    ("options", "code", "told"),
    [
        (["--size", "640"], 2, "WIDTHxHEIGHT"),
        (["--size", "640x480", "--camera-model", "pi"], 1, "raspberry-pi-2"),
        (["--size", "640x480", "--camera-model", "pi", "--field-of-view", "60"], 2, "choose one"),
        (["--size", "320x240"], 1, "check --size"),
    ],
)
def test_what_is_wrong_with_a_guess_is_one_line(
    program: Program, tmp_path: Path, options: list[str], code: int, told: str
) -> None:
    write_dlc_csv(tmp_path / "mice.csv", _mice(60))
    found = program(
        "calibrate", "guess", tmp_path / "mice.csv", "-o", tmp_path / "camera.toml", *options
    )
    assert found.code == code
    assert told in found.stderr
    assert not (tmp_path / "camera.toml").exists()


def _mice(frames: int = 120) -> Keypoints2D:
    """Return what a camera sees of mice that lie flat on the floor, anywhere, to all sides."""
    random = np.random.default_rng(0)
    names = ("NOSE", "LEFT_EAR", "RIGHT_EAR", "SPINE_MID", "SPINE_HIP", "ROOT_TAIL")
    body = np.array(
        [[33, 0, 9], [15, 10, 34], [15, -10, 34], [-20, 0, 40], [-38, 0, 30], [-46, 0, 22.0]]
    )
    turn = random.uniform(0, 2 * np.pi, frames)
    ahead = np.stack([np.cos(turn), np.sin(turn), 0 * turn], axis=-1)
    left = np.stack([-np.sin(turn), np.cos(turn), 0 * turn], axis=-1)
    place = np.append(random.uniform([60, 40], [310, 170], (frames, 2)), np.zeros((frames, 1)), 1)
    points = body[:, :1] * ahead[:, None] + body[:, 1:2] * left[:, None] + place[:, None]
    points = points + body[:, 2:] * [0, 0, 1] + random.normal(0, 3, points.shape)
    xy = CAMERA.project(points)[:, None]
    return Keypoints2D(
        xy=xy,
        confidence=np.ones(xy.shape[:-1]),
        times=np.arange(frames) / 30,
        frame_numbers=np.arange(frames),
        keypoint_names=names,
    )
