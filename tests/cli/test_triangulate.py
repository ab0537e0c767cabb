"""`mousepose triangulate` as a user types it: what it says, what it writes, how it ends."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from mousepose.body.default import default_body
from mousepose.body.prior import load_prior
from mousepose.cli.failures import ExitCode
from mousepose.cli.triangulate import EXAMPLES, triangulate
from mousepose.io import read_cameras, read_points, write_cameras, write_dlc_csv
from mousepose.simulate import observe, walking_mouse, watching_camera

app = typer.Typer()
app.command(epilog=EXAMPLES)(triangulate)
FPS = 6.0


class Result:
    def __init__(self, arguments: tuple[object, ...]) -> None:
        found = CliRunner().invoke(app, [str(argument) for argument in arguments])
        self.code, self.out, self.err = found.exit_code, found.stdout, found.stderr


def run(*arguments: object) -> Result:
    return Result(arguments)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with front.csv, side.csv, rig.toml of both, and a multi-view table of all."""
    folder = tmp_path_factory.mktemp("views")
    body, prior = default_body(), load_prior()
    walk = walking_mouse(
        body, 8, FPS, turn_radius_mm=120, shape=np.array(prior.shape), posture=prior.mean, seed=2
    )
    cameras = [
        watching_camera(azimuth_deg=-90, elevation_deg=35, name="front"),
        watching_camera(azimuth_deg=10, elevation_deg=50, name="side"),
    ]
    for number, camera in enumerate(cameras):
        seen = observe(
            body, walk.pose, walk.times, camera, noise_px=1.5, outliers=0.02, seed=number
        )
        write_dlc_csv(folder / f"{camera.name}.csv", seen)
    write_cameras(folder / "rig.toml", cameras)
    return folder


def files(folder: Path) -> tuple[Path, Path]:
    return folder / "front.csv", folder / "side.csv"


def test_points_pictures_and_figures_are_written(folder: Path, tmp_path: Path) -> None:
    out, figures = tmp_path / "points.parquet", tmp_path / "figures.json"
    found = run(
        *files(folder), "--camera", folder / "rig.toml", "--fps", FPS, "-o", out,
        "--plots", tmp_path / "plots", "--json", figures,
    )  # fmt: skip
    assert found.code == ExitCode.OK, found.err
    assert "points known (48 frames)" in found.out
    assert read_points(out).xyz.shape[0] == 48
    assert (tmp_path / "plots" / "triangulation.png").stat().st_size > 20_000
    document = json.loads(figures.read_text())
    assert document["frames"] == 48
    assert set(document["cameras"]) == {"front", "side"}
    assert document["cameras"]["side"]["median_px"] < 3
    assert sum(document["points"].values()) == 48 * len(document["keypoints"])
    assert all(json.loads(line)["stage"] for line in found.err.splitlines() if line)


def test_cameras_are_found_and_written(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "points.csv"
    found = run(
        *files(folder), "--self-calibrate", "--camera", folder / "rig.toml", "--fps", FPS,
        "-o", out, "--force",
    )  # fmt: skip
    assert found.code == ExitCode.OK, found.err
    assert "all lengths +-" in found.out
    cameras = read_cameras(tmp_path / "points_cameras.toml")
    assert [camera.name for camera in cameras] == ["front", "side"]
    assert "mouse itself" in cameras[0].source
    true = read_cameras(folder / "rig.toml")
    away = [np.linalg.norm(rig[1].position - rig[0].position) for rig in (true, cameras)]
    assert abs(np.log(away[0] / away[1])) < 0.3
    again = run(
        *files(folder), "--camera", tmp_path / "points_cameras.toml", "--fps", FPS,
        "-o", tmp_path / "again.csv",
    )  # fmt: skip
    assert again.code == ExitCode.OK
    first, second = (read_points(path, fps=FPS).xyz for path in (out, tmp_path / "again.csv"))
    assert np.nanmax(np.abs(first - second)) < 0.01


def test_poor_cameras_are_not_written_unless_forced(tmp_path: Path, folder: Path) -> None:
    for path in files(folder):
        lines = path.read_text().splitlines(keepends=True)
        (tmp_path / path.name).write_text("".join(lines[: len(lines) - 42]))
    found = run(
        *files(tmp_path), "--self-calibrate", "--camera", folder / "rig.toml", "--fps", FPS,
        "-o", tmp_path / "points.csv",
    )  # fmt: skip
    assert found.code == ExitCode.NOT_GOOD_ENOUGH
    assert "FAIL" in found.out
    assert "--force" in found.out
    assert not list(tmp_path.glob("points*"))


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ((), "--camera FILE is missing"),
        (("--size", "640x480"), "only with --self-calibrate"),
        (("--body-length", "90"), "only with --self-calibrate"),
        (("--self-calibrate", "--size", "640"), "expected WIDTHxHEIGHT"),
        (("--self-calibrate",), "--size"),
        (("--self-calibrate", "--camera", "RIG", "--field-of-view", "60"), "leave out --size"),
        (("--camera", "RIG", "--camera-name", "top"), "unknown camera"),
        (("--camera", "RIG", "--camera-name", "side"), "2 views"),
        (("--camera", "RIG", "--to", "word"), "unknown format"),
    ],
)
def test_what_is_wrong_is_told_in_one_line(
    folder: Path, tmp_path: Path, options: tuple[str, ...], told: str
) -> None:
    given = [str(folder / "rig.toml") if option == "RIG" else option for option in options]
    found = run(*files(folder), "--fps", FPS, "-o", tmp_path / "points.csv", *given)
    assert found.code in (ExitCode.USAGE, ExitCode.FAILED)
    errors = [line for line in found.err.splitlines() if not line.startswith("{")]
    assert len(errors) == 1
    assert errors[0].startswith("error: ")
    assert told in errors[0]
    assert not list(tmp_path.iterdir())


def test_help_shows_examples() -> None:
    found = run("--help")
    assert found.code == 0
    assert "--self-calibrate" in found.out
    assert "DATASET/multiview/keypoints.csv" in found.out
