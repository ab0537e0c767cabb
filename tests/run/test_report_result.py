"""A result opened in parts is the result as a whole; what is damaged is told in one line."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

import results
from mousepose.errors import FileError, InputError
from mousepose.io import read_sequence
from mousepose.run import report_result
from mousepose.run.report_result import Result, open_results
from results import walk, write_result

result_folder = results.result_folder


def test_in_parts_it_is_the_whole(result_folder: Path) -> None:
    whole = read_sequence(result_folder / "poses.parquet")
    with Result(result_folder) as result:
        assert len(result) == len(whole) and result.groups > 3
        np.testing.assert_array_equal(result.times, whole.times)
        np.testing.assert_array_equal(result.frame_numbers, whole.frame_numbers)
        np.testing.assert_array_equal(result.status, whole.report.status)
        for place in (0, 39, 40, 99, len(whole) - 1):
            part, index = result.at(place)
            np.testing.assert_array_equal(part.keypoints[index], whole.keypoints[place])
            assert part.frame_numbers[index] == place
        span = np.concatenate([piece.keypoints for piece in result.span(30, 95)])
        np.testing.assert_array_equal(span, whole.keypoints[30:95])


def test_few_parts_stay_in_memory(result_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report_result, "_KEPT", 1)
    with Result(result_folder) as result:
        result.at(0)
        assert result.has(0) and not result.has(50)
        result.at(50)
        assert result.has(50) and not result.has(0)


def test_moments_are_found_by_time(result_folder: Path) -> None:
    with Result(result_folder) as result:
        assert result.place_at(-5.0) == 0 and result.place_at(1e9) == len(result) - 1
        for place in (3, 77):
            assert result.place_at(float(result.times[place]) + 0.4 * result.interval) == place
        first, last = result.places_of(result.times[10], result.times[20])
        assert (first, last) == (10, 20)
        with pytest.raises(IndexError, match="150 frames"):
            result.at(150)


def test_one_animal_of_two_is_read(tmp_path: Path) -> None:
    one = walk(2.0)
    other = replace(one, animal="other", keypoints=one.keypoints + 5.0)
    path = write_result(tmp_path, 25, one, other)
    with pytest.raises(InputError, match="2 animals"):
        Result(path)
    with Result(path, "other") as result:
        part, index = result.at(31)
        np.testing.assert_array_equal(part.keypoints[index], other.keypoints[31])


def _changed(path: Path, **header: object) -> Path:
    table = pq.read_table(path)
    told = json.loads(pq.ParquetFile(path).metadata.metadata[b"mousepose"]) | header
    pq.write_table(table.replace_schema_metadata({b"mousepose": json.dumps(told)}), path)
    return path


def test_what_is_wrong_with_a_file_is_told(tmp_path: Path) -> None:
    good = write_result(tmp_path, 60, walk(2.0))
    content = good.read_bytes()
    cut = tmp_path / "cut.parquet"
    cut.write_bytes(content[: len(content) // 2])
    with pytest.raises(FileError, match="may be cut"):
        Result(cut)
    with pytest.raises(FileError, match="no such file"):
        Result(tmp_path / "none.parquet")
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileError, match=r"no poses\.parquet"):
        Result(tmp_path / "empty")
    with pytest.raises(FileError, match="schema version 99"):
        Result(_changed(good, schema_version=99))


def test_a_damaged_part_is_named_and_the_others_are_read(tmp_path: Path) -> None:
    path = write_result(tmp_path, 40, walk(4.0))
    column = pq.ParquetFile(path).metadata.row_group(1).column(40)
    content = bytearray(path.read_bytes())
    start = column.data_page_offset
    content[start : start + column.total_compressed_size] = b"\xff" * column.total_compressed_size
    path.write_bytes(content)
    with Result(path) as result:
        result.at(0)
        with pytest.raises(FileError, match="part 2 of"):
            result.at(45)
        result.at(100)


def test_times_that_go_back_are_refused(tmp_path: Path) -> None:
    sequence = walk(2.0)
    times = sequence.times.copy()
    times[30] = times[28]
    path = write_result(tmp_path, 60, replace(sequence, times=times))
    with pytest.raises(FileError, match="does not increase at frame 30"):
        Result(path)


def test_several_are_open_together(result_folder: Path) -> None:
    with open_results([result_folder, result_folder / "poses.parquet"]) as results:
        assert [len(result) for result in results] == [150, 150]
