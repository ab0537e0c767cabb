"""Laws of every format that 2D keypoints are written in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy

from mousepose.errors import InputError, UnknownNameError
from mousepose.io import animals_in, load_keypoints, load_tracks, write_keypoints
from mousepose.io.keypoints.registry_write import KEYPOINT_WRITERS
from mousepose.types import Keypoints2D

Maker = Callable[..., Keypoints2D]
FPS = 50.0  # of the fixtures' tracks
FORMATS = sorted(KEYPOINT_WRITERS)


def write(folder: Path, format: str, *sources: Keypoints2D) -> Path:
    for library in {"movement": ("xarray", "h5netcdf"), "dlc-h5": ("tables",)}.get(format, ()):
        pytest.importorskip(library, reason=f"writing {format} needs {library}")
    path = folder / f"track{KEYPOINT_WRITERS[format].ending}"
    assert write_keypoints(path, *sources, format=format) == [path]
    return path


def assert_comes_back(found: Keypoints2D, source: Keypoints2D) -> None:
    rows = np.isin(found.frame_numbers, source.frame_numbers)
    columns = [found.keypoint_names.index(name) for name in source.keypoint_names]
    np.testing.assert_array_equal(found.frame_numbers[rows], source.frame_numbers)
    np.testing.assert_array_equal(found.xy[rows][:, :, columns], source.xy)
    np.testing.assert_array_equal(found.confidence[rows][:, :, columns], source.confidence)
    np.testing.assert_allclose(found.times[rows], source.times, atol=1e-12)
    assert not np.isfinite(found.xy[~rows]).any()
    assert not np.isfinite(np.delete(found.xy, columns, axis=2)).any()


@pytest.mark.parametrize("format", FORMATS)
def test_what_is_written_comes_back(tmp_path: Path, keypoints: Maker, format: str) -> None:
    source = keypoints(12, "m1", 3)
    found = load_keypoints(write(tmp_path, format, source), fps=FPS)
    assert_comes_back(found, source)
    assert found.keypoint_names == source.keypoint_names
    assert found.animal == ("animal0" if format.startswith("dlc") else "m1")


@pytest.mark.parametrize("format", FORMATS)
def test_several_animals_are_in_one_file(tmp_path: Path, keypoints: Maker, format: str) -> None:
    one, two = keypoints(9, "m1"), keypoints(7, "m2", 4)
    two = replace(two, keypoint_names=("NOSE", "tail, tip", "SPINE_MID"))
    path = write(tmp_path, format, one, two)
    assert animals_in(path) == ("m1", "m2")
    tracks = load_tracks(path, fps=FPS)
    for source in (one, two):
        assert_comes_back(tracks[source.animal], source)


@settings(max_examples=10)
@given(
    st_numpy.arrays(
        np.float64, (4, 1, 2, 2), elements=st.one_of(st.floats(-1e5, 1e5), st.just(np.nan))
    ),
    st_numpy.arrays(np.float64, (4, 1, 2), elements=st.floats(0, 1)),
    st.lists(st.integers(0, 3000), min_size=4, max_size=4, unique=True),
    st.sampled_from(FORMATS),
)
def test_any_points_come_back(
    tmp_path: Path, xy: np.ndarray, confidence: np.ndarray, frames: list[int], format: str
) -> None:
    given = np.isfinite(xy).all(axis=-1)
    numbers = np.array(sorted(frames))
    source = Keypoints2D(
        np.where(given[..., None], xy, np.nan),
        np.where(given, confidence, 0.0),
        numbers / FPS,
        numbers,
        ("tail base", "Ohr, links"),
    )
    assert_comes_back(load_keypoints(write(tmp_path, format, source), fps=FPS), source)


def spread_of(points: Keypoints2D, mixed: float) -> Keypoints2D:
    seen = np.isfinite(points.xy).all(axis=-1)
    covariance = np.broadcast_to([[4.0, mixed], [mixed, 9.0]], (*seen.shape, 2, 2))
    return replace(points, covariance=np.where(seen[..., None, None], covariance, np.nan))


@pytest.mark.parametrize("format", FORMATS)
def test_variances_are_written_where_the_format_holds_them(
    tmp_path: Path, keypoints: Maker, format: str
) -> None:
    source = spread_of(keypoints(6), 0.0)
    found = load_keypoints(write(tmp_path, format, source), fps=FPS)
    if format in ("parquet", "csv", "dlc-csv", "dlc-h5"):
        np.testing.assert_array_equal(found.covariance, source.covariance)
    elif format == "movement":
        with h5py.File(tmp_path / "track.nc") as file:
            again = file["covariance"][:].transpose(0, 4, 3, 1, 2)
        np.testing.assert_array_equal(again, source.covariance)
    assert ("uncertainty" in KEYPOINT_WRITERS[format].holds) == (format != "sleap")


def test_deeplabcut_has_no_column_for_x_with_y(tmp_path: Path, keypoints: Maker) -> None:
    source = spread_of(keypoints(6), 1.5)
    with pytest.raises(InputError, match="no column for how x and y vary together"):
        write_keypoints(tmp_path / "track.csv", source)
    found = load_keypoints(write(tmp_path, "csv", source))
    np.testing.assert_array_equal(found.covariance, source.covariance)


def test_the_ending_tells_the_format(tmp_path: Path, keypoints: Maker) -> None:
    write_keypoints(tmp_path / "a.csv", keypoints())
    assert (tmp_path / "a.csv").read_text().startswith("scorer,mousepose")
    write_keypoints(tmp_path / "a.analysis.h5", keypoints())
    with h5py.File(tmp_path / "a.analysis.h5") as file:
        assert file["tracks"].shape == (1, 2, 3, 23)
    with pytest.raises(InputError, match=r"\.txt: its ending tells no format; give one of parquet"):
        write_keypoints(tmp_path / "a.txt", keypoints())
    with pytest.raises(UnknownNameError, match="unknown format 'anipose'"):
        write_keypoints(tmp_path / "a.csv", keypoints(), format="anipose")


@pytest.mark.parametrize("format", FORMATS)
def test_what_cannot_be_written_leaves_no_file(
    tmp_path: Path, keypoints: Maker, format: str
) -> None:
    views = keypoints(5)
    views = replace(
        views, xy=np.tile(views.xy, (1, 2, 1, 1)), confidence=np.tile(views.confidence, (1, 2, 1))
    )
    for sources, message in (
        ((views,), "points of one camera; got 2"),
        ((keypoints(5), keypoints(5)), "two animals are called animal0"),
        ((), "nothing was given to write"),
    ):
        with pytest.raises(InputError, match=message):
            write(tmp_path, format, *sources)
    assert not list(tmp_path.iterdir())


def test_sleaps_arrays_are_those_of_its_matlab_order(tmp_path: Path, keypoints: Maker) -> None:
    one, two = keypoints(4, "m1"), keypoints(3, "m2", 2)
    with h5py.File(write(tmp_path, "sleap", one, two)) as file:
        assert file["tracks"].shape == (2, 2, 3, 7)
        assert file["track_occupancy"].shape == (7, 2)
        assert file["point_scores"].shape == (2, 3, 7)
        np.testing.assert_array_equal(
            file["tracks"][1, :, :, 2::2], two.xy[:, 0].transpose(2, 1, 0)
        )
        there = np.isfinite(one.xy[:, 0, :, 0]).any(axis=1)
        np.testing.assert_array_equal(file["track_occupancy"][::2, 0], there)
        assert file["provenance"].asstr()[()].startswith('{"software": "mousepose')
        assert dict(file.attrs) == {"format": "analysis", "preset": "matlab"}


def test_the_h5_is_the_table_that_pandas_reads(tmp_path: Path, keypoints: Maker) -> None:
    source = keypoints(5)
    frame = pd.read_hdf(write(tmp_path, "dlc-h5", source), "df_with_missing")
    assert isinstance(frame, pd.DataFrame)
    assert frame.columns.names == ["scorer", "bodyparts", "coords"]
    assert frame.index.tolist() == source.frame_numbers.tolist()
    nose = frame["mousepose"]["NOSE"]
    np.testing.assert_array_equal(nose[["x", "y"]].to_numpy(), source.xy[:, 0, 0])
    np.testing.assert_array_equal(nose["likelihood"].to_numpy(), source.confidence[:, 0, 0])
