"""SLEAP's analysis h5: every order of axes, old files without attributes, hand-made points."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from mousepose.errors import FileError
from mousepose.io.keypoints.registry import animals_in, load_keypoints, load_tracks

ORDERS = ["".join(order) for order in itertools.permutations("axnt")]


@pytest.mark.parametrize("axes", ORDERS)
def test_the_attribute_dims_tells_the_order_of_axes(
    tmp_path: Path, mice: Callable, write: dict, axes: str
) -> None:
    # as many frames as animals, nodes twelve: shapes alone tell nothing
    truth = mice(2)
    write["sleap_h5"](tmp_path / "a.h5", truth, axes)
    for animal, track in enumerate(load_tracks(tmp_path / "a.h5", fps=1).values()):
        np.testing.assert_array_equal(track.xy[:, 0], truth.xy[animal])
        np.testing.assert_array_equal(track.confidence[:, 0], truth.sure[animal])


@pytest.mark.parametrize("axes", ["axnt", "tanx", "tnxa"])
def test_without_attributes_the_shapes_tell(
    tmp_path: Path, mice: Callable, write: dict, axes: str
) -> None:
    truth = mice(30, 1)
    write["sleap_h5"](tmp_path / "a.h5", truth, axes, attributes=False)
    np.testing.assert_array_equal(load_keypoints(tmp_path / "a.h5", fps=1).xy[:, 0], truth.xy[0])


def test_a_project_without_tracks_has_one_animal(
    tmp_path: Path, mice: Callable, write: dict
) -> None:
    write["sleap_h5_old"](tmp_path / "a.h5", mice(9, 1))
    with h5py.File(tmp_path / "a.h5", "r+") as file:
        del file["track_names"]
        file["track_names"] = np.zeros(0)  # as SLEAP's window saves it
    assert animals_in(tmp_path / "a.h5") == ("animal0",)


def test_points_set_by_hand_are_sure_and_high_peaks_are_one(
    tmp_path: Path, mice: Callable, write: dict
) -> None:
    write["sleap_h5"](tmp_path / "a.h5", mice(9, 1))
    with h5py.File(tmp_path / "a.h5", "r+") as file:
        file["point_scores"][...] = np.where(np.arange(9) < 5, np.nan, 1.07)
    points = load_keypoints(tmp_path / "a.h5", fps=1)
    seen = np.isfinite(points.xy[..., 0])
    np.testing.assert_array_equal(points.confidence, seen.astype(float))


def test_tracks_of_one_name_are_told_apart(tmp_path: Path, mice: Callable, write: dict) -> None:
    write["sleap_h5"](tmp_path / "a.h5", mice(9))
    with h5py.File(tmp_path / "a.h5", "r+") as file:
        file["track_names"][...] = np.array(["m", "m"], "S")
    tracks = load_tracks(tmp_path / "a.h5", fps=1)
    assert list(tracks) == ["m", "m#2"]
    np.testing.assert_array_equal(tracks["m#2"].xy[:, 0], mice(9).xy[1])


def change(file: h5py.File, name: str, value: object) -> None:
    if name in file:
        del file[name]
    if value is not None:
        file[name] = value


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("node_names", np.array(["a", "b"], "S"), "'tracks' holds 12 nodes, 'node_names' 2"),
        ("node_names", np.array(["a"] * 12, "S"), "body parts named twice: a"),
        ("node_names", np.zeros(12), "'node_names' holds float64, expected texts"),
        ("track_names", np.array(["a"] * 3, "S"), "holds 2 tracks, 'track_names' 3"),
        ("point_scores", np.zeros((2, 12, 8)), r"shape \(2, 12, 8\), expected \(2, 12, 9\)"),
        ("tracks", np.zeros((2, 3, 12, 9)), "its points have 3 coordinates"),
        ("tracks", np.array([b"x"] * 432).reshape(2, 2, 12, 9), "holds |S1, expected numbers"),
        ("tracks", np.zeros((2, 2, 12, 0)), "expected"),
    ],
)
def test_bad_files_are_refused(
    tmp_path: Path, mice: Callable, write: dict, name: str, value: object, message: str
) -> None:
    path = tmp_path / "a.h5"
    write["sleap_h5"](path, mice(9))
    with h5py.File(path, "r+") as file:
        change(file, name, value)
    with pytest.raises(FileError, match=message) as refusal:
        load_tracks(path, fps=1)
    assert str(path) in str(refusal.value)


def test_axes_that_fit_nothing_are_told(tmp_path: Path, mice: Callable, write: dict) -> None:
    path = tmp_path / "a.h5"
    write["sleap_h5_old"](path, mice(9))
    with h5py.File(path, "r+") as file:
        change(file, "tracks", np.zeros((2, 7, 12, 9)))
    with pytest.raises(FileError, match=r"no attribute 'dims'; expected \(track, 2, 12, frame\)"):
        load_tracks(path, fps=1)
    with h5py.File(path, "r+") as file:
        file["tracks"].attrs["dims"] = '["frame", "frame", "node", "xy"]'
    with pytest.raises(FileError, match="its axes are .'frame', 'frame'"):
        load_tracks(path, fps=1)


def test_triangulated_points_are_no_points_in_an_image(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "points3d.h5", "w") as file:
        file["tracks"] = np.zeros((9, 1, 12, 3))
    with pytest.raises(FileError, match="points in space.*mousepose.load reads 3D files"):
        load_keypoints(tmp_path / "points3d.h5", fps=1)


@pytest.mark.parametrize("preset", ["matlab", "standard"])
def test_what_sleap_io_writes_is_read(
    tmp_path: Path, mice: Callable, write: dict, preset: str
) -> None:
    sleap_io = pytest.importorskip("sleap_io", reason="the extra formats is not installed")
    truth = mice(20)
    write["slp"](tmp_path / "a.slp", truth)
    labels = sleap_io.load_slp(str(tmp_path / "a.slp"), open_videos=False)
    sleap_io.save_analysis_h5(labels, str(tmp_path / "a.h5"), preset=preset)
    tracks = load_tracks(tmp_path / "a.h5", fps=1)
    assert list(tracks) == ["a", "b"]
    for animal, track in enumerate(tracks.values()):
        np.testing.assert_array_equal(track.xy[:, 0], truth.xy[animal])
        np.testing.assert_array_equal(track.confidence[:, 0], truth.sure[animal])


def test_real_recordings_read_as_they_lie(shared_data: Callable[[str], Path]) -> None:
    for view in ("mid", "top"):
        path = shared_data("homecage_4cam") / f"minimal_{view}_proofread.analysis.h5"
        points = load_keypoints(path, fps=30)
        with h5py.File(path) as file:
            np.testing.assert_array_equal(points.xy[:, 0], file["tracks"][0].transpose(2, 1, 0))
        assert points.xy.shape == (120, 1, 15, 2)
        assert points.keypoint_names[:2] == ("Nose", "Ear_R")
        assert points.confidence[np.isfinite(points.xy[..., 0])].min() > 0
