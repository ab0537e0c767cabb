"""What of points and poses the store keeps: all that means something, in few bytes."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.rooms import segment
from mousepose.monitor.stages.stretch import Rows
from mousepose.monitor.stages.tables import STEP, as_kept, points_of, points_table, poses_table
from mousepose.monitor.store.encoding import encoding
from mousepose.types import Keypoints2D, PoseSequence, State
from results import walk

FRAMES, NAMES = 50, ("NOSE", "ROOT_TAIL", "LEFT_FORE_PAW")


def some_points(seed: int) -> Keypoints2D:
    random = np.random.default_rng(seed)
    xy = random.uniform(-50, 4000, (FRAMES, 1, len(NAMES), 2))
    xy[random.random(xy.shape[:-1]) < 0.2] = np.nan
    root = random.normal(0, 10, (*xy.shape, 2))
    covariance = root @ np.swapaxes(root, -1, -2)
    numbers = np.arange(7, 7 + FRAMES)
    return Keypoints2D(
        xy, random.random(xy.shape[:-1]), numbers / 24, numbers, NAMES, "mouse0", covariance
    )  # fmt: skip


@given(st.integers(0, 1000))
def test_points_come_back_to_a_millionth_of_a_pixel(seed: int) -> None:
    points = some_points(seed)
    states = np.full(FRAMES, State.SEEN, np.uint8)
    table = points_table(segment(), points.times, Rows(points, states), np.ones(FRAMES, bool))
    found = points_of(table).points
    assert np.array_equal(np.isnan(found.xy), np.isnan(points.xy))
    assert np.nanmax(np.abs(found.xy - points.xy)) <= STEP / 2 < 1e-6
    assert found.covariance is not None and points.covariance is not None
    assert np.allclose(found.covariance, points.covariance, rtol=2.0**-15, atol=0)
    assert np.array_equal(found.times, points.times)
    assert np.array_equal(found.frame_numbers, points.frame_numbers)
    # what was kept once stays as it is
    again = as_kept(found)
    for name in ("xy", "confidence", "covariance"):
        assert np.array_equal(getattr(again, name), getattr(found, name), equal_nan=True)


@given(st.integers(0, 1000), st.floats(1, 100), st.floats(0.1, 1))
def test_a_spread_stays_one(seed: int, far: float, near: float) -> None:
    """Of one camera: far less sure in depth than across."""
    turn, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(2, 2)))
    truth = turn @ np.diag([far * near, near]) ** 2 @ turn.T
    points = some_points(seed)
    assert points.covariance is not None
    kept = as_kept(
        Keypoints2D(
            points.xy,
            points.confidence,
            points.times,
            points.frame_numbers,
            NAMES,
            "mouse0",
            np.broadcast_to(truth, points.covariance.shape),
        )  # fmt: skip
    )
    assert kept.covariance is not None
    sd = np.sqrt(np.linalg.eigvalsh(kept.covariance[0, 0, 0]))
    assert np.allclose(sd, [near, far * near], rtol=0.2)


@pytest.fixture(scope="module")
def sequence() -> PoseSequence:
    return walk(20.0)


def test_poses_are_kept_to_a_millionth_of_a_millimetre(sequence: PoseSequence) -> None:
    table = poses_table(segment(), sequence.times, sequence, np.ones(len(sequence)))
    assert np.array_equal(table["time_s"].to_numpy(), sequence.times)
    for place, name in enumerate(sequence.keypoint_names):
        for axis, letter in enumerate("xyz"):
            found = table[f"{name}_{letter}"].to_numpy()
            assert np.nanmax(np.abs(found - sequence.keypoints[:, place, axis])) <= STEP / 2


def test_a_file_of_the_store_is_small_and_any_program_reads_it(
    sequence: PoseSequence, tmp_path: Path
) -> None:
    duckdb = pytest.importorskip("duckdb", reason="it reads the store")
    table = poses_table(segment(), sequence.times, sequence, np.ones(len(sequence)))
    plain, path = io.BytesIO(), tmp_path / "poses.parquet"
    pq.write_table(pa.table(table), plain, compression="zstd")
    pq.write_table(table, path, **encoding(table.schema))
    assert path.stat().st_size < 0.8 * plain.tell()
    found = duckdb.sql(f"SELECT * FROM read_parquet('{path}')").to_arrow_table()
    for name in ("NOSE_x", "NOSE_cov_yy"):
        numbers = found[name].to_numpy(), table[name].to_numpy()
        assert np.array_equal(*numbers, equal_nan=True)
