"""Laws of every format of points in space: what is written comes back, as far as it can hold it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy

from mousepose.errors import FileError, InputError, UnknownNameError
from mousepose.io import iterate_points, read_points, read_sequence, write_sequence
from mousepose.io.poses.points import PointTrack, confidence_of, track_of
from mousepose.io.poses.registry import WRITERS, open_points
from mousepose.types import Keypoints3D, PoseSequence, State

Maker = Callable[..., PoseSequence]
FPS = 50.0  # of the fixtures' sequences
#: Millimetres by which a format may change a number: csv and binary hold all digits of it.
PRECISION_MM = dict.fromkeys(WRITERS, 0.0) | {"keypoint-text": 0.6e-6}
#: Formats that hold many frames in one file.
TABLES = sorted(WRITERS.keys() - {"keypoint-text", "trc", "c3d", "stac"})  # biomechanics: own laws


def needs(format: str) -> None:
    """Skip the test where the format's library is not installed."""
    for library in {"movement": ("xarray", "h5netcdf"), "dlc-h5": ("tables",)}.get(format, ()):
        pytest.importorskip(library, reason=f"writing {format} needs {library}")


def write(folder: Path, format: str, *sources: PoseSequence | Keypoints3D) -> Path:
    needs(format)
    path = folder / f"poses{WRITERS[format].ending}"
    written = write_sequence(path, *sources, format=format)
    assert all(found.exists() for found in written)
    return path if path in written else written[0]


def whole(path: Path, animal: str | None = None) -> PointTrack:
    """All frames of a file as one track."""
    parts = list(iterate_points(path, fps=FPS, animal=animal))
    return replace(
        parts[0],
        points=read_points(path, fps=FPS, animal=animal),
        frame_numbers=np.concatenate([part.frame_numbers for part in parts]),
        state=np.concatenate([part.state for part in parts]),
        confidence=np.concatenate([part.confidence for part in parts]),
    )


def assert_comes_back(path: Path, format: str, source: PoseSequence, animal: str | None) -> None:
    found, expected = whole(path, animal), track_of(source)
    holds, given_there = WRITERS[format].holds, np.isfinite(source.keypoints).all(axis=-1)
    assert found.points.keypoint_names == source.keypoint_names
    rows = np.isin(found.frame_numbers, source.frame_numbers)
    np.testing.assert_array_equal(found.frame_numbers[rows], source.frame_numbers)
    np.testing.assert_allclose(
        found.points.xyz[rows], source.keypoints, rtol=0, atol=PRECISION_MM[format]
    )
    np.testing.assert_allclose(found.points.times[rows], source.times, atol=1e-12)
    assert not np.isfinite(found.points.xyz[~rows]).any()
    if "uncertainty" in holds:
        assert found.points.covariance is not None
        there = given_there if format in ("dlc-csv", "dlc-h5") else slice(None)
        np.testing.assert_array_equal(
            found.points.covariance[rows][there], source.covariance[there]
        )
    else:
        assert found.points.covariance is None
    if "confidence" in holds:
        np.testing.assert_allclose(found.confidence[rows], expected.confidence)
    if "state" in holds and format != "anipose":
        wanted = np.where(given_there, source.state, State.ABSENT)
        np.testing.assert_array_equal(found.state[rows], wanted)


@pytest.mark.parametrize("format", TABLES)
def test_what_is_written_comes_back(tmp_path: Path, sequence: Maker, format: str) -> None:
    source = sequence(30, "m1", 7)
    path = write(tmp_path, format, source)
    assert_comes_back(path, format, source, None)


@pytest.mark.parametrize("format", TABLES)
def test_several_animals_are_told_apart(tmp_path: Path, sequence: Maker, format: str) -> None:
    # They overlap in time, the second has a keypoint of its own, and neither has all frames.
    one, two = sequence(20, "m1", 3), sequence(15, "m2", 10)
    two = replace(two, keypoint_names=("NOSE", "SPINE_MID", "LEFT_EAR"))
    if format == "parquet":
        two = replace(two, keypoint_names=one.keypoint_names)
    path = write(tmp_path, format, one, two)
    several = "animals" in WRITERS[format].holds
    for source in (one, two):
        file = path if several else tmp_path / f"poses_{source.animal}.csv"
        found = whole(file, source.animal if several else None)
        assert set(found.points.keypoint_names) >= set(source.keypoint_names)
        columns = [found.points.keypoint_names.index(name) for name in source.keypoint_names]
        rows = np.isin(found.frame_numbers, source.frame_numbers)
        np.testing.assert_array_equal(found.points.xyz[rows][:, columns], source.keypoints)
        others = np.delete(found.points.xyz, columns, axis=1)
        assert not np.isfinite(others).any()
    if several:
        assert set(open_points(path).animals) == {"m1", "m2"}
        with pytest.raises(InputError, match="2 animals: m1, m2"):
            read_points(path, fps=FPS)
        with pytest.raises(UnknownNameError, match="m3"):
            read_points(path, fps=FPS, animal="m3")


numbers = st.one_of(st.floats(-1e6, 1e6), st.just(np.nan))


