"""Samples: what is written is read, and what is no shard is told so."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mousepose.errors import FileError, InputError
from mousepose.skeleton import KEYPOINT_NAMES
from mousepose.train.samples import (
    BOX_KEYPOINTS,
    CROP_FACTOR,
    SampleFolder,
    Samples,
    SampleWriter,
    box_of_keypoints,
    crop_of_box,
)

HEADER = {"licence": "none", "seed": 3}
POINTS = len(KEYPOINT_NAMES)


def made(count: int, seed: int, size: int = 8, boxes: bool = False) -> Samples:
    random = np.random.default_rng(seed)
    state = random.integers(0, 3, (count, POINTS)).astype(np.uint8)
    xy = random.normal(40, 20, (count, POINTS, 2)).astype(np.float32)
    xy[state == 0] = np.nan
    box = random.normal(size=(count, 2, 4)).astype(np.float32) if boxes else None
    return Samples(
        random.integers(0, 256, (count, size, size)).astype(np.uint8), xy, state,
        random.integers(0, 4, count).astype(np.uint8),
        random.uniform(20, 90, count).astype(np.float32), box,
    )  # fmt: skip


def same(one: Samples, other: Samples) -> bool:
    pairs: list[tuple[Any, Any]] = [
        (getattr(one, name), getattr(other, name))
        for name in ("images", "xy", "state", "view", "length", "box")
    ]
    return all(
        (a is None and b is None) or np.array_equal(a, b, equal_nan=a.dtype.kind == "f")
        for a, b in pairs
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    writer = SampleWriter(tmp_path / "s", HEADER)
    writer.write(1, made(5, 1))
    writer.write(0, made(7, 0))
    return tmp_path / "s"


def test_what_is_written_is_read(folder: Path) -> None:
    read = SampleFolder(folder)
    whole = Samples.joined([made(7, 0), made(5, 1)])
    assert (len(read), read.size, read.kind) == (12, 8, "crops")
    assert read.header["licence"] == "none"
    assert same(Samples.joined(list(read)), whole)
    order = np.array([11, 0, 7, 6, 3, 3])
    assert same(read.take(order), whole[order])
    assert len(read.take([])) == 0


def test_pictures_are_mapped_not_read(folder: Path) -> None:
    assert all(isinstance(shard.images, np.memmap) for shard in SampleFolder(folder))


def test_frames_keep_their_boxes(tmp_path: Path) -> None:
    writer = SampleWriter(tmp_path, HEADER, kind="frames")
    samples = made(3, 0, boxes=True)
    writer.write(0, samples)
    assert same(SampleFolder(tmp_path).take([0, 1, 2]), samples)
    with pytest.raises(InputError, match="frames come with boxes"):
        writer.write(1, made(3, 0))


def test_a_folder_goes_on_where_it_stopped(folder: Path) -> None:
    assert SampleWriter(folder, HEADER).missing(4) == [2, 3]
    with pytest.raises(InputError, match="differ in: seed"):
        SampleWriter(folder, HEADER | {"seed": 4})


def test_a_folder_of_other_things_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("precious")
    with pytest.raises(FileError, match="expected an empty folder"):
        SampleWriter(tmp_path, HEADER)
    with pytest.raises(FileError, match="no folder of samples"):
        SampleFolder(tmp_path)
    with pytest.raises(InputError, match="licence"):
        SampleWriter(tmp_path / "new", {})


def test_a_cut_shard_is_told_by_its_name(folder: Path) -> None:
    shard = folder / "00001.npz"
    whole = shard.read_bytes()
    for keep in (0, 10, len(whole) // 2, len(whole) - 1):
        shard.write_bytes(whole[:keep])
        with pytest.raises(FileError, match=r"00001\.npz.*cut or altered; delete it"):
            SampleFolder(folder)


def test_a_compressed_shard_is_refused(folder: Path) -> None:
    samples = made(7, 0)
    arrays = {n: getattr(samples, n) for n in ("images", "xy", "state", "view", "length")}
    np.savez_compressed(folder / "00000.npz", **arrays)
    with pytest.raises(FileError, match="compressed"):
        SampleFolder(folder)


def test_a_shard_with_values_that_mean_nothing_is_refused(folder: Path) -> None:
    samples = made(7, 0)
    arrays = {n: getattr(samples, n) for n in ("images", "xy", "state", "view", "length")}
    np.savez(folder / "00000.npz", **arrays | {"state": samples.state + 3})
    with pytest.raises(FileError, match="state: expected 0, 1 or 2"):
        SampleFolder(folder)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"format": "other"}, "expected the format"),
        ({"kind": "films"}, "kind: expected crops or frames"),
        ({"keypoints": ["NOSE"]}, "other keypoints"),
    ],
)
def test_a_wrong_header_is_told(folder: Path, change: dict[str, Any], told: str) -> None:
    header = folder / "samples.json"
    header.write_text(json.dumps(json.loads(header.read_text()) | change))
    with pytest.raises(FileError, match=told):
        SampleFolder(folder)


@given(garbage=st.binary(max_size=400))
def test_garbage_never_does_more_than_say_so(tmp_path: Path, garbage: bytes) -> None:
    folder = tmp_path / "g"
    folder.mkdir(exist_ok=True)
    (folder / "samples.json").write_bytes(garbage)
    with pytest.raises(FileError):
        SampleFolder(folder)


@given(place=st.integers(0, 2000), value=st.integers(0, 255))
def test_one_altered_byte_is_read_or_refused(tmp_path: Path, place: int, value: int) -> None:
    folder = tmp_path / "s"
    if not folder.exists():
        SampleWriter(folder, HEADER).write(0, made(2, 0))
    shard = folder / "00000.npz"
    whole = shard.read_bytes()
    altered = bytearray(whole)
    altered[place % len(whole)] = value
    shard.write_bytes(altered)
    try:
        assert len(SampleFolder(folder)) == 2
    except FileError:
        pass
    finally:
        shard.write_bytes(whole)


def test_shapes_and_states_are_checked() -> None:
    samples = made(3, 0)
    with pytest.raises(InputError, match=r"xy: expected float32 \(3, 22, 2\)"):
        replace(samples, xy=samples.xy[:, :5])
    with pytest.raises(InputError, match="xy must be NaN where state is 0"):
        replace(samples, xy=np.zeros_like(samples.xy))


def test_the_tail_does_not_count_for_the_box() -> None:
    xy = np.random.default_rng(0).normal(size=(4, POINTS, 2))
    tail = [k for k in range(POINTS) if k not in BOX_KEYPOINTS]
    assert [KEYPOINT_NAMES[k] for k in tail] == ["MID_TAIL", "TIP_TAIL"]
    moved = xy.copy()
    moved[:, tail] += 100
    assert np.array_equal(box_of_keypoints(xy), box_of_keypoints(moved))
    assert np.isnan(box_of_keypoints(np.full((POINTS, 2), np.nan))).all()


def test_a_crop_holds_its_box_with_room_around() -> None:
    centre, side = crop_of_box([[10.0, 20.0, 50.0, 30.0]])
    assert np.array_equal(centre, [[30.0, 25.0]])
    assert side == CROP_FACTOR * 40
