"""sleap-anipose's h5 of points in space."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from mousepose.errors import FileError, InputError
from mousepose.io import load, read_points, write_sequence
from mousepose.types import Keypoints2D, Keypoints3D, PoseSequence

Maker = Callable[..., PoseSequence]


def test_arrays_are_those_of_sleap_anipose(tmp_path: Path, sequence: Maker) -> None:
    one, two = sequence(5, "m1", 2), sequence(3, "m2", 4)
    write_sequence(tmp_path / "a.h5", one, two, format="sleap")
    with h5py.File(tmp_path / "a.h5") as file:
        tracks = file["tracks"][:]
        assert tracks.shape == (7, 2, 3, 3)
        np.testing.assert_array_equal(tracks[2:, 0], one.keypoints)
        np.testing.assert_array_equal(tracks[4:, 1], two.keypoints)
        assert np.isnan(tracks[:2]).all()
        assert file["track_names"][:].tolist() == [b"m1", b"m2"]
        assert file["node_names"][:].tolist() == [b"NOSE", b"SPINE_MID", b"ROOT_TAIL"]
        assert file["tracks"].attrs["units"] == "mm"
        assert not file["state"][:2].any()


def test_a_file_of_sleap_anipose_itself_is_read(tmp_path: Path) -> None:
    tracks = np.random.default_rng(0).normal(size=(6, 2, 4, 3))
    with h5py.File(tmp_path / "points3d.h5", "w") as file:
        file.create_dataset("tracks", data=tracks, chunks=True, compression="gzip")
        file["frames"] = (10, 16)
    points = read_points(tmp_path / "points3d.h5", fps=2, animal="track1")
    np.testing.assert_array_equal(points.xyz, tracks[:, 1])
    assert points.keypoint_names == ("node0", "node1", "node2", "node3")
    assert points.times.tolist() == [5, 5.5, 6, 6.5, 7, 7.5]
    with pytest.raises(InputError, match="2 animals: track0, track1"):
        read_points(tmp_path / "points3d.h5", fps=2)


def test_an_analysis_of_three_frames_is_no_file_of_points_in_space(
    tmp_path: Path, keypoints: Callable[..., Keypoints2D]
) -> None:
    from mousepose.io import write_keypoints

    write_keypoints(tmp_path / "a.analysis.h5", keypoints(2))  # frames 0 and 2: three rows
    assert isinstance(load(tmp_path / "a.analysis.h5", fps=1), Keypoints2D)
    with h5py.File(tmp_path / "a.analysis.h5", "r+") as file:
        assert file["tracks"].shape == (1, 2, 3, 3)
        del file["tracks"].attrs["dims"]  # as SLEAP itself writes it
    assert isinstance(load(tmp_path / "a.analysis.h5", fps=1), Keypoints2D)


def test_frame_numbers_that_no_video_has_are_refused(tmp_path: Path) -> None:
    points = Keypoints3D(np.zeros((2, 1, 3)), np.arange(2.0), ("a",))
    from mousepose.io.keypoints.streams_write import Piece, Stream
    from mousepose.io.poses.sleap_anipose import write_sleap_points

    channels = ("x", "y", "z", "confidence", "state")
    piece = Piece(np.array([0, 10**12]), points.times, np.zeros((2, 1, 5)))
    with pytest.raises(InputError, match="the last is frame 1,000,000,000,000"):
        write_sleap_points(tmp_path / "a.h5", [Stream("m", ("a",), channels, [piece])])
    assert not list(tmp_path.iterdir())


def test_frames_far_apart_take_no_room(tmp_path: Path) -> None:
    from mousepose.io.keypoints.streams_write import Piece, Stream
    from mousepose.io.poses.sleap_anipose import write_sleap_points

    channels = ("x", "y", "z", "confidence", "state")
    piece = Piece(np.array([0, 9_000_000]), np.array([0.0, 1.0]), np.ones((2, 1, 5)))
    write_sleap_points(tmp_path / "a.h5", [Stream("m", ("a",), channels, [piece])])
    assert (tmp_path / "a.h5").stat().st_size < 1e6
    with h5py.File(tmp_path / "a.h5") as file:
        assert file["tracks"].shape[0] == 9_000_001
        assert file["tracks"][9_000_000].tolist() == [[[1, 1, 1]]]


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("node_names", np.array([b"a"]), "'node_names' has 1 names for 4 nodes"),
        ("state", np.zeros((6, 2, 3)), r"'state' has the shape \(6, 2, 3\)"),
        ("times", np.zeros(5), "'times' has the shape"),
        ("frames", np.array(["a", "b"], dtype="S1"), "expected numbers"),
        ("covariance", h5py.SoftLink("/tracks"), "missing or a link"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(
    tmp_path: Path, name: str, value: object, message: str
) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["tracks"] = np.zeros((6, 2, 4, 3))
        file["tracks"].attrs["dims"] = json.dumps(["frame", "track", "node", "xyz"])
        file[name] = value
    with pytest.raises(FileError, match=message):
        read_points(tmp_path / "a.h5", fps=1, animal="track0")
