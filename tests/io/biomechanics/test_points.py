"""Laws of TRC, C3D and the h5 for STAC: points come back, and others read the same."""

from __future__ import annotations

import os
import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mousepose.errors import FileError, InputError
from mousepose.io import convert, iterate_points, load, read_points, write_sequence
from mousepose.io.biomechanics import c3d
from mousepose.types import Keypoints3D, PoseSequence, State

Maker = Callable[..., PoseSequence]
FORMATS = ("trc", "c3d", "stac")
#: mm; C3D has single precision.
EXACT = {"trc": 0.0, "c3d": 1e-4, "stac": 0.0}


def write(folder: Path, format: str, source: PoseSequence | Keypoints3D) -> Path:
    ending = {"stac": "h5"}.get(format, format)
    (path,) = write_sequence(folder / f"points.{ending}", source, format=format)
    return path


@pytest.mark.parametrize("format", FORMATS)
def test_points_and_times_come_back(tmp_path: Path, sequence: Maker, format: str) -> None:
    source = sequence(30, "m1", 7)
    path = write(tmp_path, format, source)
    (found,) = iterate_points(path)
    assert found.points.keypoint_names == source.keypoint_names
    np.testing.assert_allclose(found.points.xyz, source.keypoints, rtol=0, atol=EXACT[format])
    np.testing.assert_array_equal(found.frame_numbers, source.frame_numbers)
    np.testing.assert_allclose(found.points.times, source.times, atol=1e-6)


@pytest.mark.parametrize("format", FORMATS)
def test_a_frame_that_is_missing_leaves_the_others_in_place(
    tmp_path: Path, sequence: Maker, format: str
) -> None:
    source = sequence(30)[np.arange(30) % 7 != 3]
    path = write(tmp_path, format, source)
    found = next(iterate_points(path))
    rows = np.isin(found.frame_numbers, source.frame_numbers)
    np.testing.assert_allclose(found.points.xyz[rows], source.keypoints, atol=EXACT[format])
    assert not np.isfinite(found.points.xyz[~rows]).any()
    np.testing.assert_allclose(found.points.times[rows], source.times, atol=1e-6)


@settings(max_examples=15, deadline=None)
@given(st.lists(st.floats(-1e6, 1e6, width=32), min_size=6, max_size=6), st.sampled_from(FORMATS))
def test_any_numbers_come_back(
    tmp_path_factory: pytest.TempPathFactory, numbers: list[float], format: str
) -> None:
    points = Keypoints3D(
        np.array(numbers).reshape(1, 2, 3), np.zeros(1), ("tail base", "Ohr, links")
    )
    path = write(tmp_path_factory.mktemp("any"), format, points)
    found = read_points(path)
    assert found.keypoint_names == points.keypoint_names
    np.testing.assert_array_equal(found.xyz, points.xyz)


def test_c3d_tells_what_was_seen_and_how_surely(tmp_path: Path, sequence: Maker) -> None:
    source = sequence(20)
    there = np.isfinite(source.keypoints).all(axis=-1)
    state = np.where(there, np.where(np.arange(20)[:, None] % 2, 2, 1), 0).astype(np.uint8)
    source = replace(
        source, state=state, covariance=np.broadcast_to(np.eye(3) * 4, source.covariance.shape)
    )
    path = write(tmp_path, "c3d", source)
    (found,) = iterate_points(path)
    np.testing.assert_array_equal(found.state, state)
    start = 512 * (struct.unpack_from("<H", path.read_bytes(), 16)[0] - 1)
    words = np.fromfile(path, "<f4", 20 * 3 * 4, offset=start).reshape(20, 3, 4)[..., 3]
    np.testing.assert_array_equal(words[there] % 256, 20)  # root of the mean variance, / 0.1 mm
    ezc3d = pytest.importorskip("ezc3d", reason="another reader of C3D")
    file = ezc3d.c3d(str(path))
    points = file["data"]["points"][:3].transpose(2, 1, 0)
    np.testing.assert_allclose(points, source.keypoints, atol=EXACT["c3d"])
    assert file["parameters"]["POINT"]["UNITS"]["value"] == ["mm"]
    assert file["parameters"]["POINT"]["DATA_START"]["value"][0] * 512 == start + 512
    assert file["header"]["points"]["frame_rate"] == pytest.approx(50)


def test_a_c3d_longer_than_16_bits(tmp_path: Path) -> None:
    frames = 70_000
    xyz = np.arange(frames * 3.0).reshape(frames, 1, 3)
    path = write(tmp_path, "c3d", Keypoints3D(xyz, np.arange(frames) / 100, ("a",)))
    found = read_points(path)
    np.testing.assert_array_equal(found.xyz, xyz)
    np.testing.assert_allclose(found.times[-1], (frames - 1) / 100, rtol=1e-6)


def test_real_c3d_is_read_as_another_reads_it() -> None:
    folder = Path(os.environ.get("MOUSEPOSE_DATA", "")) / "walkway_c3d"
    paths = sorted(folder.glob("*trial_1.c3d"))[:2]
    if not paths:
        pytest.skip("no recordings: set MOUSEPOSE_DATA")
    ezc3d = pytest.importorskip("ezc3d", reason="another reader of C3D")
    for path in paths:
        points = read_points(path)
        file = ezc3d.c3d(str(path))
        np.testing.assert_array_equal(points.xyz, file["data"]["points"][:3].transpose(2, 1, 0))
        assert points.times[1] == pytest.approx(1 / 200)


