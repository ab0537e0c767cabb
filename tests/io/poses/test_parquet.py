"""Pose sequences in Parquet: written in pieces or at once, the same comes back."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mousepose.errors import FileError, InputError
from mousepose.io import (
    SequenceWriter,
    concatenate_sequences,
    iterate_sequence,
    read_sequence,
    write_keypoints_parquet,
    write_sequence,
)
from mousepose.io.poses import parquet
from mousepose.types import Keypoints2D, PoseSequence

Maker = Callable[..., PoseSequence]


def part(sequence: PoseSequence, start: int, stop: int) -> PoseSequence:
    """The frames from `start` to before `stop`."""
    s = slice(start, stop)
    pose, report = sequence.pose, sequence.report
    return replace(
        sequence,
        pose=replace(
            pose,
            root_rotation=pose.root_rotation[s],
            root_translation=pose.root_translation[s],
            joint_rotation=pose.joint_rotation[s],
        ),
        keypoints=sequence.keypoints[s],
        covariance=sequence.covariance[s],
        state=sequence.state[s],
        rotation_sd=sequence.rotation_sd[s],
        times=sequence.times[s],
        frame_numbers=sequence.frame_numbers[s],
        report=replace(
            report,
            status=report.status[s],
            iterations=report.iterations[s],
            cost={term: values[s] for term, values in report.cost.items()},
        ),
    )


def assert_same(one: Any, other: Any) -> None:
    """Fail unless two (nested) dataclasses of arrays are equal, types included."""
    assert type(one) is type(other)
    for name, value in vars(one).items():
        found = getattr(other, name)
        if hasattr(value, "__dataclass_fields__"):
            assert_same(value, found)
        elif isinstance(value, np.ndarray):
            assert found.dtype == value.dtype, name
            np.testing.assert_array_equal(found, value, err_msg=name)
        elif name == "cost":
            assert list(found) == list(value)
            for term in value:
                np.testing.assert_array_equal(found[term], value[term])
        else:
            assert found == value, name


def test_what_is_written_comes_back(tmp_path: Path, sequence: Maker) -> None:
    write_sequence(tmp_path / "pose.parquet", sequence())
    assert_same(read_sequence(tmp_path / "pose.parquet"), sequence())


def test_a_sequence_without_frames_or_costs_comes_back(tmp_path: Path, sequence: Maker) -> None:
    empty = part(sequence(), 0, 0)
    empty = replace(empty, report=replace(empty.report, cost={}))
    write_sequence(tmp_path / "pose.parquet", empty)
    assert_same(read_sequence(tmp_path / "pose.parquet"), empty)


@settings(max_examples=20)
@given(st.lists(st.integers(0, 30), max_size=4), st.integers(5, 40))
def test_written_in_chunks_is_written_at_once(
    tmp_path: Path, sequence: Maker, cuts: list[int], group: int
) -> None:
    whole = sequence(30)
    edges = sorted([0, *cuts, 30])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parquet, "ROWS_PER_GROUP", group)
        with SequenceWriter(tmp_path / "chunks.parquet") as writer:
            for start, stop in zip(edges, edges[1:], strict=False):
                writer.append(part(whole, start, stop))
        assert_same(read_sequence(tmp_path / "chunks.parquet"), whole)


@pytest.mark.parametrize("size", [1, 7, 30, 100])
def test_read_in_chunks_is_read_at_once(tmp_path: Path, sequence: Maker, size: int) -> None:
    write_sequence(tmp_path / "pose.parquet", sequence(30))
    chunks = list(iterate_sequence(tmp_path / "pose.parquet", size))
    assert max(len(chunk) for chunk in chunks) <= size
    with SequenceWriter(tmp_path / "again.parquet") as writer:
        for chunk in chunks:
            writer.append(chunk)
    assert_same(read_sequence(tmp_path / "again.parquet"), sequence(30))


def test_parts_joined_are_the_whole(tmp_path: Path, sequence: Maker) -> None:
    whole = sequence(30)
    paths = []
    for start, stop in ((0, 11), (11, 12), (12, 30)):
        paths.append(tmp_path / f"part{start}.parquet")
        write_sequence(paths[-1], part(whole, start, stop))
    concatenate_sequences(paths, tmp_path / "whole.parquet")
    assert_same(read_sequence(tmp_path / "whole.parquet"), whole)
    with pytest.raises(InputError, match="frame 11 of animal0 comes after frame 29"):
        concatenate_sequences([paths[0], paths[2], paths[1]], tmp_path / "wrong.parquet")
    assert not (tmp_path / "wrong.parquet").exists()


def test_animals_share_a_file(tmp_path: Path, sequence: Maker) -> None:
    one, other = sequence(30, "a"), sequence(20, "b", first_frame=5)
    other = replace(other, scale_source="cage", pose=replace(other.pose, shape=np.array([2.0])))
    path = tmp_path / "pose.parquet"
    with SequenceWriter(path) as writer:
        for start in range(0, 30, 10):
            writer.append(part(one, start, start + 10))
            writer.append(part(other, start, start + 10))
    assert_same(read_sequence(path, "a"), one)
    assert_same(read_sequence(path, "b"), other)
    with pytest.raises(InputError, match="2 animals: a, b"):
        read_sequence(path)
    concatenate_sequences([path], tmp_path / "copy.parquet")
    assert_same(read_sequence(tmp_path / "copy.parquet", "b"), other)


def test_the_file_explains_itself(tmp_path: Path, sequence: Maker) -> None:
    write_sequence(tmp_path / "pose.parquet", sequence())
    table = pq.read_table(tmp_path / "pose.parquet")
    assert table.column_names[:5] == ["frame", "time_s", "animal", "status", "iterations"]
    for name in (
        "NOSE_x",
        "SPINE_MID_cov_yz",
        "ROOT_TAIL_state",
        "root_rotation_z",
        "root_translation_x",
        "SPINE_HIP_rotation_y",
        "SPINE_HIP_rotation_sd_y",
        "cost_image",
    ):
        assert name in table.column_names
    header = json.loads(pq.ParquetFile(tmp_path / "pose.parquet").metadata.metadata[b"mousepose"])
    assert header["schema_version"] == 1
    assert header["units"]["length"] == "mm"
    about = header["animals"]["animal0"]
    assert about["frame"] == "world"
    assert about["scale_source"] == "floor"
    assert about["shape"] == [0.25, -1.5]
    assert about["provenance"]["version"] == "0.1.0"


def test_an_aborted_run_leaves_the_old_file(tmp_path: Path, sequence: Maker) -> None:
    path = tmp_path / "pose.parquet"
    path.write_text("old")
    with pytest.raises(RuntimeError), SequenceWriter(path) as writer:
        writer.append(sequence())
        raise RuntimeError
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_of_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nothing is written"):
        write_sequence(tmp_path / "pose.parquet")
    with pytest.raises(InputError, match="nothing is written"):
        concatenate_sequences([], tmp_path / "pose.parquet")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"frame": "camera"}, "frame of animal0 differs"),
        ({"scale_source": "none"}, "scale_source of animal0 differs"),
        ({"provenance": {}}, "provenance of animal0 differs.*one run"),
        ({"keypoint_names": ("NOSE", "SPINE_MID", "MID_TAIL")}, "keypoint_names differ"),
        ({"frame_numbers": np.arange(30)}, "frame 0 of animal0 comes after frame 29"),
        ({"frame_numbers": np.full(30, 99)}, "frame 99 of animal0 comes after frame 99"),
    ],
)
def test_chunks_that_disagree_are_refused(
    tmp_path: Path, sequence: Maker, change: dict[str, Any], message: str
) -> None:
    following = replace(sequence(30, first_frame=30), **change)
    with (
        pytest.raises(InputError, match=message),
        SequenceWriter(tmp_path / "pose.parquet") as writer,
    ):
        writer.append(sequence(30))
        writer.append(following)
    assert not list(tmp_path.iterdir())


def test_what_cannot_be_written_is_refused(tmp_path: Path, sequence: Maker) -> None:
    path = tmp_path / "pose.parquet"
    with pytest.raises(InputError, match="plain finite data"):
        write_sequence(path, replace(sequence(), provenance={"config": object()}))
    with pytest.raises(InputError, match="plain finite data"):
        write_sequence(path, replace(sequence(), provenance={"sigma": np.nan}))
    with pytest.raises(InputError, match="collide in the columns root_rotation_x"):
        names = ("root", "SPINE_MID", "NECK", "NOSE")
        write_sequence(path, replace(sequence(), joint_names=names))


def test_other_parquet_files_are_refused(
    tmp_path: Path, keypoints: Callable[..., Keypoints2D]
) -> None:
    write_keypoints_parquet(tmp_path / "track.parquet", keypoints())
    with pytest.raises(FileError, match="no file of 3D poses"):
        read_sequence(tmp_path / "track.parquet")
    with pytest.raises(FileError, match="cannot be read"):
        read_sequence(tmp_path / "missing.parquet")


def changed(path: Path, change: Callable[[pa.Table, dict[str, Any]], pa.Table]) -> Path:
    """The file with its table and header changed."""
    file = pq.ParquetFile(path)
    header = json.loads(file.metadata.metadata[b"mousepose"])
    table = change(file.read(), header)
    metadata = {b"mousepose": json.dumps(header).encode()}
    pq.write_table(table.replace_schema_metadata(metadata), path)
    return path


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda table, header: table.drop_columns(["NOSE_x"]), "columns are missing: NOSE_x"),
        (
            lambda table, header: table.set_column(0, "frame", pa.array(["a"] * len(table))),
            "not of its type",
        ),
        (
            lambda table, header: table.set_column(0, "frame", pa.nulls(len(table), pa.int64())),
            "'frame' has empty cells",
        ),
        (lambda table, header: header.update(schema_version=2) or table, "schema version 2"),
        (lambda table, header: header.pop("joint_names") and table, "metadata is damaged"),
        (lambda table, header: header.update(joint_names="NOSE") or table, "metadata is damaged"),
        (lambda table, header: header.update(animals={"a": {}}) or table, "metadata is damaged"),
        (
            lambda table, header: header["animals"]["animal0"].update(shape=["a"]) or table,
            "metadata is damaged",
        ),
    ],
)
def test_changed_files_are_refused(
    tmp_path: Path, sequence: Maker, change: Callable[..., pa.Table], message: str
) -> None:
    write_sequence(tmp_path / "pose.parquet", sequence())
    with pytest.raises(FileError, match=message):
        read_sequence(changed(tmp_path / "pose.parquet", change))


@given(st.floats(0, 1), st.binary(max_size=8))
def test_a_cut_or_damaged_file_is_read_or_refused(
    tmp_path: Path, sequence: Maker, place: float, damage: bytes
) -> None:
    path = tmp_path / "pose.parquet"
    write_sequence(path, sequence(5))
    content = path.read_bytes()
    start = int(place * len(content))
    path.write_bytes(content[:start] + damage + content[start + len(damage) :] * bool(damage))
    try:
        assert len(read_sequence(path)) <= 5
    except InputError as error:
        assert str(error)
