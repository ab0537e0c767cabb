"""Parquet of 2D keypoints."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mousepose.errors import FileError, InputError
from mousepose.io import load_keypoints, write_keypoints_parquet, write_sequence
from mousepose.types import Keypoints2D, PoseSequence


def save(path: Path, **columns: Any) -> Path:
    pq.write_table(pa.table(columns), path)
    return path


def test_what_is_written_comes_back(tmp_path: Path, keypoints: Callable[..., Keypoints2D]) -> None:
    points = keypoints(animal="m1")
    write_keypoints_parquet(tmp_path / "track.parquet", points)
    again = load_keypoints(tmp_path / "track.parquet")
    np.testing.assert_array_equal(again.xy, points.xy)
    np.testing.assert_array_equal(again.confidence, points.confidence)
    np.testing.assert_array_equal(again.times, points.times)
    np.testing.assert_array_equal(again.frame_numbers, points.frame_numbers)
    assert (again.keypoint_names, again.animal) == (points.keypoint_names, "m1")


def test_the_least_file_that_is_read(tmp_path: Path) -> None:
    path = save(
        tmp_path / "t.parquet", frame=[3, 4], NOSE_x=[1, 2], NOSE_y=[1.5, None], note=["", ""]
    )
    points = load_keypoints(path, fps=2)
    assert points.times.tolist() == [1.5, 2]
    assert points.confidence.ravel().tolist() == [1, 0]
    np.testing.assert_array_equal(points.xy.reshape(-1, 2), [[1, 1.5], [np.nan, np.nan]])


def test_a_given_frame_rate_outranks_the_times(tmp_path: Path) -> None:
    path = save(tmp_path / "t.parquet", frame=[0, 1], time_s=[0.0, 9.0], A_x=[1, 2], A_y=[1, 2])
    assert load_keypoints(path).times.tolist() == [0, 9]
    assert load_keypoints(path, fps=10).times.tolist() == [0, 0.1]


def test_interleaved_animals_are_told_apart(tmp_path: Path) -> None:
    path = save(
        tmp_path / "t.parquet",
        frame=[0, 0, 1, 1],
        animal=["a", "b", "a", "b"],
        NOSE_x=[1, 2, 3, 4],
        NOSE_y=[1, 2, 3, 4],
    )
    assert load_keypoints(path, fps=1, animal="b").xy[:, 0, 0, 0].tolist() == [2, 4]
    with pytest.raises(InputError, match="2 animals: a, b"):
        load_keypoints(path, fps=1)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"frame": [0], "A_x": [1.0]}, "missing: A_y"),
        ({"frame": [0], "nose": [1.0]}, "expected columns frame, NAME_x.*; found frame, nose"),
        ({"frame": [0], "A_x": [1.0], "A_y": [1.0], "A_z": [1.0]}, "points in space"),
        ({"frame": [0], "A_x": ["1"], "A_y": [1.0]}, "column 'A_x' holds string, expected numbers"),
        ({"frame": [None], "A_x": [1.0], "A_y": [1.0]}, "column 'frame' holds null"),
        ({"frame": [0.5], "A_x": [1.0], "A_y": [1.0]}, "no whole number"),
        ({"frame": [1, 0], "A_x": [1.0, 2.0], "A_y": [1.0, 2.0]}, "does not increase at row 1"),
        (
            {"frame": [0, 1], "time_s": [1.0, 1.0], "A_x": [1, 2], "A_y": [1, 2]},
            "time does not increase at row 1",
        ),
        ({"frame": [0], "A_x": [1.0], "A_y": [1.0], "A_confidence": [2.0]}, "outside 0-1"),
    ],
)
def test_bad_tables_are_refused(tmp_path: Path, columns: dict[str, Any], message: str) -> None:
    path = save(tmp_path / "t.parquet", **columns)
    with pytest.raises(FileError, match=message):
        load_keypoints(path, fps=None if "time_s" in columns else 10)


def test_repeated_columns_and_empty_tables_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table([[0], [1.0], [1.0]], names=["frame", "A_x", "A_x"]), path)
    with pytest.raises(FileError, match="repeated columns: A_x"):
        load_keypoints(path, fps=10)
    columns = {name: pa.array([], pa.float64()) for name in ("frame", "A_x", "A_y")}
    with pytest.raises(FileError, match="no frames"):
        load_keypoints(save(path, **columns), fps=10)


def test_a_file_of_poses_is_no_file_of_keypoints(
    tmp_path: Path, sequence: Callable[..., PoseSequence]
) -> None:
    write_sequence(tmp_path / "poses.parquet", sequence())
    with pytest.raises(FileError, match="points in space"):
        load_keypoints(tmp_path / "poses.parquet")


def test_several_cameras_do_not_fit_one_file(
    tmp_path: Path, keypoints: Callable[..., Keypoints2D]
) -> None:
    points = keypoints()
    double = replace(
        points,
        xy=np.repeat(points.xy, 2, axis=1),
        confidence=np.repeat(points.confidence, 2, axis=1),
    )
    with pytest.raises(InputError, match="one camera"):
        write_keypoints_parquet(tmp_path / "track.parquet", double)
