"""`mousepose reconstruct` with several animals, other formats, and told before it is done."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from mousepose.io import load_keypoints, read_points, read_sequence, write_dlc_csv, write_keypoints
from mousepose.run.keypoint_files import cut

Program = Callable[..., Any]
BAD_INPUT, USAGE, NOT_GOOD_ENOUGH = 1, 2, 3


@pytest.fixture(scope="module")
def two_mice(recording: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of two animals: the same mouse at two times."""
    keypoints = cut(load_keypoints(recording / "side.csv", fps=30), 0, 60)
    later = load_keypoints(recording / "side.csv", fps=30)
    later = replace(cut(later, 60, 120), times=keypoints.times, animal="rick")
    later = replace(later, frame_numbers=keypoints.frame_numbers)
    path = tmp_path_factory.mktemp("two") / "two_mice.parquet"
    write_keypoints(path, replace(keypoints, animal="morty"), later)
    return path


@pytest.fixture
def words(two_mice: Path, recording: Path) -> list[Any]:
    return [
        "reconstruct", two_mice, "--camera", recording / "camera.toml", "--weight", 25,
        "--frame-by-frame",
    ]  # fmt: skip


def test_two_animals_in_a_call_for_one_are_told(
    program: Program, words: list[Any], tmp_path: Path
) -> None:
    found = program(*words, "-o", tmp_path / "poses.parquet")
    assert found.code == BAD_INPUT
    assert "holds 2 animals: morty, rick; choose one with --animal NAME" in found.stderr
    assert "--all-animals" in found.stderr
    assert not list(tmp_path.iterdir())


