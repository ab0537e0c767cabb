"""Other programs' own readers open our files and find the same numbers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mousepose.io import load_keypoints, write_keypoints, write_sequence
from mousepose.types import Keypoints2D, PoseSequence

FPS = 50.0


def movement() -> Any:
    """The package movement, or skip: it needs Python 3.12 and draws in a window system."""
    load = pytest.importorskip("movement.io.load", reason="movement is not installed")
    validators = pytest.importorskip("movement.validators.datasets", reason="an older movement")
    return load, validators


@pytest.mark.filterwarnings("ignore")  # of other packages
@pytest.mark.parametrize(
    ("name", "format", "software"),
    [
        ("a.csv", "anipose", "Anipose"),
        ("a.csv", "dlc-csv", "DeepLabCut"),
        ("a.h5", "dlc-h5", "DeepLabCut"),
    ],
)
def test_movement_loads_points_in_space(
    tmp_path: Path,
    sequence: Callable[..., PoseSequence],
    name: str,
    format: str,
    software: str,
) -> None:
    load, _ = movement()
    source = sequence(6)
    write_sequence(tmp_path / name, source, format=format)
    data = load.load_dataset(tmp_path / name, source_software=software, fps=FPS)
    assert data.position.dims == ("time", "space", "keypoint", "individual")
    for index, keypoint in enumerate(source.keypoint_names):
        found = data.position.sel(keypoint=keypoint).isel(individual=0)
        np.testing.assert_array_equal(found.values, source.keypoints[:, index])


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("name", "software"),
    [("a.csv", "DeepLabCut"), ("a.h5", "DeepLabCut"), ("a.analysis.h5", "SLEAP")],
)
def test_movement_loads_points_in_images(
    tmp_path: Path, keypoints: Callable[..., Keypoints2D], name: str, software: str
) -> None:
    load, _ = movement()
    one, two = keypoints(6, "m1"), keypoints(6, "m2")
    write_keypoints(tmp_path / name, one, two)
    data = load.load_dataset(tmp_path / name, source_software=software, fps=FPS)
    step = 2 if software == "SLEAP" else 1  # SLEAP has a row for every frame
    position = data.position.sel(individual="m2").values[::step]
    np.testing.assert_allclose(position.transpose(0, 2, 1), two.xy[:, 0], rtol=1e-6)
    assert data.confidence.shape[1:] == (3, 2)


@pytest.mark.filterwarnings("ignore")
def test_movement_takes_the_netcdf_for_its_own(
    tmp_path: Path, sequence: Callable[..., PoseSequence]
) -> None:
    import xarray as xr

    load, validators = movement()
    write_sequence(tmp_path / "a.nc", sequence(6, "m1"), sequence(6, "m2"))
    write_sequence(tmp_path / "old.nc", sequence(6), dims="plural")
    with xr.open_dataset(tmp_path / "a.nc", engine="h5netcdf") as data:
        validators.ValidPosesInputs.validate(data)
    with xr.open_dataset(tmp_path / "old.nc", engine="h5netcdf") as data:
        with pytest.raises(ValueError, match="Missing required dimensions"):
            validators.ValidPosesInputs.validate(data)
        validators.ValidPosesInputs.validate(load.rename_legacy_dimensions(data))


@pytest.mark.filterwarnings("ignore")
def test_sleap_io_loads_our_analysis_file(
    tmp_path: Path, keypoints: Callable[..., Keypoints2D]
) -> None:
    sleap_io = pytest.importorskip("sleap_io", reason="sleap-io is not installed")
    one, two = keypoints(5, "m1"), keypoints(4, "m2", 2)
    write_keypoints(tmp_path / "a.analysis.h5", one, two)
    labels = sleap_io.load_file(str(tmp_path / "a.analysis.h5"))
    assert [track.name for track in labels.tracks] == ["m1", "m2"]
    assert [node.name for node in labels.skeletons[0].nodes] == list(one.keypoint_names)
    found = labels.numpy()  # (frames, tracks, nodes, 2)
    for place, source in enumerate((one, two)):
        np.testing.assert_allclose(
            found[source.frame_numbers, place], source.xy[:, 0], rtol=1e-6
        )  # sleap-io gives single precision


@pytest.mark.filterwarnings("ignore")
def test_what_sleap_io_saves_comes_in_and_goes_out(
    tmp_path: Path, keypoints: Callable[..., Keypoints2D]
) -> None:
    sleap_io = pytest.importorskip("sleap_io", reason="sleap-io is not installed")
    source = keypoints(5, "m1")
    write_keypoints(tmp_path / "a.analysis.h5", source)
    labels = sleap_io.load_file(str(tmp_path / "a.analysis.h5"))
    sleap_io.save_analysis_h5(labels, str(tmp_path / "b.h5"))
    found = load_keypoints(tmp_path / "b.h5", fps=FPS)
    rows = np.isin(found.frame_numbers, source.frame_numbers)
    np.testing.assert_array_equal(found.xy[rows], source.xy)
    np.testing.assert_array_equal(found.confidence[rows], source.confidence)