def test_stac_has_the_arrays_that_physics_reads(tmp_path: Path, sequence: Maker) -> None:
    source = sequence(12, "m1", 5)
    path = write(tmp_path, "stac", source)
    with h5py.File(path) as file:
        tracks = np.array(file["tracks"])
        np.testing.assert_array_equal(np.squeeze(tracks, axis=1), source.keypoints)
        rows = file["keypoints"][:].reshape(12, -1, 3)
        np.testing.assert_array_equal(rows, source.keypoints)
        assert tuple(file["kp_names"].asstr()[:]) == source.keypoint_names
        assert file["frames"][:].tolist() == [5, 17]


def test_trc_is_laid_out_as_opensim_reads_it(tmp_path: Path, sequence: Maker) -> None:
    lines = write(tmp_path, "trc", sequence(4)).read_text().split("\n")
    assert lines[0].split("\t")[:3] == ["PathFileType", "4", "(X/Y/Z)"]
    about = dict(zip(lines[1].split("\t"), lines[2].split("\t"), strict=True))
    assert (about["NumFrames"], about["NumMarkers"], about["Units"]) == ("4", "3", "mm")
    assert float(about["DataRate"]) == 50
    assert lines[3].split("\t")[:5] == ["Frame#", "Time", "NOSE", "", ""]
    assert lines[4].split("\t")[2:5] == ["X1", "Y1", "Z1"]
    assert lines[5] == ""
    assert [len(line.split("\t")) for line in lines[6:-1]] == [2 + 9] * 4


def test_trc_of_others_in_metres_with_a_tab_too_many(tmp_path: Path) -> None:
    path = tmp_path / "other.trc"
    path.write_text(
        "PathFileType\t4\t(X/Y/Z)\to.trc\n"
        "DataRate\tCameraRate\tNumFrames\tNumMarkers\tUnits\tOrigDataRate\tOrigDataStartFrame\t"
        "OrigNumFrames\n60\t60\t2\t1\tm\t60\t1\t2\n"
        "Frame#\tTime\tNOSE\t\t\t\n\t\tX1\tY1\tZ1\t\n"
        "1\t0\t0.1\t0.2\t0.3\t\n2\t0.0166\t\t\t\t\n"
    )
    found = read_points(path)
    np.testing.assert_allclose(found.xyz[0, 0], [100, 200, 300])
    assert np.isnan(found.xyz[1]).all()
    assert found.times.tolist() == [0, 0.0166]


@pytest.mark.parametrize("format", ["trc", "c3d"])
def test_a_cut_or_damaged_file_is_read_or_refused(
    tmp_path: Path, sequence: Maker, format: str
) -> None:
    path = write(tmp_path, format, sequence(8))
    content = path.read_bytes()
    random = np.random.default_rng(3)
    refused = 0
    for _ in range(60):
        start = int(random.integers(len(content)))
        damage = random.bytes(int(random.integers(1, 6)))
        rest = content[start + len(damage) :] if random.random() < 0.5 else b""
        path.write_bytes(content[:start] + damage + rest)
        try:
            load(path)
        except InputError as error:
            refused += 1
            assert path.name in str(error)
    assert refused > 20


def test_what_they_cannot_hold_is_refused(tmp_path: Path, sequence: Maker) -> None:
    both = tmp_path / "both.parquet"
    write_sequence(both, sequence(3, "a"), sequence(3, "b"))
    done = convert(both, tmp_path / "each.c3d")
    assert [path.name for path in done.written] == ["each_a.c3d", "each_b.c3d"]
    untimed = tmp_path / "untimed.csv"
    write_sequence(untimed, sequence(3), format="anipose")
    for ending in ("trc", "c3d"):
        with pytest.raises(InputError, match="--fps"):
            convert(untimed, tmp_path / f"out.{ending}")
    many = Keypoints3D(np.zeros((1, 300, 3)), np.zeros(1), tuple(f"p{k}" for k in range(300)))
    with pytest.raises(InputError, match="at most 255"):
        write(tmp_path, "c3d", many)
    with pytest.raises(InputError, match="is no name"):
        write(tmp_path, "trc", Keypoints3D(np.zeros((1, 1, 3)), np.zeros(1), ("a\tb",)))
    assert c3d.MAX_POINTS == 255
    path = tmp_path / "cut.c3d"
    path.write_bytes(write(tmp_path, "c3d", sequence(30)).read_bytes()[:-600])
    with pytest.raises(FileError, match="it was cut"):
        load(path)


def test_an_absent_point_stays_absent(tmp_path: Path, sequence: Maker) -> None:
    for format in FORMATS:
        (found,) = iterate_points(write(tmp_path, format, sequence(30)))
        absent = ~np.isfinite(found.points.xyz).all(axis=-1)
        assert absent.any()
        assert (found.state[absent] == State.ABSENT).all()
