"""One door: what a file holds is what comes back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import mousepose.io
from mousepose.errors import FileError, InputError, UnknownNameError
from mousepose.io import load, write_keypoints, write_obj, write_sequence
from mousepose.types import Keypoints2D, Keypoints3D, PoseSequence


def test_each_kind_of_file_gives_its_own_type(
    tmp_path: Path,
    keypoints: Callable[..., Keypoints2D],
    sequence: Callable[..., PoseSequence],
) -> None:
    write_keypoints(tmp_path / "track.parquet", keypoints(5))
    write_sequence(tmp_path / "poses.parquet", sequence(5))
    write_sequence(tmp_path / "points.csv", sequence(5), format="csv")
    assert isinstance(load(tmp_path / "track.parquet"), Keypoints2D)
    assert isinstance(load(tmp_path / "poses.parquet"), PoseSequence)
    assert isinstance(load(tmp_path / "points.csv"), Keypoints3D)


def test_the_content_tells_the_format_not_the_name(
    tmp_path: Path, keypoints: Callable[..., Keypoints2D]
) -> None:
    write_keypoints(tmp_path / "track.parquet", keypoints(5))
    (tmp_path / "track.parquet").rename(tmp_path / "track.csv")
    assert isinstance(load(tmp_path / "track.csv"), Keypoints2D)


def test_rate_and_animal_reach_every_kind(
    tmp_path: Path, sequence: Callable[..., PoseSequence]
) -> None:
    write_sequence(tmp_path / "poses.parquet", sequence(4, "a"), sequence(4, "b"))
    found = load(tmp_path / "poses.parquet", fps=10, animal="b")
    assert isinstance(found, PoseSequence)
    assert (found.animal, found.times.tolist()) == ("b", [0, 0.1, 0.2, 0.3])
    with pytest.raises(InputError, match="2 animals: a, b"):
        load(tmp_path / "poses.parquet")
    with pytest.raises(UnknownNameError, match="'c'"):
        load(tmp_path / "poses.parquet", animal="c")
    with pytest.raises(InputError, match="fps: expected a positive number"):
        load(tmp_path / "poses.parquet", fps=0, animal="a")


def test_what_is_no_file_of_keypoints_is_told(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("the mouse was asleep\n")
    with pytest.raises(FileError, match=r"Known in 2D: Parquet .*SLEAP.* Known in 3D: .*anipose"):
        load(tmp_path / "notes.txt")
    write_obj(tmp_path / "mouse.obj", np.eye(3), np.array([[0, 1, 2]]))
    with pytest.raises(FileError, match="is a mesh: mousepose.io.read_obj reads it"):
        load(tmp_path / "mouse.obj")
    (tmp_path / "camera.toml").write_text('[cam_0]\nname = "top"\n')
    with pytest.raises(FileError, match="read_cameras"):
        load(tmp_path / "camera.toml")
    (tmp_path / "table.xlsx").write_bytes(b"PK\x03\x04" + bytes(100))
    with pytest.raises(FileError, match="save the table as csv"):
        load(tmp_path / "table.xlsx")
    (tmp_path / "empty.csv").touch()
    with pytest.raises(FileError, match="is empty"):
        load(tmp_path / "empty.csv")
    with pytest.raises(FileError, match="No such file"):
        load(tmp_path / "nowhere.csv")


@pytest.mark.parametrize("name", mousepose.io.__all__)
def test_every_name_is_a_function_or_class_whatever_was_imported_before(name: str) -> None:
    assert callable(getattr(mousepose.io, name))
