"""DeepLabCut csv: what was written comes back, what is broken is refused with its place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy

from mousepose.errors import FileError, InputError, UnknownNameError
from mousepose.io import load_keypoints, write_dlc_csv
from mousepose.types import Keypoints2D

HEADER = "scorer,s,s,s,s,s,s\nbodyparts,nose,nose,nose,tail,tail,tail\n"
COORDS = "coords,x,y,likelihood,x,y,likelihood\n"
GOOD = HEADER + COORDS + "0,1,2,0.5,3,4,0.6\n1,5,6,0.7,7,8,0.8\n"


@pytest.fixture
def written(tmp_path: Path) -> Callable[[str], Path]:
    def write(text: str) -> Path:
        path = tmp_path / "track.csv"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_values_land_where_they_belong(written: Callable[[str], Path]) -> None:
    points = load_keypoints(written(GOOD), fps=10)
    assert points.keypoint_names == ("nose", "tail")
    assert points.xy[:, 0].tolist() == [[[1, 2], [3, 4]], [[5, 6], [7, 8]]]
    assert points.confidence[:, 0].tolist() == [[0.5, 0.6], [0.7, 0.8]]
    assert points.times.tolist() == [0, 0.1]
    assert points.frame_numbers.tolist() == [0, 1]


def test_columns_are_found_by_name_not_by_place(written: Callable[[str], Path]) -> None:
    text = HEADER + "coords,y,x,likelihood,likelihood,x,y\n0,2,1,0.5,0.6,3,4\n"
    points = load_keypoints(written(text), fps=10)
    assert points.xy[0, 0].tolist() == [[1, 2], [3, 4]]
    assert points.confidence[0, 0].tolist() == [0.5, 0.6]


@pytest.mark.parametrize("change", [("\n", "\r\n"), ("scorer", "\ufeffscorer"), ("nose", '"nose"')])
def test_other_ways_to_write_the_same_csv(
    written: Callable[[str], Path], change: tuple[str, str]
) -> None:
    points = load_keypoints(written(GOOD.replace(*change)), fps=10)
    assert points.xy.sum() == 36


def test_a_table_without_likelihood_is_sure_of_its_points(written: Callable[[str], Path]) -> None:
    text = "scorer,s,s\nbodyparts,nose,nose\ncoords,x,y\n0,1,2\n1,,\n"
    points = load_keypoints(written(text), fps=10)
    assert points.confidence.ravel().tolist() == [1, 0]


@pytest.mark.parametrize("row", ["2,,,,7,8,0.8", "2,,6,0.9,7,8,0.8", "2,nan,6,,7,8,0.8"])
def test_half_a_point_is_no_point(written: Callable[[str], Path], row: str) -> None:
    points = load_keypoints(written(GOOD + row + "\n"), fps=10)
    assert np.isnan(points.xy[2, 0, 0]).all()
    assert points.confidence[2, 0].tolist() == [0, 0.8]


def test_a_confidence_a_rounding_above_one_is_one(written: Callable[[str], Path]) -> None:
    points = load_keypoints(written(GOOD.replace("0.5", "1.0000001")), fps=10)
    assert points.confidence[0, 0, 0] == 1


ANIMALS = (
    "scorer,s,s,s,s,s,s\nindividuals,a,a,a,b,b,b\nbodyparts,nose,nose,nose,nose,nose,nose\n"
    + COORDS
    + "0,1,2,0.5,3,4,0.6\n"
)


def test_one_animal_of_several_is_chosen_by_name(written: Callable[[str], Path]) -> None:
    path = written(ANIMALS)
    chosen = load_keypoints(path, fps=10, animal="b")
    assert chosen.animal == "b"
    assert chosen.xy.ravel().tolist() == [3, 4]
    with pytest.raises(InputError, match="holds 2 animals: a, b"):
        load_keypoints(path, fps=10)
    with pytest.raises(UnknownNameError, match="known: a, b"):
        load_keypoints(path, fps=10, animal="c")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (HEADER + COORDS, "no frames"),
        (HEADER, "header was cut after 2 lines"),
        (HEADER + COORDS[:20], "expected equal numbers"),
        (GOOD[:-6], "Expected 7 columns, got"),
        (GOOD + "2,5,6\n", "Row #6: Expected 7 columns, got 3"),
        (GOOD + "2,5,6,0.7,7,8,0.8,9\n", "Expected 7 columns, got 8"),
        (GOOD + "2,5,six,0.7,7,8,0.8\n", "Row #6.*'six'"),
        (GOOD.replace("1,5", "a.png,5"), "invalid value 'a.png'"),
        (GOOD.replace("1,5", "1.5,5"), r"no whole number .* line 5 \(frame 1.5\)"),
        (GOOD.replace("0,1", "-1,1"), "no whole number"),
        (GOOD.replace("1,5", ",5"), "no whole number"),
        (GOOD.replace("1,5", "0,5"), r"does not increase at line 5 \(frame 0\)"),
        (GOOD + "9,1,1,1,1,1,1\n8,1,1,1,1,1,1\n7,1,1,1,1,1,1\n", "line 7 .* and 1 more"),
        (GOOD.replace("0.7", "1.7"), r"confidence lies outside 0-1 at line 5 \(frame 1\), nose"),
        (GOOD.replace("0.6", "-0.6"), "outside 0-1 at line 4 .*tail"),
        (GOOD.replace("0.6", ""), "without a confidence at line 4"),
        (GOOD.replace("7,8", "7,inf"), "infinite at line 5"),
        (GOOD.replace("nose", "tail"), "tail has two columns 'x'; tail has two columns 'y'"),
        (GOOD.replace("coords,x,y", "coords,x,z"), "unknown column 'z'; nose has no column 'y'"),
        (GOOD.replace("bodyparts", "parts"), "expected header lines scorer, bodyparts, coords"),
    ],
)
def test_bad_files_are_refused(written: Callable[[str], Path], text: str, message: str) -> None:
    path = written(text)
    with pytest.raises(FileError, match=message) as refusal:
        load_keypoints(path, fps=10)
    assert str(path) in str(refusal.value)


def test_all_problems_are_told_at_once(written: Callable[[str], Path]) -> None:
    text = GOOD.replace("0.7", "1.7").replace("1,5", "0,5")
    with pytest.raises(FileError, match=r"does not increase.*; the confidence lies outside"):
        load_keypoints(written(text), fps=10)


@given(st.data())
def test_what_is_written_comes_back(tmp_path: Path, data: st.DataObject) -> None:
    frames = data.draw(st.integers(1, 6))
    numbers = st.floats(-1e5, 1e5) | st.just(np.nan)
    xy = data.draw(st_numpy.arrays(np.float64, (frames, 1, 2, 2), elements=numbers))
    xy[np.isnan(xy).any(axis=-1)] = np.nan
    sure = data.draw(st_numpy.arrays(np.float64, (frames, 1, 2), elements=st.floats(0, 1)))
    points = Keypoints2D(
        xy=xy,
        confidence=np.where(np.isnan(xy[..., 0]), 0.0, sure),
        times=np.arange(frames) / 10.0,
        frame_numbers=np.arange(frames),
        keypoint_names=("nose", 'tail, "tip"'),
    )
    write_dlc_csv(tmp_path / "track.csv", points)
    again = load_keypoints(tmp_path / "track.csv", fps=10)
    np.testing.assert_array_equal(again.xy, points.xy)
    np.testing.assert_array_equal(again.confidence, points.confidence)
    np.testing.assert_array_equal(again.times, points.times)
    assert again.keypoint_names == points.keypoint_names


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
        write_dlc_csv(tmp_path / "track.csv", double)


def test_real_recordings_read_as_pandas_reads_them(shared_data: Callable[[str], Path]) -> None:
    paths = sorted(shared_data("beam_side_view").glob("*DLC*.csv"))
    assert paths
    for path in paths:
        table = pd.read_csv(path, header=[0, 1, 2], index_col=0)
        points = load_keypoints(path, fps=100)
        np.testing.assert_array_equal(points.frame_numbers, table.index)
        values = table.to_numpy().reshape(len(table), -1, 3)
        np.testing.assert_allclose(points.xy[:, 0], values[..., :2], rtol=1e-15)
        np.testing.assert_allclose(points.confidence[:, 0], values[..., 2], rtol=1e-15)
        parts = table.columns.get_level_values(1)[::3]
        assert points.keypoint_names == tuple(parts)
