"""The program as its users meet it: help, results, and one clear line when something is wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mousepose
from mousepose.cli import demo as demo_module
from mousepose.errors import InputError, UnknownNameError
from mousepose.io import load_keypoints, read_sequence, write_dlc_csv

Program = Callable[..., Any]


@pytest.fixture
def coarse(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let pictures have few pixels: they are looked at in the tests of the reports."""
    monkeypatch.setattr("mousepose.report.canvas.DPI", 30)


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


@pytest.mark.usefixtures("coarse")
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


USAGE, BAD_INPUT = 2, 1


@pytest.mark.parametrize(
    ("options", "told", "code"),
    [
        (["--body-length", "90", "--floor"], "choose one", USAGE),
        (["--bone", "LEFT_KNEE"], "NAME=MM", USAGE),
        (["--bone", "KNEE=15"], "KNEE", BAD_INPUT),
        (["--frames", "10"], "FROM:TO", USAGE),
        (["--body", "none.npz"], r"none\.npz", BAD_INPUT),
        (["--camera-name", "front"], "front", BAD_INPUT),
        (["--keypoints", "dance22"], "did you mean 'dannce22'?", BAD_INPUT),
        (["--pixel-sigma", "0"], "pixel_sigma", BAD_INPUT),
        (["--camera", "missing.toml"], r"missing\.toml", BAD_INPUT),
        (["--prior", "published"], "--published-gmm FILE", USAGE),
        (["--prior", "published", "--published-gmm", "gmm.pbtxt"], "--frame-by-frame", USAGE),
        (["--published-gmm", "gmm.pbtxt"], "--prior published", USAGE),
        (["-o", "poses.xlsx"], r"its ending tells no format.*\.parquet", USAGE),
        (["-o", "nowhere/poses.parquet"], "nowhere does not exist", BAD_INPUT),
        (["--to", "excel"], "unknown format 'excel'; known: anipose, c3d, csv", USAGE),
        (["--animal", "rick"], "unknown animal", BAD_INPUT),
        (["--animal", "rick", "--all-animals"], "exclude each other", USAGE),
        (["--config", "run.toml"], r"run\.toml: cannot be read", BAD_INPUT),
    ],
)
def test_what_is_wrong_is_one_line(
    program: Program, recording: Path, tmp_path: Path, options: list[str], told: str, code: int
) -> None:
    arguments = [
        "reconstruct", recording / "side.csv", "--camera", recording / "camera.toml", "--fps", 30,
        "-o", tmp_path / "poses.parquet", *options,
    ]  # fmt: skip
    found = program(*arguments)
    assert found.code == code
    last = found.stderr.splitlines()[-1]
    assert last.startswith("error: ")
    assert "Traceback" not in found.stderr
    with pytest.raises(InputError, match=told):
        raise program(*arguments, "--debug").exception
    assert not list(tmp_path.iterdir())


def test_all_that_is_missing_is_told_at_once(program: Program) -> None:
    found = program("reconstruct")
    assert found.code == USAGE
    for told in ("no INPUT", "--output FILE", "mousepose calibrate guess"):
        assert told in found.stderr


def test_a_missing_file_and_a_missing_rate_are_told(
    program: Program, recording: Path, tmp_path: Path
) -> None:
    options = ["--camera", recording / "camera.toml", "-o", tmp_path / "poses.parquet"]
    for inputs, told in ((["none.csv"], "none.csv"), ([recording / "side.csv"], "--fps")):
        found = program("reconstruct", *inputs, *options)
        assert found.code == BAD_INPUT
        assert told in found.stderr


def test_chosen_cameras_stand_in_the_order_of_their_names(recording: Path) -> None:
    from mousepose.cli.options import chosen_cameras

    files = [recording / "rig.toml"]
    assert [camera.name for camera in chosen_cameras(files, ["top", "side"])] == ["top", "side"]
    with pytest.raises(UnknownNameError, match="side, top"):
        chosen_cameras(files, ["front"])
    with pytest.raises(InputError, match="same name"):
        chosen_cameras(files * 2, ["top"])


@pytest.mark.usefixtures("coarse")
def test_the_demonstration_runs(
    program: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo_module, "SECONDS", 1.0)
    monkeypatch.setattr(demo_module, "GAPS", ((0.5, 0.6),))
    found = program("demo", "--no-film", "--output", tmp_path / "demo")
    assert found.code == 0, found.stderr
    written = {path.name for path in (tmp_path / "demo").iterdir()}
    assert {"keypoints.csv", "camera.toml", "poses.parquet", "overview.png"} <= written
    assert "feet it did not see" in found.stdout
    assert "mousepose reconstruct" in found.stdout
    assert len(read_sequence(tmp_path / "demo" / "poses.parquet")) == 60


@pytest.mark.usefixtures("coarse")
def test_the_demonstration_films_its_mouse(
    program: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo_module, "FILM_SECONDS", 1.0)
    found = program("demo", "--output", tmp_path / "demo")
    assert found.code == 0, found.stderr
    written = {path.name for path in (tmp_path / "demo").iterdir()}
    assert {"film.mp4", "keypoints.parquet", "poses.parquet", "overlay.mp4"} <= written
    assert len(read_sequence(tmp_path / "demo" / "poses.parquet")) == 30


