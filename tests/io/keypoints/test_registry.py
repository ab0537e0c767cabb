"""The one door: chunked = whole in every format, and garbage is refused in words."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mousepose.errors import FileError, InputError, UnknownNameError
from mousepose.io import (
    iterate_keypoints,
    load_keypoints,
    write_dlc_csv,
    write_keypoints_parquet,
)
from mousepose.io.keypoints import registry
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
    ]
)


@WRITERS
@pytest.mark.parametrize("size", [1, 7, 50, 51, 1000])
def test_chunks_joined_are_the_whole(
    tmp_path: Path, keypoints: Callable[..., Keypoints2D], write: Writer, size: int
) -> None:
    write(tmp_path / "track.dat", keypoints(50))
    whole = load_keypoints(tmp_path / "track.dat", fps=50)
    chunks = list(iterate_keypoints(tmp_path / "track.dat", size, fps=50))
    assert all(len(chunk) == size for chunk in chunks[:-1])
    np.testing.assert_array_equal(np.concatenate([c.xy for c in chunks]), whole.xy)
    np.testing.assert_array_equal(np.concatenate([c.times for c in chunks]), whole.times)
    np.testing.assert_array_equal(np.concatenate([c.confidence for c in chunks]), whole.confidence)


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


@WRITERS
def test_keypoints_are_kept_by_name_in_order(
    tmp_path: Path, keypoints: Callable[..., Keypoints2D], write: Writer
) -> None:
    points = keypoints()
    write(tmp_path / "track.dat", points)
    names = ("ROOT_TAIL", "NOSE")
    kept = load_keypoints(tmp_path / "track.dat", fps=50, keypoint_names=names)
    assert kept.keypoint_names == names
    np.testing.assert_array_equal(kept.xy, points.xy[:, :, [2, 0]])
    with pytest.raises(UnknownNameError, match="'SNOUT'; known: NOSE, ROOT_TAIL, SPINE_MID"):
        load_keypoints(tmp_path / "track.dat", fps=50, keypoint_names=["SNOUT"])


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


@WRITERS
@given(st.floats(0, 1), st.binary(min_size=1, max_size=8))
def test_a_damaged_file_is_read_or_refused(
    tmp_path: Path,
    keypoints: Callable[..., Keypoints2D],
    write: Writer,
    place: float,
    damage: bytes,
) -> None:
    path = tmp_path / "track.dat"
    write(path, keypoints())
    content = bytearray(path.read_bytes())
    start = int(place * len(content))
    content[start : start + len(damage)] = damage
    path.write_bytes(content)
    try:
        points = load_keypoints(path, fps=50)
    except InputError as error:
        assert str(error)
    else:
        assert len(points) > 0
