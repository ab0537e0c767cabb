"""movement's netCDF of points in space."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from mousepose.errors import FileError, InputError
from mousepose.io import iterate_points, read_points, write_keypoints, write_sequence
from mousepose.types import Keypoints2D, PoseSequence

xr = pytest.importorskip("xarray", reason="writing a netCDF needs xarray")
pytest.importorskip("h5netcdf", reason="writing a netCDF needs h5netcdf")

Maker = Callable[..., PoseSequence]


def opened(path: Path) -> Any:
    with xr.open_dataset(path, engine="h5netcdf") as dataset:
        return dataset.load()


def test_the_dataset_is_the_one_that_movement_expects(tmp_path: Path, sequence: Maker) -> None:
    one, two = sequence(6, "m1"), sequence(6, "m2")
    write_sequence(tmp_path / "a.nc", one, two)
    data = opened(tmp_path / "a.nc")
    assert data.position.dims == ("time", "space", "keypoint", "individual")
    assert data.confidence.dims == ("time", "keypoint", "individual")
    assert data.space.values.tolist() == ["x", "y", "z"]
    assert data.individual.values.tolist() == ["m1", "m2"]
    assert data.keypoint.values.tolist() == list(one.keypoint_names)
    for key, value in (
        ("source_software", "mousepose"), ("ds_type", "poses"), ("time_unit", "seconds"),
        ("fps", 50.0), ("source_file", ""),
    ):  # fmt: skip
        assert data.attrs[key] == value
    nose = data.position.sel(individual="m2", keypoint="NOSE").values
    np.testing.assert_array_equal(nose, two.keypoints[:, 0])
    np.testing.assert_array_equal(data.time.values, one.times)


def test_covariance_and_state_stand_beside_with_their_units(
    tmp_path: Path, sequence: Maker
) -> None:
    source = sequence(6)
    write_sequence(tmp_path / "a.nc", source)
    data = opened(tmp_path / "a.nc").isel(individual=0)
    xz = data.covariance.sel(space="x", space_other="z", keypoint="ROOT_TAIL")
    np.testing.assert_array_equal(xz.values, source.covariance[:, 2, 0, 2])
    assert data.covariance.attrs["units"] == "mm^2"
    assert data.position.attrs["units"] == "mm"
    np.testing.assert_array_equal(data.state.values, source.state)
    assert data.state.attrs["flag_meanings"] == "absent inferred seen"


def test_plural_dimensions_for_older_versions(tmp_path: Path, sequence: Maker) -> None:
    write_sequence(tmp_path / "a.nc", sequence(3), dims="plural")
    data = opened(tmp_path / "a.nc")
    assert data.position.dims == ("time", "space", "keypoints", "individuals")
    assert data.attrs["ds_type"] == "poses"
    np.testing.assert_array_equal(read_points(tmp_path / "a.nc").xyz, sequence(3).keypoints)
    with pytest.raises(InputError, match="dims: expected 'singular' or 'plural'"):
        write_sequence(tmp_path / "b.nc", sequence(3), dims="both")  # type: ignore[arg-type]


def test_points_in_images_too(tmp_path: Path, keypoints: Callable[..., Keypoints2D]) -> None:
    source = keypoints(5)
    write_keypoints(tmp_path / "a.nc", source)
    data = opened(tmp_path / "a.nc").isel(individual=0)
    assert data.position.attrs["units"] == "px"
    assert data.space.values.tolist() == ["x", "y"]
    np.testing.assert_array_equal(data.position.values.transpose(0, 2, 1), source.xy[:, 0])
    np.testing.assert_array_equal(data.confidence.values, source.confidence[:, 0])


def test_uneven_times_state_no_frame_rate(tmp_path: Path, sequence: Maker) -> None:
    source = sequence(5)
    write_sequence(tmp_path / "a.nc", replace(source, times=source.times**2))
    assert "fps" not in opened(tmp_path / "a.nc").attrs
    (again,) = iterate_points(tmp_path / "a.nc")
    np.testing.assert_array_equal(again.points.times, source.times**2)
    np.testing.assert_array_equal(again.frame_numbers, source.frame_numbers)


def test_two_animals_at_two_times_are_refused(tmp_path: Path, sequence: Maker) -> None:
    late = replace(sequence(5, "b"), times=sequence(5).times + 0.5)
    with pytest.raises(InputError, match="write one file for each animal"):
        write_sequence(tmp_path / "a.nc", sequence(5, "a"), late)


def test_axes_in_any_order_and_without_our_variables(tmp_path: Path, sequence: Maker) -> None:
    source = sequence(6)
    write_sequence(tmp_path / "a.nc", source)
    data = opened(tmp_path / "a.nc").drop_vars(["state", "confidence", "frame_number"])
    turned = data.isel(space=[2, 0, 1], space_other=[1, 2, 0]).transpose()
    turned.to_netcdf(tmp_path / "b.nc", engine="h5netcdf")
    again = read_points(tmp_path / "b.nc")
    np.testing.assert_array_equal(again.xyz, source.keypoints)
    np.testing.assert_array_equal(again.covariance, source.covariance)
    (track,) = iterate_points(tmp_path / "b.nc")
    np.testing.assert_array_equal(track.frame_numbers, source.frame_numbers)


def changed(path: Path, change: Callable[[h5py.File], None]) -> Path:
    with h5py.File(path, "r+") as file:
        change(file)
    return path


def _replace(name: str, value: Any) -> Callable[[h5py.File], None]:
    def change(file: h5py.File) -> None:
        del file[name]
        file[name] = value

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_replace("state", np.zeros((5, 3, 2), np.uint8)), "an axis of '/state' has no name"),
        (
            _replace("position", h5py.SoftLink("/confidence")),
            "no points in space of a known format",
        ),
        (_replace("time", np.zeros(9)), "expected time, space, keypoint, individual"),
        (_replace("frame_number", np.array([b"a"] * 5)), "expected numbers"),
        (_replace("state", h5py.ExternalLink("other.nc", "/state")), "a link"),
    ],
)
def test_files_that_are_not_as_they_should_be_are_refused(
    tmp_path: Path, sequence: Maker, change: Callable[[h5py.File], None], message: str
) -> None:
    write_sequence(tmp_path / "a.nc", sequence(5))
    with pytest.raises(FileError, match=message):
        read_points(changed(tmp_path / "a.nc", change), fps=1)
