"""movement's netCDF: times, frame rates, views, and what is no file of poses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import h5py
import numpy as np
import pytest

from mousepose.errors import FileError, InputError
from mousepose.io import write_keypoints
from mousepose.io.keypoints.movement_write import write_movement
from mousepose.io.keypoints.registry import animals_in, load_keypoints, load_tracks
from mousepose.io.keypoints.streams_write import IMAGE_UNITS, keypoint_stream
from mousepose.types import Keypoints2D


@pytest.fixture
def good(tmp_path: Path, mice: Callable, write: dict) -> Path:
    write["movement"](tmp_path / "poses.nc", mice())
    return tmp_path / "poses.nc"


def test_its_own_times_and_rate_are_used(good: Path) -> None:
    track = load_keypoints(good, animal="a")
    np.testing.assert_allclose(track.times, np.arange(8) / 50)
    assert track.frame_numbers.tolist() == list(range(8))
    assert load_keypoints(good, animal="a", fps=1).times.tolist() == list(range(8))


def test_a_recording_that_starts_later_keeps_its_frames(good: Path) -> None:
    with h5py.File(good, "r+") as file:
        file["time"][...] = (np.arange(8) + 100) / 50
    assert load_keypoints(good, animal="a").frame_numbers[0] == 100


def test_without_a_rate_time_counts_frames(tmp_path: Path, mice: Callable, write: dict) -> None:
    write["movement"](tmp_path / "poses.nc", mice(), fps=None)
    with pytest.raises(InputError, match="holds no times"):
        load_keypoints(tmp_path / "poses.nc", animal="a")
    assert load_keypoints(tmp_path / "poses.nc", animal="a", fps=4).times[-1] == 7 / 4


def test_points_without_confidence_are_sure(good: Path) -> None:
    with h5py.File(good, "r+") as file:
        file["confidence"][...] = np.nan  # as movement fills it
    points = load_keypoints(good, animal="a")
    np.testing.assert_array_equal(points.confidence, np.isfinite(points.xy[..., 0]).astype(float))
    with h5py.File(good, "r+") as file:
        del file["confidence"]
    again = load_keypoints(good, animal="a")
    np.testing.assert_array_equal(again.confidence, points.confidence)


def test_each_view_has_tracks_of_its_own(good: Path, mice: Callable) -> None:
    with h5py.File(good, "r+") as file:
        position = file["position"][:]
        del file["position"], file["confidence"]
        file["position"] = np.stack([position, position + 1])
        file.create_dataset("view", data=["left", "right"], dtype=h5py.string_dtype())
        file["view"].make_scale("view")
        for place, axis in enumerate(("view", "time", "space", "keypoint", "individual")):
            file["position"].dims[place].attach_scale(file[axis])
    tracks = load_tracks(good)
    assert list(tracks) == ["left/a", "left/b", "right/a", "right/b"]
    np.testing.assert_array_equal(tracks["right/b"].xy[:, 0], mice().xy[1] + 1)


def test_points_in_space_are_no_points_in_an_image(good: Path) -> None:
    with h5py.File(good, "r+") as file:
        del file["space"]
        file.create_dataset("space", data=["x", "y", "z"], dtype=h5py.string_dtype())
    with pytest.raises(FileError, match="points in space.*mousepose.load reads 3D files"):
        load_tracks(good)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda f: f.attrs.modify("ds_type", "bboxes"), "it holds bboxes, expected poses"),
        (lambda f: f["space"].write_direct(np.array(["x", "u"], object)), "expected x and y"),
        (lambda f: f["keypoint"].write_direct(np.array(["a"] * 12, object)), "named twice: a"),
        (lambda f: f["position"].dims[1].detach_scale(f["space"]), "an axis of .* has no name"),
        (lambda f: f["time"].write_direct(np.zeros(8)), "frame number does not increase"),
        (lambda f: f["time"].write_direct(np.full(8, np.nan)), "no whole number from 0 on"),
    ],
)
def test_bad_files_are_refused(
    good: Path, spoil: Callable[[h5py.File], None], message: str
) -> None:
    with h5py.File(good, "r+") as file:
        spoil(file)
    with pytest.raises(FileError, match=message) as refusal:
        load_tracks(good)
    assert str(good) in str(refusal.value)


def test_the_classic_kind_of_netcdf_is_told(tmp_path: Path) -> None:
    (tmp_path / "old.nc").write_bytes(b"CDF\x02" + bytes(64))
    with pytest.raises(FileError, match="save it again as netCDF 4"):
        load_tracks(tmp_path / "old.nc")


def test_what_xarray_writes_is_read(tmp_path: Path, mice: Callable) -> None:
    xarray = pytest.importorskip("xarray", reason="xarray is not installed")
    pytest.importorskip("h5netcdf", reason="h5netcdf is not installed")
    truth = mice(20)
    names = {"time": np.arange(20) / 50, "space": ["x", "y"], "individual": list(truth.names)}
    data = xarray.Dataset(
        {"position": (("time", "space", "keypoint", "individual"), truth.xy.transpose(1, 3, 2, 0))},
        coords=names | {"keypoint": [f"k{n}" for n in range(12)]},
        attrs={"fps": 50.0, "time_unit": "seconds", "ds_type": "poses"},
    )
    data.to_netcdf(tmp_path / "x.nc", engine="h5netcdf")
    assert animals_in(tmp_path / "x.nc") == truth.names
    track = load_keypoints(tmp_path / "x.nc", animal="b")
    np.testing.assert_array_equal(track.xy[:, 0], truth.xy[1])


def test_what_we_write_comes_back_with_its_covariance(
    tmp_path: Path, keypoints: Callable[..., Keypoints2D]
) -> None:
    pytest.importorskip("xarray", reason="the extra formats is not installed")
    points = keypoints(9)
    spread = np.broadcast_to([[4.0, 0.5], [0.5, 9.0]], (*points.confidence.shape, 2, 2))
    lost = np.isnan(points.xy[..., 0])
    spread = np.where(lost[..., None, None], np.nan, spread)
    write_keypoints(tmp_path / "a.nc", replace(points, covariance=spread))
    again = load_keypoints(tmp_path / "a.nc")
    np.testing.assert_array_equal(again.covariance, spread)
    np.testing.assert_array_equal(again.xy, points.xy)
    np.testing.assert_array_equal(again.frame_numbers, points.frame_numbers)


def test_pieces_make_the_file_that_the_whole_makes(tmp_path: Path) -> None:
    xarray = pytest.importorskip("xarray", reason="a netCDF is compared")
    pytest.importorskip("h5netcdf", reason="a netCDF is written")
    random, count = np.random.default_rng(0), 700
    xy = random.uniform(0, 100, (count, 1, 3, 2))
    xy[random.random(xy.shape[:3]) < 0.2] = np.nan
    track = Keypoints2D(
        xy, random.random(xy.shape[:3]), np.arange(count) / 25, np.arange(count),
        ("NOSE", "NECK", "ROOT_TAIL"), "a", np.broadcast_to(np.eye(2), (*xy.shape, 2)),
    )  # fmt: skip

    def cut(first: int, end: int) -> Keypoints2D:
        return Keypoints2D(
            track.xy[first:end], track.confidence[first:end], track.times[first:end],
            track.frame_numbers[first:end], track.keypoint_names, "a", track.covariance[first:end],
        )  # fmt: skip

    edges = (0, 1, 300, 611, count)
    for name, parts in (
        ("whole", [track]),
        ("pieces", [cut(*ends) for ends in pairwise(edges)]),
    ):
        write_movement(tmp_path / f"{name}.nc", [keypoint_stream(parts)], IMAGE_UNITS)
    with (
        xarray.open_dataset(tmp_path / "whole.nc", engine="h5netcdf") as whole,
        xarray.open_dataset(tmp_path / "pieces.nc", engine="h5netcdf") as pieces,
    ):
        xarray.testing.assert_identical(whole, pieces)
        assert pieces.attrs["fps"] == 25 and pieces.sizes["time"] == count
