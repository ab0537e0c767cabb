"""Planned recordings: cameras stand where they should, and what is told of them is true."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from mousepose.body.default import default_body
from mousepose.body.prior import load_prior
from mousepose.cli.failures import ExitCode
from mousepose.cli.rig import rig as rig_command
from mousepose.errors import InputError
from mousepose.geometry import rotation
from mousepose.geometry.camera import Camera, pinhole
from mousepose.io import write_cameras
from mousepose.report.accuracy import Accuracy
from mousepose.report.rig import PARTS, RigAccuracy, measure_rig
from mousepose.report.rig_picture import RigResult, plot_rigs
from mousepose.simulate.rig import Rig, cameras_around, cameras_on_floor, record
from mousepose.types import Floats

LENS = pinhole((1280, 1024), 1100.0)
BODY, PRIOR = default_body(), load_prior()
MIDDLE = np.array([0.0, 0.0, 15.0])


def placed(elevation: float = 30.0, distance: float = 500.0, count: int = 1) -> Rig:
    return Rig(cameras_around(LENS, count, distance, elevation))


@pytest.mark.parametrize("elevation", [-90.0, -40.0, 0.0, 30.0, 90.0])
def test_cameras_stand_where_they_are_told_to(elevation: float) -> None:
    rig = placed(elevation, 420.0, 3)
    for camera in rig.cameras:
        np.testing.assert_allclose(camera.project(MIDDLE), (639.5, 511.5), atol=1e-6)
        np.testing.assert_array_equal(camera.matrix, LENS.matrix)
    assert rig.distance_mm == pytest.approx(420)
    assert rig.elevation_deg == pytest.approx(elevation, abs=0.11)
    first, second, _ = (camera.position - MIDDLE for camera in rig.cameras)
    if abs(elevation) < 80:
        azimuth = [np.arctan2(away[1], away[0]) for away in (first, second)]
        assert np.rad2deg(azimuth[1] - azimuth[0]) == pytest.approx(120)


def moved(camera: Camera, turn: Floats, shift: Floats) -> Camera:
    """Return the camera in another world: new = turn old + shift."""
    old_from_new = np.eye(4)
    old_from_new[:3, :3], old_from_new[:3, 3] = turn.T, -turn.T @ shift
    normal = turn @ camera.floor_plane[:3]
    plane = np.append(normal, camera.floor_plane[3] - normal @ shift)
    return replace(camera, T_camera_world=camera.T_camera_world @ old_from_new, floor_plane=plane)


def test_a_rig_is_the_same_in_whatever_world_it_was_calibrated() -> None:
    turn, shift = rotation.exp([0.9, -1.4, 0.3]), np.array([300.0, -80.0, 1200.0])
    rig = placed(35.0, 500.0, 2)
    found = cameras_on_floor([moved(camera, turn, shift) for camera in rig.cameras])
    for camera in found:
        np.testing.assert_allclose(camera.floor_plane, [0, 0, 1, 0], atol=1e-9)
    heights = [camera.position[2] for camera in found]
    np.testing.assert_allclose(heights, [c.position[2] for c in rig.cameras], atol=1e-6)
    apart = np.linalg.norm(found[0].position - found[1].position)
    before = np.linalg.norm(rig.cameras[0].position - rig.cameras[1].position)
    assert apart == pytest.approx(before)
    assert np.linalg.norm(found[0].position[:2] + found[1].position[:2]) < 1e-6  # around (0, 0)


def test_a_floor_that_no_camera_knows_or_looks_at_is_told() -> None:
    with pytest.raises(InputError, match="no camera knows its floor"):
        cameras_on_floor([LENS])
    away = replace(LENS, floor_plane=np.array([0.0, 0.0, 1.0, 100.0]))  # behind the camera
    with pytest.raises(InputError, match="does not look at its floor"):
        cameras_on_floor([away])


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"noise_px": -1.0}, "noise"),
        ({"hidden_feet": 30.0}, "share"),
        ({"frames_per_second": 0.0}, "frames a second"),
        ({"cameras": ()}, "at least one camera"),
    ],
)
def test_numbers_that_make_no_recording_are_told(wrong: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        replace(placed(), **wrong)


@pytest.mark.parametrize(("count", "far", "high"), [(0, 500, 30), (1, 5, 30), (1, 500, 91)])
def test_places_that_are_none_are_told(count: int, far: float, high: float) -> None:
    with pytest.raises(InputError, match="expected"):
        cameras_around(LENS, count, far, high)


def test_marks_slide_as_far_as_the_map_says() -> None:
    rig = replace(placed(90.0), noise_px=0.0, hidden_feet=0.0)
    recording = record(rig, BODY, PRIOR, seconds=20.0)
    exact = rig.cameras[0].project(BODY.marks(recording.walk.pose, BODY.keypoints))
    px_in_a_mm = 1100.0 / 480.0
    off = (recording.keypoints.xy[:, 0] - exact) / px_in_a_mm
    sigma = BODY.keypoints.sigma.mean()
    assert np.sqrt(np.nanmean(off**2)) == pytest.approx(sigma, rel=0.1)
    steps = np.diff(off, axis=0)
    assert np.sqrt(np.nanmean(steps**2)) < 0.5 * sigma  # slowly


def test_each_seed_is_another_mouse_and_the_same_one_again() -> None:
    one, again, other = (record(placed(), BODY, PRIOR, 1.0, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.keypoints.xy, again.keypoints.xy)
    assert np.abs(one.walk.pose.shape - other.walk.pose.shape).max() > 0.01


def test_a_map_without_feet_can_be_planned() -> None:
    rig = replace(placed(), keypoints="superanimal27")
    assert np.isfinite(record(rig, BODY, PRIOR, 1.0).keypoints.xy).mean() > 0.99


def test_a_good_rig_is_better_than_a_noisy_one() -> None:
    found = [
        measure_rig(replace(placed(), noise_px=noise, frames_per_second=30), mice=1, seconds=2)
        for noise in (1.0, 12.0)
    ]
    good, bad = found
    assert 0.5 < good.parts["all"].root < bad.parts["all"].root
    assert good.parts["feet seen"].points + good.parts["feet not seen"].points == 4 * 60
    parts = [good.parts[part].points for part in PARTS if part != "all"]
    assert sum(parts) == good.parts["all"].points
    assert 0 < good.stride_mm < 15
    assert good.frames == 60


def test_a_mouse_out_of_view_is_told_not_raised() -> None:
    near = Rig(cameras_around(pinhole((200, 150), 3000.0), 1, 300.0, 30.0))
    found = measure_rig(near, mice=1, seconds=1)
    assert found.in_view < 0.2
    assert found.trouble
    assert np.isnan(found.parts["all"].root)
    told = json.loads(json.dumps(found.figures(), allow_nan=False))
    assert told["trouble"] == found.trouble
    assert told["parts"]["all"]["root"] is None


def made_up(root: float) -> RigAccuracy:
    one = Accuracy(10, root + 1, root, root - 1, 0.9)
    return RigAccuracy(dict.fromkeys(PARTS, one), 2.0, 0.95, 100)


def test_pictures_of_one_setting_and_of_several(tmp_path: Path) -> None:
    plot_rigs([RigResult({}, made_up(3.0))], tmp_path / "one.png")
    settings = [{"distance (mm)": d, "keypoints": k} for d in (300.0, 600.0) for k in ("a", "b")]
    results = [RigResult(one, made_up(3.0 + k)) for k, one in enumerate(settings)]
    plot_rigs(results, tmp_path / "several.png")
    plot_rigs([RigResult({"keypoints": k}, made_up(2.0)) for k in "ab"], tmp_path / "names.png")
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "names.png", "one.png", "several.png",
    ]  # fmt: skip
    with pytest.raises(InputError, match="no settings"):
        plot_rigs([], tmp_path / "none.png")


# The command ------------------------------------------------------------------------------------

app = typer.Typer()
app.command()(rig_command)


def called(*arguments: str) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, [*arguments, "--mice", "1", "--seconds", "1", "--fps", "30"])
    return done.exit_code, done.stdout, done.stderr


def test_the_command_tells_json_of_every_setting(tmp_path: Path) -> None:
    status, out, _ = called(
        "--elevation", "20,70", "--json", "--output", str(tmp_path / "rig.png")
    )  # fmt: skip
    assert status == 0
    found = json.loads(out)
    assert [one["setting"] for one in found] == [
        {"elevation (degrees)": 20.0}, {"elevation (degrees)": 70.0},
    ]  # fmt: skip
    assert found[0]["parts"]["feet_seen"]["root"] > 0
    assert (tmp_path / "rig.png").read_bytes().startswith(b"\x89PNG")


def test_a_camera_file_that_knows_its_floor_is_taken_as_it_stands(tmp_path: Path) -> None:
    write_cameras(tmp_path / "camera.toml", cameras_around(LENS, 1, 430.0, 55.0))
    status, out, _ = called("--camera", str(tmp_path / "camera.toml"))
    assert status == 0
    assert "1 camera, 430 mm away, 55° above" in out
    assert "stride length off by" in out
    status, out, _ = called("--camera", str(tmp_path / "camera.toml"), "--distance", "600")
    assert "600 mm away, 30° above" in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [  # the last three are no fault of the command line itself
        (["--elevation", "steep"], "--elevation: expected numbers"),
        (["--size", "wide"], "expected WIDTHxHEIGHT"),
        (["--focal", "900", "--field-of-view", "50"], "--focal and --field-of-view"),
        (["--focal", "1"], "10 px or more"),
        (["--noise", "1,2,3,4,5", "--distance", "300,400,500,600,700"], "25 settings"),
        (["--keypoints", "nope"], "unknown keypoint map 'nope'"),
        (["--camera", "nowhere.toml"], "nowhere.toml"),
        (["--output", "no_folder/rig.png"], "no_folder does not exist"),
    ],
)
def test_what_cannot_be_planned_is_one_line(arguments: list[str], message: str) -> None:
    status, _, err = called(*arguments)
    files = arguments[0] in ("--keypoints", "--camera", "--output")
    assert status == (ExitCode.FAILED if files else ExitCode.USAGE)
    assert message in err
    assert "Traceback" not in err
