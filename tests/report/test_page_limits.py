"""A report says what the network that found the keypoints cannot tell, and only of such."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mousepose.geometry.camera import Camera, pinhole
from mousepose.io import write_cameras
from mousepose.report.page import PageJob, write_report
from mousepose.report.page_advice import camera_verdict
from mousepose.report.page_limits import is_from_the_side, limits_of
from mousepose.report.page_stage import stage_of
from mousepose.run.report_company import Company
from mousepose.run.report_result import Result
from mousepose.run.report_tracker import Tracker, trackers_of
from mousepose.simulate import watching_camera
from results import walk, write_result


def camera(elevation: float) -> Camera:
    return watching_camera(elevation_deg=elevation, size=(320, 240), focal_px=300.0, name="side")


@pytest.fixture
def result(tmp_path: Path) -> Iterator[Result]:
    with Result(write_result(tmp_path, 60, walk(1.0))) as opened:
        yield opened


def found_by(folder: Path, model: str, view: str) -> Path:
    """Leave a file of keypoints as the network of that name writes it."""
    about = {"animals": {"animal0": {"model name": model, "view": view, "video name": "a.mp4"}}}
    told = {"mousepose_points": json.dumps(about)}
    path = folder / "a.keypoints.parquet"
    pq.write_table(pa.table({"frame": [0]}).replace_schema_metadata(told), path)
    return path


def told(result: Result, elevation: float, model: str, view: str) -> str:
    found_by(result.path.parent, model, view)
    company = Company(cameras=(camera(elevation),))
    stage = stage_of(result.at(0)[0], company.cameras)
    return " | ".join(one.what for one in limits_of(company, stage, trackers_of(result)))


@pytest.mark.parametrize(
    ("view", "elevation", "warned"),
    [("side", 80.0, True), ("unknown", 5.0, True), ("unknown", 60.0, False), ("top", 5.0, False)],
)
def test_paws_from_the_side(result: Result, view: str, elevation: float, warned: bool) -> None:
    words = told(result, elevation, "keypoints.onnx", view)
    assert ("four of ten frames" in words) == warned
    assert "network that ships, which never saw this camera" in words


def test_a_network_of_ones_own_is_not_called_the_shipped_one(result: Result) -> None:
    words = told(result, 5.0, "mine.onnx", "side")
    assert "as right as the network was taught" in words
    assert "four of ten" not in words and "that ships" not in words


def test_keypoints_of_others_tell_nothing(result: Result) -> None:
    folder = result.path.parent
    pq.write_table(pa.table({"frame": [0]}), folder / "a.keypoints.parquet")
    (folder / "b.keypoints.parquet").write_bytes(b"PAR1 cut")
    assert trackers_of(result, folder / "none.parquet") == ()
    given = found_by(folder, "keypoints.onnx", "top")
    assert trackers_of(result, given) == (Tracker("a.mp4", "keypoints.onnx", "top", True),)


def test_a_camera_from_above_or_below_is_none_from_the_side(result: Result) -> None:
    stage = stage_of(result.at(0)[0])
    found = {angle: is_from_the_side(camera(angle), stage) for angle in (-80, 0, 10, 45, 80)}
    assert [angle for angle, beside in found.items() if beside] == [0, 10]


def test_the_report_says_it_and_what_angles_of_one_camera_are_worth(tmp_path: Path) -> None:
    path = write_result(tmp_path, 60, walk(1.0))
    write_cameras(tmp_path / "camera.toml", [camera(5.0)])
    found_by(tmp_path, "keypoints.onnx", "unknown")
    warnings = write_report(PageJob(path, tmp_path / "r.html")).warnings
    assert any("Left and right paws are not told apart from the side" in one for one in warnings)
    assert "Ranges of single joint angles come out too small" in (tmp_path / "r.html").read_text()


def test_a_lens_that_was_only_assumed_is_no_calibration() -> None:
    verdict, what_to_do = camera_verdict(pinhole((640, 480), 500.0))
    assert "assumed" in verdict and "calibrate board" in what_to_do
    assert camera_verdict(camera(30.0))[1] == ""