def test_every_animal_gets_a_file_and_pictures(
    program: Program, words: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mousepose.report.canvas.DPI", 30)
    out, plots = tmp_path / "poses.parquet", tmp_path / "plots"
    found = program(*words, "-o", out, "--all-animals", "--plots", plots)
    assert found.code == 0, found.stderr
    assert {path.name for path in tmp_path.iterdir()} == {
        "plots", "poses_morty.parquet", "poses_rick.parquet",
    }  # fmt: skip
    for animal in ("morty", "rick"):
        sequence = read_sequence(tmp_path / f"poses_{animal}.parquet")
        assert (sequence.animal, len(sequence)) == (animal, 60)
        assert (plots / f"poses_{animal}" / "overview.png").exists()
        assert f"{animal}:" in found.stdout
    assert "rick: solving" in found.stderr
    alone = tmp_path / "alone.parquet"
    assert program(*words, "-o", alone, "--animal", "rick").code == 0
    np.testing.assert_array_equal(
        read_sequence(alone).keypoints, read_sequence(tmp_path / "poses_rick.parquet").keypoints
    )


def test_one_file_holds_all_animals_where_its_format_can(
    program: Program, words: list[Any], tmp_path: Path
) -> None:
    pytest.importorskip("h5netcdf", reason="writes a netCDF")
    pytest.importorskip("xarray", reason="writes a netCDF")
    found = program(*words, "-o", tmp_path / "poses.nc", "--all-animals")
    assert found.code == 0, found.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["poses.nc"]
    for animal in ("morty", "rick"):
        assert read_points(tmp_path / "poses.nc", animal=animal).xyz.shape == (60, 22, 3)
    with h5py.File(tmp_path / "poses.nc") as file:
        assert file.attrs["source_file"] == Path(words[1]).name


def test_another_format_holds_the_same_points(
    program: Program, words: list[Any], tmp_path: Path
) -> None:
    one = [*words, "--animal", "morty", "-o"]
    assert program(*one, tmp_path / "poses.parquet").code == 0
    assert program(*one, tmp_path / "anipose.csv").code == 0
    found = program(*one, tmp_path / "plain.csv", "--to", "csv")
    assert found.code == 0, found.stderr
    assert {path.suffix for path in tmp_path.iterdir()} == {".parquet", ".csv"}
    whole = read_sequence(tmp_path / "poses.parquet").keypoints
    for name in ("anipose.csv", "plain.csv"):
        points = read_points(tmp_path / name, fps=30)
        np.testing.assert_allclose(points.xyz, whole, atol=1e-5)


def test_poses_stay_where_their_format_fails(
    program: Program, words: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: object, **__: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr("mousepose.cli.execution.convert", failing)
    found = program(*words, "--animal", "rick", "-o", tmp_path / "poses.csv")
    assert found.code == BAD_INPUT
    assert "no space left" in found.stderr
    (kept,) = tmp_path.iterdir()
    assert kept.name in found.stderr
    assert len(read_sequence(kept)) == 60


@pytest.mark.parametrize("flag", ["-o", "--write-config"])
def test_a_file_that_is_read_is_never_written(
    program: Program, recording: Path, tmp_path: Path, flag: str
) -> None:
    (tmp_path / "folder").mkdir()
    for name in ("side.csv", "camera.toml"):
        (tmp_path / name).write_bytes((recording / name).read_bytes())
    words = ["reconstruct", tmp_path / "side.csv", "--camera", tmp_path / "camera.toml"]
    words += ["--fps", 30, "--to", "csv", "-o", tmp_path / "poses.csv"]
    for name in ("side.csv", "folder/../side.csv", "camera.toml"):
        found = program(*words, flag, tmp_path / name)
        assert found.code == USAGE
        assert "is a file that is read" in found.stderr
    for name in ("side.csv", "camera.toml"):
        assert (tmp_path / name).read_bytes() == (recording / name).read_bytes()


def test_a_dry_run_tells_and_does_nothing(
    program: Program, words: list[Any], tmp_path: Path
) -> None:
    out = tmp_path / "poses.nc"
    found = program(*words, "-o", out, "--all-animals", "--dry-run", "--plots", tmp_path / "plots")
    assert found.code == 0, found.stderr
    for told in (
        "two_mice.parquet (Parquet), morty", "rick", "camera 'side', 1280 x 1024 px",
        "22 of 22 columns, map 'dataset22'", "scale from: weight 25 g", "frame of the",
        f"output: {out} (movement netCDF)", "nothing was reconstructed",
    ):  # fmt: skip
        assert told in found.stdout
    assert not list(tmp_path.iterdir())


def test_the_camera_of_another_video_is_told(
    program: Program, recording: Path, tmp_path: Path
) -> None:
    keypoints = load_keypoints(recording / "side.csv", fps=30)
    write_dlc_csv(tmp_path / "large.csv", replace(keypoints, xy=3 * keypoints.xy))
    found = program(
        "reconstruct", tmp_path / "large.csv", "--camera", recording / "camera.toml", "--fps", 30,
        "-o", tmp_path / "poses.parquet",
    )  # fmt: skip
    assert found.code == BAD_INPUT
    assert "outside the 1280 x 1024 px image of camera 'side'" in found.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["large.csv"]


def test_a_result_that_fits_nothing_does_not_pass(
    program: Program, recording: Path, tmp_path: Path
) -> None:
    keypoints = load_keypoints(recording / "side.csv", fps=30)
    noise = np.random.default_rng(0).uniform(100, 900, keypoints.xy.shape)
    write_dlc_csv(
        tmp_path / "noise.csv",
        replace(keypoints, xy=noise, confidence=np.ones_like(keypoints.confidence)),
    )
    found = program(
        "reconstruct", tmp_path / "noise.csv", "--camera", recording / "camera.toml", "--fps", 30,
        "--weight", 25, "--frame-by-frame", "-o", tmp_path / "poses.parquet",
    )  # fmt: skip
    assert found.code == NOT_GOOD_ENOUGH, found.stdout
    assert "NOT GOOD ENOUGH: only " in found.stdout
    assert len(read_sequence(tmp_path / "poses.parquet")) == len(keypoints)


def test_a_map_that_fits_better_is_told(program: Program, recording: Path, tmp_path: Path) -> None:
    keypoints = load_keypoints(recording / "side.csv", fps=30)
    names = ("snout", "leftear", "rightear", "tailbase")
    chosen = ("NOSE", "LEFT_EAR", "RIGHT_EAR", "ROOT_TAIL")
    columns = [keypoints.keypoint_names.index(name) for name in chosen]
    few = replace(
        keypoints, xy=keypoints.xy[:, :, columns], keypoint_names=names,
        confidence=keypoints.confidence[:, :, columns],
    )  # fmt: skip
    write_dlc_csv(tmp_path / "few.csv", few)
    words = [
        "reconstruct", tmp_path / "few.csv", "--camera", recording / "camera.toml", "--fps", 30,
        "--weight", 25, "--frame-by-frame", "-o", tmp_path / "poses.parquet",
    ]  # fmt: skip
    found = program(*words)
    assert found.code == BAD_INPUT
    assert "'openfield4' knows 4 of 4: give --keypoints openfield4" in found.stderr
    found = program(*words, "--keypoints", "openfield4")
    assert found.code == 0, found.stderr
