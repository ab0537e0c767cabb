"""Plain csv: what anyone can write, and SLEAP's csv."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mousepose.errors import FileError, InputError
from mousepose.io.keypoints.registry import animals_in, load_keypoints, load_tracks


@pytest.fixture
def written(tmp_path: Path) -> Callable[[str], Path]:
    def write(text: str) -> Path:
        path = tmp_path / "track.csv"
        path.write_text(text, encoding="utf-8")
        return path

    return write


@pytest.mark.parametrize("ending", ["confidence", "likelihood", "score", "p"])
def test_confidence_has_any_of_its_names(written: Callable[[str], Path], ending: str) -> None:
    points = load_keypoints(
        written(f"frame,nose_x,nose_y,nose_{ending},tail_x,tail_y\n3,1,2,0.5,3,4\n"), fps=10
    )
    assert points.keypoint_names == ("nose", "tail")
    assert points.confidence.ravel().tolist() == [0.5, 1]
    assert points.times.tolist() == [0.3]


def test_rows_without_a_frame_are_counted_for_each_animal(written: Callable[[str], Path]) -> None:
    tracks = load_tracks(written("animal,a_x,a_y\nm,1,1\nn,2,2\nm,3,3\n"), fps=1)
    assert tracks["m"].frame_numbers.tolist() == [0, 1]
    assert tracks["m"].xy[:, 0, 0, 0].tolist() == [1, 3]
    assert tracks["n"].frame_numbers.tolist() == [0]


def test_its_own_times_are_used_unless_a_rate_is_given(written: Callable[[str], Path]) -> None:
    path = written("time_s,frame,a_x,a_y\n0.0,0,1,1\n0.5,3,2,2\n")
    assert load_keypoints(path).times.tolist() == [0, 0.5]
    assert load_keypoints(path, fps=10).times.tolist() == [0, 0.3]


def test_covariances_are_read(written: Callable[[str], Path]) -> None:
    points = load_keypoints(
        written("frame,a_x,a_y,a_cov_xx,a_cov_xy,a_cov_yy\n0,1,2,4,1,9\n"), fps=1
    )
    assert points.covariance is not None
    assert points.covariance.reshape(2, 2).tolist() == [[4, 1], [1, 9]]


def test_a_csv_of_sleap_is_read(written: Callable[[str], Path]) -> None:
    header = "track,frame_idx,instance.score,nose.x,nose.y,nose.score\n"
    path = written(header + "m,0,0.9,1,2,1.02\nn,0,0.9,3,4,0.5\nm,2,0.9,5,6,\n")
    tracks = load_tracks(path, fps=10)
    assert tracks["m"].frame_numbers.tolist() == [0, 2]
    assert tracks["m"].confidence.ravel().tolist() == [1, 1]
    assert tracks["n"].keypoint_names == ("nose",)


def test_a_row_without_an_animal_has_a_name_of_its_own(written: Callable[[str], Path]) -> None:
    path = written("frame,animal,a_x,a_y\n0,m,1,1\n0,,2,2\n")
    assert animals_in(path) == ("m", "animal1")
    assert load_keypoints(path, fps=1, animal="animal1").xy.ravel().tolist() == [2, 2]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("frame,nose_x,tail_x,tail_y\n", "missing: nose_y"),
        ("frame,a_x,a_y,a_x\n0,1,1,1\n", "repeated columns: a_x"),
        ("frame,a_x,a_y\n", "no frames"),
        ("frame,a_x,a_y\n0,1\n", "line|Row #2: Expected 3 columns, got 2"),
        ("frame,a_x,a_y\n0,1,left\n", "'left'"),
        ("frame,a_x,a_y\n0.5,1,1\n", r"no whole number from 0 on at line 2 \(frame 0.5\)"),
        ("frame,a_x,a_y\n1,1,1\n1,1,1\n", "does not increase at line 3"),
        ("frame,animal,a_x,a_y\n1,m,1,1\n1,m,1,1\n", "does not increase at row 1"),
        ("frame,a_x,a_y,a_p\n0,1,1,1.5\n", "confidence lies outside 0-1 at line 2"),
        (
            "frame,a_x,a_y,b_x,b_y,b_cov_xx,b_cov_xy,b_cov_yy\n0,1,1,1,1,1,0,1\n",
            "missing: a_cov_xx, _xy, _yy",
        ),
        ("frame,a_x,a_y,a_z\n0,1,1,1\n", "points in space.*mousepose.load"),
        (
            "a_x,a_y,a_z,a_error,a_ncams,a_score,M_00,center_0,fnum\n1,1,1,0.1,2,0.9,1,0,0\n",
            "points in space.*mousepose.load",
        ),
        ("mouse_id,drug,swing\n1,yes,0.3\n", "no known format.*found 'mouse_id,drug,swing'"),
        ("hello\n", "no known format.*found 'hello'"),
    ],
)
def test_bad_tables_are_refused(written: Callable[[str], Path], text: str, message: str) -> None:
    path = written(text)
    with pytest.raises(FileError, match=message) as refusal:
        load_keypoints(path, fps=10)
    assert str(path) in str(refusal.value)


def test_the_rate_is_asked_for(written: Callable[[str], Path]) -> None:
    with pytest.raises(InputError, match="holds no times: give the frame rate"):
        load_keypoints(written("frame,a_x,a_y\n0,1,1\n"))


def test_half_a_point_is_no_point(written: Callable[[str], Path]) -> None:
    points = load_keypoints(written("frame,a_x,a_y\n0,1,\n1,nan,2\n2,3,4\n"), fps=1)
    assert np.isnan(points.xy[:2]).all()
    assert points.confidence.ravel().tolist() == [0, 0, 1]