def test_meshes_of_the_published_body(
    program: Program, recording: Path, tmp_path: Path, shared_data: Callable[[str], Path]
) -> None:
    found = program(
        "reconstruct", recording / "side.csv", "--camera", recording / "camera.toml", "--fps", 30,
        "--weight", 25, "-o", tmp_path / "poses.parquet", "--frame-by-frame",
        "--body", shared_data("google_mouse_pose_analysis"),
        "--obj", tmp_path / "meshes", "--frames", "20:23",
    )  # fmt: skip
    assert found.code == 0, found.stderr
    names = {path.name for path in (tmp_path / "meshes").iterdir()}
    assert {"frame_000020.obj", "frame_000022.keypoint.txt"} <= names
    assert len(names) == 6


def test_the_published_prior(
    program: Program, recording: Path, tmp_path: Path, shared_data: Callable[[str], Path]
) -> None:
    out = tmp_path / "poses.parquet"
    short = tmp_path / "short.csv"
    lines = (recording / "side.csv").read_text(encoding="utf-8").splitlines()[:13]
    short.write_text("\n".join(lines) + "\n", encoding="utf-8")
    found = program(
        "reconstruct", short, "--camera", recording / "camera.toml", "--fps", 30, "--weight", 25,
        "--prior", "published", "--frame-by-frame", "-o", out, "--published-gmm",
        shared_data("google_mouse_pose_analysis") / "gmm_mixture_5.pbtxt",
    )  # fmt: skip
    assert found.code == 0, found.stderr
    assert read_sequence(out).provenance["config"]["prior"] == "published"


def _renamed(recording: Path, path: Path, names: dict[str, str]) -> Path:
    keypoints = load_keypoints(recording / "side.csv", fps=30)
    new = tuple(names.get(name, name) for name in keypoints.keypoint_names)
    write_dlc_csv(path, replace(keypoints, keypoint_names=new))
    return path


def test_columns_of_another_tracker_are_told_with_the_way_out(
    program: Program, recording: Path, tmp_path: Path
) -> None:
    keypoints = load_keypoints(recording / "side.csv", fps=30)
    strange = {name: f"point {i}" for i, name in enumerate(keypoints.keypoint_names) if i > 2}
    path = _renamed(recording, tmp_path / "strange.csv", strange)
    found = program(
        "reconstruct", path, "--camera", recording / "camera.toml", "--fps", 30,
        "-o", tmp_path / "poses.parquet",
    )  # fmt: skip
    assert found.code == BAD_INPUT
    last = found.stderr.splitlines()[-1]
    assert "knows 3 of the file's 22 columns (SPINE_SHOULDER, SPINE_MID, SPINE_HIP)" in last
    assert "not known: point 3, point 4" in last
    assert 'keypoints."point 3" = { bone = "LEFT_KNEE", offset_mm = [0, 0, 0]' in last
    assert [file.name for file in tmp_path.iterdir()] == ["strange.csv"]


def test_columns_left_out_and_exchanged_axes_are_told(
    program: Program, recording: Path, tmp_path: Path
) -> None:
    keypoints = load_keypoints(recording / "side.csv", fps=30)
    names = tuple("whisker" if n == "TIP_TAIL" else n for n in keypoints.keypoint_names)
    right = 1279 - np.nanmax(keypoints.xy[..., 0])  # beyond the 1024 rows of the image
    xy = keypoints.xy[..., ::-1] + [0.0, right]
    path = tmp_path / "exchanged.csv"
    write_dlc_csv(path, replace(keypoints, keypoint_names=names, xy=xy))
    found = program(
        "reconstruct", path, "--camera", recording / "camera.toml", "--fps", 30, "--weight", 25,
        "--frame-by-frame", "-o", tmp_path / "poses.parquet",
    )  # fmt: skip
    assert found.code == 0, found.stderr
    assert "columns left out, no keypoints of map 'dataset22' on this body: whisker" in found.stdout
    assert "x and y are swapped" in found.stdout


def test_pictures_join_the_keypoints_of_a_map_of_ones_own(recording: Path) -> None:
    from mousepose.body.keypoint_map import load_keypoint_map
    from mousepose.cli.pictures import named_by_bones

    shipped = load_keypoint_map("dataset22")
    own = replace(shipped, names=tuple(f"point {i}" for i in range(len(shipped))), aliases={})
    keypoints = load_keypoints(recording / "side.csv", fps=30)
    same = named_by_bones(keypoints, shipped)
    assert same.keypoint_names == keypoints.keypoint_names
    place = [shipped.names.index(name) for name in keypoints.keypoint_names]
    renamed = replace(keypoints, keypoint_names=tuple(f"point {i}" for i in place))
    found = named_by_bones(renamed, own).keypoint_names
    assert len(set(found)) == len(found)
    assert set(shipped.bones) <= set(found)