@settings(max_examples=8)
@given(
    st_numpy.arrays(np.float64, (4, 2, 3), elements=numbers),
    st.lists(st.integers(0, 400), min_size=4, max_size=4, unique=True),
    st.sampled_from(TABLES),
)
def test_any_points_come_back(
    tmp_path: Path, xyz: np.ndarray, frames: list[int], format: str
) -> None:
    numbers = np.array(sorted(frames))
    points = Keypoints3D(xyz, numbers / FPS, ("tail base", "Ohr, links"))
    if format == "sleap":
        points = replace(points, times=np.arange(4) / FPS)
    path = write(tmp_path, format, points)
    found = whole(path)
    given = np.isfinite(xyz).all(axis=-1)
    assert found.points.keypoint_names == points.keypoint_names
    np.testing.assert_array_equal(found.points.xyz[given], xyz[given])
    np.testing.assert_array_equal(found.state == State.SEEN, given)
    assert found.points.covariance is None
    if "times" in WRITERS[format].holds:
        np.testing.assert_array_equal(found.points.times, np.arange(4) / FPS)


def test_a_frame_as_text_comes_back(tmp_path: Path, sequence: Maker) -> None:
    source = sequence(3, "m1", 5)
    written = write_sequence(tmp_path / "pose.keypoint.txt", source)
    assert [path.name for path in written] == [
        f"pose_{number:06d}.keypoint.txt" for number in (5, 6, 7)
    ]
    found = read_points(written[2], fps=FPS)
    np.testing.assert_allclose(found.xyz[0], source.keypoints[2], atol=0.6e-6)
    assert found.times.tolist() == [7 / FPS]


def test_the_ending_tells_the_format(tmp_path: Path, sequence: Maker) -> None:
    for format in ("movement", "dlc-h5"):
        needs(format)
    for name, format in (
        ("a.parquet", "parquet"),
        ("a.nc", "movement"),
        ("a.csv", "anipose"),
        ("a.h5", "dlc-h5"),
        ("A.KEYPOINT.TXT", "keypoint-text"),
    ):
        write_sequence(tmp_path / name, sequence(1))
        assert open_points(tmp_path / name).animals
        assert [w.name for w in WRITERS.values() if w.default and name.lower().endswith(w.ending)][
            0
        ] == format
    with pytest.raises(InputError, match="its ending tells no format"):
        write_sequence(tmp_path / "a.xyz", sequence(1))
    with pytest.raises(UnknownNameError, match="unknown format 'xls'"):
        write_sequence(tmp_path / "a.csv", sequence(1), format="xls")


@pytest.mark.parametrize("format", sorted(WRITERS.keys() - {"parquet"}))
def test_nothing_to_write_is_refused_and_leaves_no_file(
    tmp_path: Path, sequence: Maker, format: str
) -> None:
    needs(format)
    empty = track_of(sequence(4)).points
    empty = Keypoints3D(empty.xyz[:0], empty.times[:0], empty.keypoint_names)
    with pytest.raises(InputError, match="no frames were given"):
        write(tmp_path, format, empty)
    with pytest.raises(InputError, match="two animals are called m1"):
        write(tmp_path, format, sequence(4, "m1"), sequence(4, "m1"))
    with pytest.raises(InputError, match="nothing was given"):
        write(tmp_path, format)
    assert not list(tmp_path.iterdir())


def test_whole_sequences_stay_whole_in_parquet(tmp_path: Path, sequence: Maker) -> None:
    path = write(tmp_path, "parquet", sequence(5, "a"), sequence(5, "b"))
    again = read_sequence(path, "b")
    np.testing.assert_array_equal(again.pose.joint_rotation, sequence(5, "b").pose.joint_rotation)


def test_provenance_and_units_are_in_every_file_that_can_hold_them(
    tmp_path: Path, sequence: Maker
) -> None:
    import pyarrow.parquet as pq

    for format in TABLES:
        if "provenance" not in WRITERS[format].holds:
            continue
        path = write(tmp_path, format, sequence(3))
        if format == "parquet":
            about = str(pq.read_metadata(path).metadata[b"mousepose"])
        else:
            with h5py.File(path) as file:
                places = [file.attrs.get("mousepose", "")]
                if "provenance" in file:
                    places.append(file["provenance"].asstr()[()])
                if "df_with_missing" in file:
                    places.append(file["df_with_missing"].attrs["mousepose"])
                about = " ".join(map(str, places))
        for word in ("prior_sigma", "world", "floor", "mm^2"):
            assert word in about, (format, word)


@pytest.mark.parametrize("format", TABLES)
def test_a_long_provenance_does_no_harm(tmp_path: Path, sequence: Maker, format: str) -> None:
    # An attribute of an HDF5 object may hold 64 KiB.
    source = replace(sequence(3), provenance={"notes": "x" * 100_000})
    path = write(tmp_path, format, source)
    assert_comes_back(path, format, source, None)


