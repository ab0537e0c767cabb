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
from mousepose.io import write_dlc_csv
from mousepose.io.keypoints.registry import animals_in, load_keypoints, load_tracks
from mousepose.types import Keypoints2D

HEADER = "scorer,s,s,s,s,s,s\nbodyparts,nose,nose,nose,tail,tail,tail\n"
COORDS = "coords,x,y,likelihood,x,y,likelihood\n"
#: What pandas' quick reader of decimals, the default before pandas 3.1, may be off by.
LAST_BITS = 1e-12
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
        (HEADER, "header was cut after line 2"),
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
        (GOOD.replace("scorer", "coords"), "expected header lines .*, got coords"),
        (GOOD.replace("scorer", "bodyparts", 1), "got bodyparts, bodyparts, coords"),
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


EKS = "scorer,s,s,s,s,s\nbodyparts,a,a,a,a,a\n" + (
    "coords,x,x_posterior_var,y,likelihood,y_posterior_var\n"
)


def test_variances_of_the_smoother_become_covariances(written: Callable[[str], Path]) -> None:
    points = load_keypoints(written(EKS + "0,1,4,2,0.5,9\n1,,,,,\n"), fps=10)
    assert points.covariance is not None
    assert points.covariance[0, 0, 0].tolist() == [[4, 0], [0, 9]]
    assert np.isnan(points.covariance[1]).all()
    assert points.confidence.ravel().tolist() == [0.5, 0]


def test_columns_of_an_ensemble_are_left_out(written: Callable[[str], Path]) -> None:
    text = (
        "scorer" + ",s" * 9 + "\nbodyparts" + ",a" * 9 + "\ncoords,x,y,likelihood,x_ens_median,"
        "y_ens_median,x_ens_var,y_ens_var,x_posterior_var,y_posterior_var\n0,1,2,0.9,3,4,5,6,7,8\n"
    )
    points = load_keypoints(written(text), fps=10)
    assert points.xy.ravel().tolist() == [1, 2]
    assert points.covariance is not None
    assert points.covariance[0, 0, 0].tolist() == [[7, 0], [0, 8]]


@pytest.mark.parametrize("variance", ["0", "-1", "", "inf"])
def test_a_point_without_a_usable_variance_is_refused(
    written: Callable[[str], Path], variance: str
) -> None:
    with pytest.raises(FileError, match=r"without a variance above 0 at line 5 \(frame 1\), a"):
        load_keypoints(written(EKS + f"0,1,4,2,0.5,9\n1,1,{variance},2,0.5,9\n"), fps=10)


def test_marks_of_visibility_are_understood(written: Callable[[str], Path]) -> None:
    text = "scorer,s,s,s\nbodyparts,a,a,a\ncoords,x,y,visible\n"
    points = load_keypoints(written(text + "0,1,2,2\n1,3,4,1\n2,0,0,0\n3,,,\n"), fps=10)
    assert points.confidence.ravel().tolist() == [1, 0.5, 0, 0]
    assert np.isnan(points.xy[2:]).all()
    with pytest.raises(FileError, match="expected 0, 1 or 2 as visibility, got 0.7"):
        load_keypoints(written(text + "0,1,2,0.7\n"), fps=10)


LABELS = "scorer,,,me,me\nbodyparts,,,nose,nose\ncoords,,,x,y\n"


def test_labelled_images_are_frames_in_order_of_time(written: Callable[[str], Path]) -> None:
    rows = "labeled-data,m1,img0027.png,5,6\nlabeled-data,m1,img0003.png,1,2\n"
    points = load_keypoints(written(LABELS + rows), fps=10)
    assert points.frame_numbers.tolist() == [3, 27]
    assert points.xy.ravel().tolist() == [1, 2, 5, 6]
    assert points.animal == "animal0"


@pytest.mark.parametrize("slash", ["/", "\\"])
def test_images_of_several_recordings_are_a_track_each(
    written: Callable[[str], Path], slash: str
) -> None:
    names = ["data/m1/img7.png", "data/m2/img1.png", "data/m1/img8.png"]
    rows = "".join(f"{name.replace('/', slash)},{n},{n}\n" for n, name in enumerate(names))
    path = written("scorer,me,me\nbodyparts,nose,nose\ncoords,x,y\n" + rows)
    assert animals_in(path) == ("m1", "m2")
    tracks = load_tracks(path, fps=10)
    assert tracks["m1"].frame_numbers.tolist() == [7, 8]
    assert tracks["m1"].xy[:, 0, 0, 0].tolist() == [0, 2]
    with pytest.raises(InputError, match="holds 2 animals: m1, m2"):
        load_keypoints(path, fps=10)


def test_labels_with_an_empty_likelihood_are_sure(written: Callable[[str], Path]) -> None:
    text = "scorer,s,s,s\nbodyparts,a,a,a\ncoords,x,y,likelihood\nv/img1.png,1,2,\nv/img2.png,,,\n"
    assert load_keypoints(written(text), fps=10).confidence.ravel().tolist() == [1, 0]


def test_an_image_without_a_number_is_refused(written: Callable[[str], Path]) -> None:
    with pytest.raises(FileError, match=r"'labeled-data/m1/nose.png' \(row 0\) has no number"):
        load_keypoints(written(LABELS + "labeled-data,m1,nose.png,1,2\n"), fps=10)
    twice = "labeled-data,m1,img1.png,1,2\nlabeled-data,m1,img01.png,3,4\n"
    with pytest.raises(FileError, match="frame number does not increase at label 1"):
        load_keypoints(written(LABELS + twice), fps=10)


def test_predictions_of_lightning_pose_tell_the_set_of_each_image(
    written: Callable[[str], Path],
) -> None:
    header = "scorer,s,s,s,set\nbodyparts,a,a,a,\ncoords,x,y,likelihood,\n"
    rows = "labeled-data/v/img2.png,1,2,0.5,train\nlabeled-data/v/img4.png,3,4,0.6,unused\n"
    points = load_keypoints(written(header + rows), fps=10)
    assert points.keypoint_names == ("a",)
    assert points.frame_numbers.tolist() == [2, 4]
    several = ANIMALS.replace("0.6\n", "0.6,train\n").replace("\n", ",\n", 3)
    several = several.replace(",\n", ",set\n", 1).replace("likelihood\n", "likelihood,\n")
    assert animals_in(written(several)) == ("a", "b")


def test_points_of_no_animal_open_by_name_only(written: Callable[[str], Path]) -> None:
    text = ANIMALS.replace(",b", ",single").replace("nose\n", "corner\n", 1)
    path = written(text.replace("nose,nose,nose,nose,nose,corner", "nose,nose,nose,wall,wall,wall"))
    assert animals_in(path) == ("a",)
    assert load_keypoints(path, fps=10).keypoint_names == ("nose",)
    assert load_keypoints(path, fps=10, animal="single").keypoint_names == ("wall",)


def test_points_in_space_are_no_points_in_an_image(written: Callable[[str], Path]) -> None:
    text = "scorer,s,s,s\nbodyparts,a,a,a\ncoords,x,y,z\n0,1,2,3\n"
    with pytest.raises(FileError, match=r"points in space.*mousepose.load reads 3D files"):
        load_keypoints(written(text), fps=10)


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
        np.testing.assert_allclose(points.xy[:, 0], values[..., :2], rtol=LAST_BITS)
        np.testing.assert_allclose(points.confidence[:, 0], values[..., 2], rtol=LAST_BITS)
        parts = table.columns.get_level_values(1)[::3]
        assert points.keypoint_names == tuple(parts)
