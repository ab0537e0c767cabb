"""The one door: chunked = whole in every format, and garbage is refused in words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mousepose.errors import FileError, InputError
from mousepose.io import write_dlc_csv, write_keypoints_parquet
from mousepose.io.keypoints import registry
from mousepose.io.keypoints.registry import (
    animals_in,
    iterate_keypoints,
    load_keypoints,
    load_tracks,
    recognize,
)
from mousepose.types import Keypoints2D

Writer = Callable[[Path, Keypoints2D], None]


def write_h5(path: Path, points: Keypoints2D) -> None:
    write_dlc_csv(path, points)
    frame = pd.read_csv(path, header=[0, 1, 2], index_col=0)
    frame.to_hdf(path, key="df_with_missing", format="table", mode="w")


WRITERS = pytest.mark.parametrize("write", [write_dlc_csv, write_keypoints_parquet, write_h5])
MAGIC = st.sampled_from(
    [
        b"",
        b"PAR1",
        b"\x89HDF\r\n\x1a\n",
        b"scorer,",
        b"scorer,s,s\nbodyparts,n,n\ncoords,x,y\n",
        b"scorer,s,s\nindividuals,a,b\nbodyparts,n,n\ncoords,x,y\n0,1,2\n",
        b"scorer,,,s,s\nbodyparts,,,n,n\ncoords,,,x,y\n",
        b"frame,animal,a_x,a_y\n0,m,1,2\n",
        b"a_x;a_y\n1,5;2,5\n",
        b'{"images": [{"id": 0}], "categories": [], "annotations": [',
        b"[",
        b"\xff\xfe",
        b"\xef\xbb\xbfscorer",
    ]
)


@WRITERS
def test_disorder_is_found_across_chunks(
    tmp_path: Path, keypoints: Callable[..., Keypoints2D], write: Writer
) -> None:
    points = keypoints(10)
    points.frame_numbers[5] = points.frame_numbers[4]
    write(tmp_path / "track.dat", points)
    chunks = iterate_keypoints(tmp_path / "track.dat", 5, fps=50)
    assert len(next(chunks)) == 5
    with pytest.raises(FileError, match=r"does not increase at (line 9|row 5) \(frame 8\)"):
        next(chunks)


def test_the_frame_rate_is_asked_for(tmp_path: Path, keypoints: Callable[..., Keypoints2D]) -> None:
    write_dlc_csv(tmp_path / "track.csv", keypoints())
    with pytest.raises(InputError, match="--fps"):
        load_keypoints(tmp_path / "track.csv")
    for fps in (0.0, -30.0, np.nan, np.inf):
        with pytest.raises(InputError, match="fps: expected a positive"):
            load_keypoints(tmp_path / "track.csv", fps=fps)
    with pytest.raises(InputError, match="chunk_frames"):
        iterate_keypoints(tmp_path / "track.csv", 0, fps=50)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"frame,x,y\n", "no known format.*DeepLabCut csv"),
        (b"\0" * 99, "no known"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "track").write_bytes(content)
    with pytest.raises(FileError, match=message):
        load_keypoints(tmp_path / "track", fps=50)


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "no.csv", tmp_path):
        with pytest.raises(FileError, match="cannot be read"):
            load_keypoints(path, fps=50)


def test_a_file_too_long_for_memory_is_refused(
    tmp_path: Path, keypoints: Callable[..., Keypoints2D], monkeypatch: pytest.MonkeyPatch
) -> None:
    write_dlc_csv(tmp_path / "track.csv", keypoints())
    monkeypatch.setattr(registry, "MAX_LOADED_BYTES", 100)
    with pytest.raises(InputError, match="iterate_keypoints"):
        load_keypoints(tmp_path / "track.csv", fps=50)


@given(MAGIC, st.binary(max_size=300))
def test_garbage_is_refused_in_words(tmp_path: Path, head: bytes, garbage: bytes) -> None:
    path = tmp_path / "garbage"
    path.write_bytes(head + garbage)
    try:
        points = load_keypoints(path, fps=50)
    except InputError as error:
        assert str(path) in str(error)
    else:
        assert len(points) > 0


def test_what_is_no_file_of_2d_keypoints_has_no_reader(tmp_path: Path) -> None:
    path = tmp_path / "file"
    for content in (
        b"hello\n",
        b'{"a": 1}',
        b"frame,a_x,a_y,a_z\n0,1,2,3\n",
        b"scorer,s,s,s\nbodyparts,a,a,a\ncoords,x,y,z\n0,1,2,3\n",
    ):
        path.write_bytes(content)
        assert recognize(path) is None
    for content in (b"", None):
        path.unlink()
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(FileError, match="is empty|cannot be read"):
            recognize(path)


@pytest.mark.parametrize(
    ("start", "message"),
    [
        (b"PK\x03\x04", "an Excel workbook or npz: save the table as csv"),
        (b"MATLAB 5.0 MAT-file", "a MATLAB file: export the points as csv"),
        (b"\x1f\x8b\x08", "packed by gzip: unpack it first"),
        (b"\0\0\0\x20ftypisom", "is a video: a tracker makes keypoints from it"),
        (b"\x89PNG\r\n", "is an image"),
        (b"\x80\x04\x95", "a Python pickle, which can run code and is never read"),
    ],
)
def test_known_files_of_other_kinds_are_told(tmp_path: Path, start: bytes, message: str) -> None:
    (tmp_path / "file").write_bytes(start + bytes(100))
    with pytest.raises(FileError, match=message):
        load_keypoints(tmp_path / "file", fps=1)


def test_covariances_pass_through_chunks_and_choice(
    tmp_path: Path, keypoints: Callable[..., Keypoints2D]
) -> None:
    points = keypoints(11)
    factor = np.random.default_rng(1).normal(size=(*points.confidence.shape, 2, 2))
    covariance = factor @ factor.swapaxes(-1, -2) + np.eye(2)
    lost = np.isnan(points.xy[..., 0])
    covariance = np.where(lost[..., None, None], np.nan, covariance)
    write_keypoints_parquet(tmp_path / "t.parquet", replace(points, covariance=covariance))
    whole = load_keypoints(tmp_path / "t.parquet", keypoint_names=["ROOT_TAIL", "NOSE"])
    chunks = iterate_keypoints(tmp_path / "t.parquet", 4, keypoint_names=["ROOT_TAIL", "NOSE"])
    expected = covariance[:, :, [2, 0]]
    np.testing.assert_allclose(whole.covariance, expected, rtol=1e-6)  # kept as float32 or 64
    joined = np.concatenate([c.covariance for c in chunks if c.covariance is not None])
    np.testing.assert_array_equal(joined, whole.covariance)


def test_all_tracks_together_must_fit_the_memory(
    tmp_path: Path, mice: Callable[..., Any], write: dict[str, Any], monkeypatch: Any
) -> None:
    write["plain_csv"](tmp_path / "t.csv", mice(10))
    one = 10 * 12 * 3 * 8
    monkeypatch.setattr(registry, "MAX_LOADED_BYTES", 2 * one)
    assert animals_in(tmp_path / "t.csv") == tuple(load_tracks(tmp_path / "t.csv", fps=1))
    monkeypatch.setattr(registry, "MAX_LOADED_BYTES", 2 * one - 1)
    with pytest.raises(InputError, match="iterate_keypoints"):
        load_tracks(tmp_path / "t.csv", fps=1)