@pytest.mark.parametrize("format", TABLES)
def test_a_given_rate_outranks_the_times(tmp_path: Path, sequence: Maker, format: str) -> None:
    path = write(tmp_path, format, sequence(6, first_frame=2))
    found = read_points(path, fps=10)
    np.testing.assert_allclose(found.times[-6:], np.arange(2, 8) / 10)
    holds = WRITERS[format].holds
    if "times" not in holds:
        with pytest.raises(InputError, match="holds no times"):
            read_points(path)
    with pytest.raises(InputError, match="fps: expected a positive number"):
        read_points(path, fps=-1)


@settings(max_examples=40)
@given(st.sampled_from(TABLES), st.floats(0, 1), st.binary(max_size=8))
def test_a_cut_or_damaged_file_is_read_or_refused(
    tmp_path: Path, sequence: Maker, format: str, place: float, damage: bytes
) -> None:
    path = write(tmp_path, format, sequence(5))
    content = path.read_bytes()
    start = int(place * len(content))
    path.write_bytes(content[:start] + damage + content[start + len(damage) :] * bool(damage))
    try:
        # A damaged h5 may lose an animal's name and keep its numbers.
        animal = next(iter(open_points(path).animals))
        assert np.ndim(read_points(path, fps=FPS, animal=animal).xyz) == 3
    except InputError as error:
        assert str(path) in str(error) or str(path.stem) in str(error)


def test_confidence_is_a_probability_of_lying_near() -> None:
    random = np.random.default_rng(0)
    spread = np.array([0.5, 2.0, 4.0, 20.0])  # mm
    points = Keypoints3D(
        np.zeros((4, 1, 3)), np.arange(4.0), ("a",), np.eye(3) * spread[:, None, None, None] ** 2
    )
    error = np.linalg.norm(random.normal(size=(200_000, 3)), axis=1)
    expected = [(error * sd < 5).mean() for sd in spread]
    np.testing.assert_allclose(confidence_of(points)[:, 0], expected, atol=3e-3)
    sure = replace(points, covariance=np.zeros((4, 1, 3, 3)))
    assert confidence_of(sure).tolist() == [[1.0]] * 4
    assert confidence_of(replace(points, covariance=None)).tolist() == [[1.0]] * 4


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("fnum,a_x,a_y,a_z\n0,1,2\n", "Expected 4 columns"),
        ("fnum,a_x,a_z\n0,1,2\n", "missing: a_y"),
        ("fnum,a_x,a_y,a_z,a_z\n0,1,2,3,4\n", "repeated: a_z"),
        ("fnum,a_x,a_y,a_z\n1,1,2,3\n1,1,2,3\n", "frame number does not increase at line 3"),
        ("fnum,a_x,a_y,a_z\n0.5,1,2,3\n", "no whole number"),
        ("fnum,a_x,a_y,a_z\n0,inf,2,3\n", "infinite at line 2 .frame 0., a"),
        ("fnum,a_x,a_y,a_z,a_score\n0,1,2,3,7\n", "the confidence lies outside 0-1"),
        ("fnum,a_x,a_y,a_z\n", "no frames"),
        ("frame,a_x,a_y,a_z,a_state\n0,1,2,3,9\n", "the state is none of 0, 1, 2"),
        ("frame,time_s,a_x,a_y,a_z\n0,1,1,2,3\n1,1,1,2,3\n", "the time does not increase"),
        ("frame,a_x,a_y,a_z,b_x,b_y\n0,1,2,3,4,5\n", "missing: b_z"),
        (
            "frame,a_x,a_y,a_z,a_cov_xx,a_cov_xy,a_cov_xz,a_cov_yy,a_cov_yz,a_cov_zz\n"
            "0,1,2,3,-1,0,0,1,0,1\n",
            "a variance is negative",
        ),
        ("nose 1 2 3\nnose 1 2 3\n", "nose comes twice"),
        ("nose 1 2 3\ntail 1 2\n", "line 2: expected a name and three numbers"),
        ("scorer,a,b,c\nbodyparts,n,n,n\ncoords,x,y,z\n0,1,2\n", "Expected 4 columns"),
        ("scorer,a,b,c,d\nbodyparts,n,n,n,n\ncoords,x,y,z,w\n0,1,2,3,4\n", "unknown column 'w'"),
        ("scorer,a,b,c,d\nbodyparts,n,n,n,n\ncoords,x,y,z,z\n0,1,2,3,4\n", "two columns 'z'"),
        ("scorer,a,b,c,d\nbodyparts,n,n,n,m\ncoords,x,y,z,z\n0,1,2,3,4\n", "m has no column 'x'"),
    ],
)
def test_faults_of_text_files_are_told(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "bad.csv"
    path.write_text(text)
    with pytest.raises(FileError, match=message):
        read_points(path, fps=None if "time_s" in text else FPS)


def test_a_missing_library_is_told(
    tmp_path: Path, sequence: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    for library, name in (("tables", "a.h5"), ("h5netcdf", "a.nc")):
        monkeypatch.setitem(sys.modules, library, None)
        with pytest.raises(InputError, match=rf"{library}.*mousepose\[formats\]"):
            write_sequence(tmp_path / name, sequence(2))
    assert not list(tmp_path.iterdir())
