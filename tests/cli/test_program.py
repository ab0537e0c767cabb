"""The program as its users meet it: help, results, and one clear line when something is wrong."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import mousepose
from mousepose.cli import demo as demo_module
from mousepose.errors import InputError, UnknownNameError
from mousepose.io import read_sequence

Program = Callable[..., Any]


def test_the_version_is_the_packages(program: Program) -> None:
    found = program("--version")
    assert found.code == 0
    assert found.stdout.strip() == f"mousepose {mousepose.__version__}"


def test_without_a_command_there_is_help(program: Program) -> None:
    found = program()
    assert "reconstruct" in found.stdout + found.stderr
    assert "demo" in found.stdout + found.stderr


def test_help_has_examples(program: Program) -> None:
    found = program("reconstruct", "--help")
    assert found.code == 0
    assert "mousepose reconstruct mouse.csv --camera camera.toml" in found.stdout


def test_a_recording_becomes_a_table(program: Program, recording: Path, tmp_path: Path) -> None:
    out = tmp_path / "poses.parquet"
    found = program(
        "reconstruct", recording / "side.csv", "--camera", recording / "camera.toml", "--fps", 30,
        "--body-length", 90, "-o", out, "--frame-by-frame",
    )  # fmt: skip
    assert found.code == 0, found.stderr
    sequence = read_sequence(out)
    assert len(sequence) == 130
    assert sequence.scale_source == "body_length 90 mm"
    assert "130 frames" in found.stdout
    assert "median residual" in found.stdout
    assert f"wrote {out}" in found.stdout
    assert "WARNING" not in found.stdout


def test_without_a_scale_there_is_a_warning(
    program: Program, recording: Path, tmp_path: Path
) -> None:
    found = program(
        "reconstruct", recording / "side.csv", "--camera", recording / "intrinsics.txt",
        "--fps", 30, "-o", tmp_path / "poses.parquet", "--frame-by-frame",
    )  # fmt: skip
    assert found.code == 0, found.stderr
    assert "WARNING: nothing gives the scale" in found.stdout
    assert read_sequence(tmp_path / "poses.parquet").scale_source == "none"


def test_two_cameras_and_their_pictures(program: Program, recording: Path, tmp_path: Path) -> None:
    found = program(
        "reconstruct", recording / "side.csv", recording / "top.csv", "--camera",
        recording / "rig.toml", "--fps", 30, "-o", tmp_path / "poses.parquet", "--frame-by-frame",
        "--plots", tmp_path / "plots",
    )  # fmt: skip
    assert found.code == 0, found.stderr
    assert read_sequence(tmp_path / "poses.parquet").frame == "world"
    names = {path.stem for path in (tmp_path / "plots").glob("*.png")}
    assert names == {"overview", "sides", "trajectory", "angles", "residuals"}


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--body-length", "90", "--floor"], "choose one"),
        (["--bone", "LEFT_KNEE"], "NAME=MM"),
        (["--bone", "KNEE=15"], "KNEE"),
        (["--frames", "10"], "FROM:TO"),
        (["--obj", "meshes"], "--published-model"),
        (["--camera-name", "front"], "front"),
        (["--keypoints", "dance22"], "did you mean 'dannce22'?"),
        (["--pixel-sigma", "0"], "pixel_sigma"),
        (["--camera", "missing.toml"], r"missing\.toml"),
    ],
)
def test_what_is_wrong_is_one_line(
    program: Program, recording: Path, tmp_path: Path, options: list[str], told: str
) -> None:
    arguments = [
        "reconstruct", recording / "side.csv", "--camera", recording / "camera.toml", "--fps", 30,
        "-o", tmp_path / "poses.parquet", *options,
    ]  # fmt: skip
    found = program(*arguments)
    assert found.code == 2
    last = found.stderr.splitlines()[-1]
    assert last.startswith("error: ")
    assert "Traceback" not in found.stderr
    with pytest.raises(InputError, match=told):
        raise program(*arguments, "--debug").exception
    assert not list(tmp_path.iterdir())


def test_a_missing_file_and_a_missing_rate_are_told(
    program: Program, recording: Path, tmp_path: Path
) -> None:
    options = ["--camera", recording / "camera.toml", "-o", tmp_path / "poses.parquet"]
    for inputs, told in ((["none.csv"], "none.csv"), ([recording / "side.csv"], "--fps")):
        found = program("reconstruct", *inputs, *options)
        assert found.code == 2
        assert told in found.stderr


def test_chosen_cameras_stand_in_the_order_of_their_names(recording: Path) -> None:
    from mousepose.cli.options import chosen_cameras

    files = [recording / "rig.toml"]
    assert [camera.name for camera in chosen_cameras(files, ["top", "side"])] == ["top", "side"]
    with pytest.raises(UnknownNameError, match="side, top"):
        chosen_cameras(files, ["front"])
    with pytest.raises(InputError, match="same name"):
        chosen_cameras(files * 2, ["top"])


def test_the_demonstration_runs(
    program: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo_module, "SECONDS", 1.5)
    monkeypatch.setattr(demo_module, "GAPS", ((0.5, 0.6),))
    found = program("demo", "--output", tmp_path / "demo")
    assert found.code == 0, found.stderr
    written = {path.name for path in (tmp_path / "demo").iterdir()}
    assert {"keypoints.csv", "camera.toml", "poses.parquet", "overview.png"} <= written
    assert "feet it did not see" in found.stdout
    assert "mousepose reconstruct" in found.stdout
    assert len(read_sequence(tmp_path / "demo" / "poses.parquet")) == 90


def test_meshes_of_the_published_body(
    program: Program, recording: Path, tmp_path: Path, shared_data: Callable[[str], Path]
) -> None:
    found = program(
        "reconstruct", recording / "side.csv", "--camera", recording / "camera.toml", "--fps", 30,
        "--weight", 25, "-o", tmp_path / "poses.parquet", "--frame-by-frame",
        "--published-model", shared_data("google_mouse_pose_analysis"),
        "--obj", tmp_path / "meshes", "--frames", "20:23",
    )  # fmt: skip
    assert found.code == 0, found.stderr
    names = {path.name for path in (tmp_path / "meshes").iterdir()}
    assert {"frame_000020.obj", "frame_000022.keypoint.txt"} <= names
    assert len(names) == 6
