"""`mousepose convert` as it is typed: formats, endings, and what it says of mistakes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import typer
from typer.testing import CliRunner, Result

from motions import moving_sequence
from mousepose.cli.convert import convert
from mousepose.io import load_keypoints, read_points, write_dlc_csv, write_sequence
from mousepose.io.keypoints.registry_write import KEYPOINT_WRITERS
from mousepose.io.poses.registry import WRITERS
from mousepose.types import FitReport, Keypoints2D, Pose, PoseSequence

app = typer.Typer(pretty_exceptions_enable=False)
app.command()(convert)

Run = Callable[..., Result]


@pytest.fixture
def run() -> Run:
    return lambda *words: CliRunner().invoke(app, [str(word) for word in words])


@pytest.fixture
def track(tmp_path: Path) -> Path:
    """A DeepLabCut csv of two body parts in five frames."""
    xy = np.arange(20.0).reshape(5, 1, 2, 2)
    points = Keypoints2D(xy, np.ones((5, 1, 2)), np.arange(5) / 30, np.arange(5), ("nose", "tail"))
    write_dlc_csv(tmp_path / "track.csv", points)
    return tmp_path / "track.csv"


def poses(animal: str) -> PoseSequence:
    """A sequence of two points in three frames."""
    return PoseSequence(
        Pose(np.zeros((3, 3)), np.zeros((3, 3)), np.zeros((3, 1, 3)), np.zeros(1)),
        np.arange(18.0).reshape(3, 2, 3),
        np.tile(np.eye(3), (3, 2, 1, 1)),
        np.full((3, 2), 2, np.uint8),
        np.zeros((3, 1, 3)),
        np.arange(3) / 30,
        np.arange(3),
        FitReport(np.zeros(3, np.uint8), np.zeros(3, np.int64), {}),
        ("NOSE", "TAIL"),
        ("ROOT",),
        animal=animal,
    )


def test_a_track_becomes_a_table(run: Run, track: Path) -> None:
    result = run(track, "-o", track.with_suffix(".parquet"), "--fps", 30)
    assert result.exit_code == 0, result.stderr
    assert "5 frames of animal0, 2D, as Parquet table" in result.stdout
    assert f"wrote {track.with_suffix('.parquet')}" in result.stdout
    assert load_keypoints(track.with_suffix(".parquet")).times[1] == 1 / 30


def test_times_that_are_not_known_are_told(run: Run, track: Path) -> None:
    result = run(track, "-o", track.with_suffix(".parquet"))
    assert result.exit_code == 0
    assert "no times: the source has none; give the frame rate with --fps" in result.stdout


def test_poses_become_tables_of_other_programs(run: Run, tmp_path: Path) -> None:
    write_sequence(tmp_path / "poses.parquet", poses("a"), poses("b"))
    result = run(tmp_path / "poses.parquet", "-o", tmp_path / "out.csv", "--to", "anipose")
    assert result.exit_code == 0, result.stderr
    assert "3 frames of 2 animals, 3D, as anipose 3D csv" in result.stdout
    assert "left out, the format cannot hold it: times, uncertainty" in result.stdout
    for animal in ("a", "b"):
        found = read_points(tmp_path / f"out_{animal}.csv", fps=30)
        np.testing.assert_array_equal(found.xyz, poses(animal).keypoints)
    result = run(
        tmp_path / "poses.parquet", "-o", tmp_path / "b.keypoint.txt", "--animal", "b", "--debug"
    )
    assert result.exit_code == 0
    assert result.stdout.count(".keypoint.txt") == 3


def test_the_list_names_every_format(run: Run) -> None:
    result = run("--list")
    assert result.exit_code == 0
    for name in {*KEYPOINT_WRITERS, *WRITERS, "COCO json", ".analysis.h5", "anipose 3D csv"}:
        assert name in result.stdout


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "give the file to read and the file to write"),
        (("TRACK",), "give the file to read and the file to write"),
        (("nowhere.csv", "-o", "OUT.csv"), "nowhere.csv cannot be read: No such file"),
        (("TRACK", "-o", "OUT.txt"), "its ending tells no format; give one of parquet, csv"),
        (("TRACK", "-o", "OUT.csv", "--to", "excel"), "unknown format 'excel'; known: csv"),
        (("TRACK", "-o", "OUT.csv", "--to", "anipose"), "mousepose reconstruct makes points"),
        (("TRACK", "-o", "OUT.csv", "--animal", "rick"), "unknown animal"),
        (("TRACK", "-o", "OUT.csv", "--dims", "plural"), "DeepLabCut csv has none"),
    ],
)
def test_mistakes_end_in_one_line(
    run: Run, track: Path, tmp_path: Path, words: tuple[str, ...], message: str
) -> None:
    given = [
        word.replace("TRACK", str(track)).replace("OUT", str(tmp_path / "o")) for word in words
    ]
    result = run(*given)
    assert result.exit_code == 1
    assert message in result.stderr
    last = result.stderr.strip().splitlines()[-1]
    assert last.startswith("error: ")
    assert {path.name for path in tmp_path.iterdir()} == {"track.csv"}


def test_whole_poses_become_a_mesh_and_a_motion(run: Run, tmp_path: Path) -> None:
    write_sequence(tmp_path / "poses.parquet", moving_sequence(6, lost=(2,)))
    for ending, words in (
        ("glb", "1 frames have no pose and are left out"),
        ("bvh", "1 frames have no pose and repeat the one before"),
    ):
        target = tmp_path / f"out.{ending}"
        result = run(tmp_path / "poses.parquet", "-o", target, "--up", "0,0,1")
        assert result.exit_code == 0, result.stderr
        assert words in result.stdout
        assert f"wrote {target}" in result.stdout
    result = run(tmp_path / "poses.parquet", "-o", tmp_path / "m.obj", "--frames", "0:2")
    assert "2 frames of m1 as a mesh for each frame (OBJ)" in result.stdout


def test_what_only_whole_poses_know_is_refused_for_points(run: Run, track: Path) -> None:
    result = run(track, "-o", track.with_suffix(".parquet"), "--coat")
    assert result.exit_code == 2
    assert "--coat" in result.stderr
    result = run(track, "-o", track.with_suffix(".nwb"))
    assert result.exit_code == 1
    assert "holds no whole sequence" in result.stderr


def test_an_nwb_without_a_session_shows_what_one_looks_like(run: Run, tmp_path: Path) -> None:
    write_sequence(tmp_path / "poses.parquet", moving_sequence(3))
    result = run(tmp_path / "poses.parquet", "-o", tmp_path / "a.nwb")
    assert result.exit_code == 1
    assert "[subject]" in result.stderr
