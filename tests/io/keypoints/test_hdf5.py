"""Hostile and damaged HDF5: nothing outside the file is read, and no memory is filled."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from mousepose.errors import FileError, InputError
from mousepose.io.keypoints import hdf5, heaps
from mousepose.io.keypoints.heaps import heap_fault
from mousepose.io.keypoints.registry import iterate_keypoints, load_keypoints, load_tracks

SECRET = 4711.0


@pytest.fixture
def good(tmp_path: Path, mice: Callable, write: dict) -> Path:
    write["sleap_h5"](tmp_path / "track.h5", mice(9, 1))
    return tmp_path / "track.h5"


@pytest.fixture
def other(tmp_path: Path) -> Path:
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["tracks"] = np.full((1, 2, 12, 9), SECRET)
    return tmp_path / "other.h5"


def refused(path: Path, message: str) -> None:
    with pytest.raises(FileError, match=message) as refusal:
        load_tracks(path, fps=1)
    assert str(path) in str(refusal.value)


def test_links_are_not_followed(good: Path, other: Path) -> None:
    for link in (h5py.ExternalLink(str(other), "/tracks"), h5py.SoftLink("/node_names")):
        with h5py.File(good, "r+") as file:
            del file["tracks"]
            file["tracks"] = link
        refused(good, "a link to elsewhere, not followed")


def test_arrays_that_lie_in_other_files_are_refused(good: Path, other: Path) -> None:
    with h5py.File(good, "r+") as file:
        del file["tracks"]
        shape = (1, 2, 12, 9)
        virtual = h5py.VirtualLayout(shape, float)
        virtual[...] = h5py.VirtualSource(str(other), "tracks", shape)
        file.create_virtual_dataset("tracks", virtual)
    refused(good, "'tracks' points into other files")
    with h5py.File(good, "r+") as file:
        del file["tracks"]
        file.create_dataset("tracks", shape, float, external=[(str(other), 0, 10**6)])
    refused(good, "'tracks' points into other files")


@pytest.mark.parametrize("frames", [10**7, 10**12])
def test_arrays_that_claim_more_than_they_store_are_refused(good: Path, frames: int) -> None:
    with h5py.File(good, "r+") as file:
        del file["tracks"], file["point_scores"]
        file.create_dataset("tracks", (1, 2, 12, frames), float, chunks=(1, 2, 12, 100))
    refused(good, "stores 0: it was never written, or is made to fill the memory")


def test_arrays_in_huge_pieces_are_refused(good: Path) -> None:
    with h5py.File(good, "r+") as file:
        del file["tracks"]
        shape = (1, 2, 12, 10**8 // 12)
        file.create_dataset("tracks", shape, float, chunks=shape, compression="gzip")
    refused(good, "packed in pieces of")


def test_a_claim_of_too_many_frames_is_told_before_they_are_read(
    good: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mousepose.io.keypoints.registry.MAX_LOADED_BYTES", 1000)
    with pytest.raises(InputError, match="read it in chunks with iterate_keypoints"):
        load_keypoints(good, fps=1)
    assert len(next(iterate_keypoints(good, 5, fps=1))) == 5


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.zeros((1, 2, 12, 9), [("x", float), ("y", float)]), "expected numbers"),
        (np.zeros((1, 2, 12, 9), complex), "holds complex128, expected numbers"),
        (np.zeros((1, 2, 12, 9), "V8"), "expected numbers"),
    ],
)
def test_arrays_of_other_types_are_refused(good: Path, values: object, message: str) -> None:
    with h5py.File(good, "r+") as file:
        del file["tracks"]
        file["tracks"] = values
    refused(good, message)


def test_objects_and_references_are_refused(good: Path) -> None:
    for kind in (h5py.ref_dtype, h5py.vlen_dtype(np.uint8)):
        with h5py.File(good, "r+") as file:
            del file["node_names"]
            file.create_dataset("node_names", (12,), kind)
        refused(good, "'node_names' holds object, expected texts")


def test_a_group_in_the_place_of_an_array_is_refused(good: Path) -> None:
    with h5py.File(good, "r+") as file:
        del file["point_scores"]
        file.create_group("point_scores")
    refused(good, "'point_scores' is no array")


def test_endless_names_are_refused(good: Path) -> None:
    with h5py.File(good, "r+") as file:
        del file["node_names"]
        file.create_dataset("node_names", data=["a" * 10_000] * 12, dtype=h5py.string_dtype())
    refused(good, "a name is longer than any name")


def test_texts_that_claim_to_be_longer_than_the_file_are_refused(
    tmp_path: Path, mice: Callable, write: dict
) -> None:
    path = tmp_path / "poses.nc"
    write["movement"](path, mice())
    with h5py.File(path) as file:
        place = file["keypoint"].id.get_offset()
    content = bytearray(path.read_bytes())
    content[place : place + 4] = b"\xff\xff\xff\xff"
    path.write_bytes(content)
    refused(path, "names a text of 4294967295 bytes, which is not there")


def test_names_that_are_packed_are_refused(tmp_path: Path, mice: Callable, write: dict) -> None:
    path = tmp_path / "poses.nc"
    write["movement"](path, mice())
    with h5py.File(path, "r+") as file:
        names = file["space"][:]
        del file["space"]
        file.create_dataset("space", data=names, dtype=h5py.string_dtype(), compression="gzip")
    refused(path, "'/space' holds packed texts: save names without compression")


def heap_of(path: Path) -> int:
    return path.read_bytes().index(b"GCOL\x01")


def test_a_heap_on_which_the_library_would_walk_for_ever_is_refused(good: Path) -> None:
    assert heap_fault(good) == ""
    content = bytearray(good.read_bytes())
    start = heap_of(good)
    content[start + 16 : start + 1024] = bytes(1008)
    good.write_bytes(content)
    refused(good, "its texts are damaged")


def test_heaps_of_any_length_end(
    good: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content, start = bytearray(good.read_bytes()), heap_of(good)
    for size in (0, 1, 7, 2**63):
        content[start + 24 : start + 32] = size.to_bytes(8, "little")
        path = tmp_path / f"{size}.h5"
        path.write_bytes(content)
        heap_fault(path)  # returns
    monkeypatch.setattr(heaps, "MAX_OBJECTS", 99)
    many = b"GCOL\x01\0\0\0" + (2**40).to_bytes(8, "little") + (b"\x01" + bytes(15)) * 99
    (tmp_path / "many.h5").write_bytes(bytes(content[:64]) + many * 2)
    assert heap_fault(tmp_path / "many.h5") == "it holds too many texts"


def test_a_size_that_runs_over_is_followed_as_the_library_does(good: Path) -> None:
    content, start = bytearray(good.read_bytes()), heap_of(good)
    content[start + 24 : start + 32] = b"\xff" * 8  # 16 + its size, rounded up, is 16 again
    content[start + 32 : start + 48] = bytes(16)
    good.write_bytes(content)
    refused(good, "its texts are damaged")


def test_a_file_changed_in_place_is_looked_at_again(good: Path) -> None:
    assert heap_fault(good) == ""
    content, start = bytearray(good.read_bytes()), heap_of(good)
    content[start + 16 : start + 1024] = bytes(1008)
    good.write_bytes(content + b"\0")
    assert heap_fault(good) != ""


def test_blocks_cover_every_row_once() -> None:
    for length in (0, 1, 5, 100):
        rows = [n for start, stop in hdf5.blocks(length, 2**22) for n in range(start, stop)]
        assert rows == list(range(length))
