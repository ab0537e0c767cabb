"""A file in parts is the file as a whole; what cannot be analysed is told in one line."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tests.analysis.walkers import STRIDE_MM, STRIDES_PER_SECOND, points, still, without

from mousepose.analysis.gait import analyse_gait
from mousepose.errors import InputError
from mousepose.io import write_sequence
from mousepose.run import gait_parts
from mousepose.run.gait import GaitJob, analyse_file, write_gait
from mousepose.run.kinematics import KinematicsJob, write_kinematics
from mousepose.types import Keypoints3D

UP = (0.0, 0.0, 1.0)


def walks_and_stands() -> Keypoints3D:
    """Return three walks with a rest after each."""
    walk = points()
    rest = np.repeat(walk.xyz[-1:], 240, axis=0)
    xyz = np.concatenate([walk.xyz, rest] * 3)
    for part in range(1, 3):  # go on where the last walk ended
        start = part * (len(walk.xyz) + len(rest))
        xyz[start:] += xyz[start - 1, :1] - xyz[start, :1]
    return Keypoints3D(xyz, np.arange(len(xyz)) / 60.0, walk.keypoint_names)


def written(path: Path, source: Keypoints3D) -> Path:
    write_sequence(path, source)
    return path


def test_in_parts_the_gait_is_that_of_the_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = walks_and_stands()
    path = written(tmp_path / "points.parquet", source)
    monkeypatch.setattr(gait_parts, "FRAMES_AT_ONCE", 400)
    monkeypatch.setattr("mousepose.io.poses.point_table.ROWS_AT_ONCE", 100)
    parts, whole = analyse_file(GaitJob(path, UP)).gait, analyse_gait(source)
    assert len(parts.bouts) == len(whole.bouts) == 3
    assert len(parts.strides) == len(whole.strides)
    for column in ("contact_s", "stride_length_mm", "contact_frame", "bout"):
        np.testing.assert_allclose(
            parts.strides[column].astype(float), whole.strides[column].astype(float), atol=0.02
        )


def test_the_tables_are_written_and_read_again(tmp_path: Path) -> None:
    path = written(tmp_path / "points.parquet", points())
    gait = analyse_file(GaitJob(path, UP)).gait
    paths = write_gait(tmp_path / "gait", gait)
    assert {p.name for p in paths} >= {"strides.parquet", "strides.csv", "bouts.csv"}
    again = pd.read_parquet(tmp_path / "gait" / "strides.parquet")
    pd.testing.assert_frame_equal(again, gait.strides, check_dtype=False)


def test_a_belt_of_the_wrong_sign_is_told(tmp_path: Path) -> None:
    speed = STRIDE_MM * STRIDES_PER_SECOND
    source = points()
    way = (source.xyz[-1] - source.xyz[0]).mean(axis=0) * [1, 1, 0]
    way /= np.linalg.norm(way)
    held = source.xyz - way * (speed * source.times)[:, None, None]
    path = written(tmp_path / "points.parquet", replace(source, xyz=held))
    with pytest.raises(InputError, match=r"backwards.*try 143"):
        analyse_file(GaitJob(path, UP, belt_speed=-speed))
    found = analyse_file(GaitJob(path, UP, belt_speed=speed)).gait.bouts
    assert found["events_stride_length_mm"][0] == pytest.approx(STRIDE_MM, abs=1.0)


def test_an_animal_that_stands_gives_empty_files(tmp_path: Path) -> None:
    path = written(tmp_path / "points.parquet", still())
    gait = analyse_file(GaitJob(path, UP)).gait
    write_gait(tmp_path / "gait", gait)
    assert len(pd.read_csv(tmp_path / "gait" / "strides.csv")) == 0


def test_limbs_that_are_missing_are_not_made_up(tmp_path: Path) -> None:
    source = without(points(), "HIND_PAW", "KNEE")
    outcome = analyse_file(GaitJob(written(tmp_path / "points.parquet", source), UP))
    assert set(outcome.limbs) == {"left fore", "right fore"}
    assert set(outcome.gait.strides["limb"]) == {"left fore", "right fore"}
    assert outcome.gait.strides["support_diagonal"].isna().all()


@pytest.mark.parametrize("ending", ["parquet", "csv"])
def test_kinematics_in_parts_have_every_frame_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str
) -> None:
    source = walks_and_stands()
    path = written(tmp_path / "points.parquet", source)
    monkeypatch.setattr(gait_parts, "FRAMES_AT_ONCE", 400)
    monkeypatch.setattr("mousepose.io.poses.point_table.ROWS_AT_ONCE", 100)
    target = tmp_path / f"kinematics.{ending}"
    outcome = write_kinematics(KinematicsJob(path, target, UP))
    table = pd.read_parquet(target) if ending == "parquet" else pd.read_csv(target)
    assert outcome.frames == len(table) == len(source.times)
    np.testing.assert_allclose(table["time_s"], source.times, atol=1e-6)
    assert table["speed_mm_s"].notna().all()


def test_kinematics_of_another_ending_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"\.parquet or \.csv"):
        write_kinematics(KinematicsJob(tmp_path / "points.parquet", tmp_path / "table.xlsx"))
