"""The multi-view table is read with its views found, and what is wrong in it is told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mousepose.dataset.dataset import MousePoseDataset
from mousepose.dataset.multiview import load_multiview
from mousepose.dataset.view_names import group_by_view
from mousepose.errors import FileError, InputError

Make = Callable[..., Path]


@pytest.mark.parametrize("folder", ["multiview", "mutliview"])
@pytest.mark.parametrize(
    "name",
    [
        "m{moment:03d}_{view}.jpg",
        "{view}/img{moment}.png",
        "images/{view}_2020-10-12_{moment:06d}.jpg",
        "cam{k}/frame_{moment}.jpg",
        "moment{moment}/{view}.png",
        "a_cam{k}_t{moment:04d}.jpg",
    ],
)
def test_views_and_moments_are_found(make_multiview: Make, name: str, folder: str) -> None:
    found = load_multiview(make_multiview(name, folder).parent)
    assert (len(found.view_names), len(found), found.rows) == (3, 5, 15)
    assert found.keypoint_names == ("ROOT_TAIL", "NOSE")
    nose, tail = found.xy[:, :, 1], found.xy[:, :, 0]
    np.testing.assert_allclose(nose[..., 0], np.arange(5)[:, None] + np.array([0.5] * 3))
    np.testing.assert_allclose(nose[..., 1], np.broadcast_to([0, 1, 2], (5, 3)))
    assert np.isfinite(tail).all(axis=-1).sum() == 10
    assert found.picture(4, 2).shape == (48, 64, 3)
    assert "is taken for the view" in found.guessed
    keypoints = found.keypoints()
    assert keypoints.xy.shape == (5, 3, 2, 2)
    assert keypoints.confidence[0, 2].tolist() == [0, 1]


def test_a_pattern_goes_before_the_guess() -> None:
    paths = [f"{k}{m}.jpg" for k in "ab" for m in "xyz"]
    views = group_by_view(paths, r"(?P<view>.)(?P<moment>.)\.jpg")
    assert views.views == ("a", "b")
    assert views.moments == ("x", "y", "z")
    with pytest.raises(InputError, match="finds no groups"):
        group_by_view(paths, r"(?P<view>\d)(?P<moment>.)")
    with pytest.raises(InputError, match="no regular expression"):
        group_by_view(paths, "(")


def test_paths_without_views_are_single_moments() -> None:
    views = group_by_view(["one.jpg", "another-thing.jpg", "x9.png"])
    assert (len(views.views), len(views.moments)) == (1, 3)
    assert "tell no views" in views.guessed


def test_pictures_are_found_under_paths_of_another_machine(make_multiview: Make) -> None:
    folder = make_multiview()
    table = folder / "keypoints.csv"
    text = table.read_text(encoding="utf-8")
    table.write_text(text.replace("\nm0", "\n/home/someone/data/multiview/../m0"), encoding="utf-8")
    found = load_multiview(folder)
    assert found.picture(0, 0).shape == (48, 64, 3)
    (folder / "m000_top.jpg").unlink()
    assert found.picture_path(0, 2) is None
    with pytest.raises(FileError, match=r"no picture '.*m000_top.jpg' for moment .*view 'top'"):
        found.picture(0, 2)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("FRAME,NOSE_X,NOSE_Y\n", "a header and no rows"),
        ("IMAGE,NOSE_X,NOSE_Y\na,1,2\n", "no column FRAME; it has IMAGE"),
        ("FRAME,NOSE\na,1\n", "no pair of columns"),
        ("FRAME,NOSE_X,NOSE_Y,NECK_X\na,1,2,3\n", "column NECK_X has no partner"),
        ("FRAME,NOSE_X,NOSE_Y\na,1\n", "row 2 has 2 cells, the header has 3"),
        ("FRAME,NOSE_X,NOSE_Y\na,1,2\nb,1,two\n", "row 3, column NOSE_Y: expected a number"),
        ("FRAME,NOSE_X,NOSE_Y\n,1,2\n", "row 2: FRAME is empty"),
        ("FRAME,NOSE_X,NOSE_Y,NOSE_X\na,1,2,3\n", "columns of different names"),
        ("FRAME,NOSE_X,NOSE_Y,HEAD_X,HEAD_Y\na,1,2,3,4\n", "two columns mean NOSE"),
        ('FRAME,NOSE_X,NOSE_Y\n"a,1,2\n', "cannot be read as CSV"),
    ],
)
def test_a_table_that_is_wrong_is_told(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "keypoints.csv").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=message):
        load_multiview(tmp_path)


@given(st.text(alphabet='FRAMENOSE_XY,."\n0123456789-einf/', max_size=120))
def test_garbage_is_a_table_or_an_error_with_the_file(tmp_path: Path, text: str) -> None:
    (tmp_path / "keypoints.csv").write_text("FRAME,NOSE_X,NOSE_Y\n" + text, encoding="utf-8")
    try:
        found = load_multiview(tmp_path)
    except InputError as error:
        assert "keypoints.csv" in str(error)
    else:
        assert found.xy.shape == (len(found), len(found.view_names), 1, 2)


def test_the_folder_of_the_data_set(make_records: Make, make_multiview: Make) -> None:
    make_multiview("{view}/{moment}.jpg", "mutliview")
    folder = make_records().parent
    (folder / "ct-scans").mkdir()
    for name in ("b.dcm", "a.dcm", "notes.txt"):
        (folder / "ct-scans" / name).write_bytes(b"")
    (folder / "intrinsics.txt").write_text("1 0 0\n0 1 0\n0 0 1\n", encoding="utf-8")
    with MousePoseDataset(folder) as data:
        assert [path.name for path in data.scans] == ["a.dcm", "b.dcm"]
        assert len(data.frames) == 36
        assert len(data.multiview) == 5
        assert data.intrinsics_path == folder / "intrinsics.txt"
    with MousePoseDataset(folder / "video_frames.tfrecord") as data:
        assert len(data.frames) == 36
        assert data.scans == ()
        with pytest.raises(FileError, match="holds no multiview"):
            _ = data.multiview


def test_a_folder_of_something_else_is_told(tmp_path: Path) -> None:
    (tmp_path / "readme.md").write_text("hello", encoding="utf-8")
    with pytest.raises(FileError, match=r"nothing of the data set; .* found readme.md"):
        MousePoseDataset(tmp_path)
    with pytest.raises(FileError, match="no such folder"):
        MousePoseDataset(tmp_path / "x")
