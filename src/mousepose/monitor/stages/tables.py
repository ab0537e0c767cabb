"""The tables of points and poses in the store, and back.

A row for each frame and mouse. `time` is in UTC; `frame` and `time_s` count from the first frame of
the chain of segments without a gap, so that what spans a border has one clock.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mousepose.io.poses.sequence_layout import Layout
from mousepose.monitor.records import Segment
from mousepose.monitor.stages.stretch import Rows
from mousepose.run.gait_parts import RawPoints
from mousepose.types import Floats, Keypoints2D, PoseSequence, State

_TIME = pa.timestamp("us", tz="UTC")
_CHANNELS = ("x", "y", "confidence", "cov_xx", "cov_xy", "cov_yy")
_VARIANCES = ("cov_xx", "cov_yy", "cov_zz")
#: Places (px, mm), angles and costs are kept in steps of a quarter of a millionth, spreads to
#: SPREAD_BITS binary digits: what is finer is noise, and most of a file's bytes.
STEP = 2.0**-22
SPREAD_BITS = 16


def utc(start: datetime, times: Floats) -> pa.Array:
    """Return times (T,) s after `start` as a column of times in UTC."""
    first = round(start.timestamp() * 1e6)
    return pa.array(first + np.rint(times * 1e6).astype(np.int64), pa.int64()).cast(_TIME)


def as_kept(points: Keypoints2D) -> Keypoints2D:
    """Return points as `points_table` keeps them."""
    assert points.covariance is not None
    return replace(
        points, xy=_in_steps(points.xy), confidence=points.confidence.astype(np.float32),
        covariance=_in_digits(points.covariance),
    )  # fmt: skip


def points_table(segment: Segment, within: Floats, rows: Rows, looked: NDArray[np.bool_]) -> Any:
    """Return frames of one mouse as a table; `within` (T,) s are their times in the segment.

    `looked` (T,) tells which frames were looked at.
    """
    points, count = as_kept(rows.points), len(rows)
    covariance = points.covariance
    assert covariance is not None
    columns: dict[str, Any] = {
        "time": utc(segment.start, within),
        "mouse": pa.repeat(points.animal, count),
        "frame": pa.array(points.frame_numbers),
        "time_s": pa.array(points.times),
        "looked": pa.array(looked),
        "state": pa.array(rows.states, pa.uint8()),
    }
    for k, name in enumerate(points.keypoint_names):
        values = (
            points.xy[:, 0, k, 0], points.xy[:, 0, k, 1], points.confidence[:, 0, k],
            covariance[:, 0, k, 0, 0], covariance[:, 0, k, 0, 1], covariance[:, 0, k, 1, 1],
        )  # fmt: skip
        for channel, value in zip(_CHANNELS, values, strict=True):
            kind = np.float64 if channel in ("x", "y") else np.float32
            columns[f"{name}_{channel}"] = pa.array(np.ascontiguousarray(value, kind))
    return pa.table(columns)


def points_of(table: pa.Table) -> Rows:
    """Return what `points_table` wrote."""
    names = _names(table, "_confidence")

    def of(channel: str) -> Floats:
        columns = [_numbers(table, f"{name}_{channel}") for name in names]
        return np.stack(columns, axis=-1).astype(np.float64)[:, None]

    xx, xy, yy = (of(channel) for channel in _CHANNELS[3:])
    covariance = np.stack([np.stack([xx, xy], -1), np.stack([xy, yy], -1)], -2)
    animal = str(table["mouse"][0]) if len(table) else "mouse0"
    points = Keypoints2D(
        np.stack([of("x"), of("y")], axis=-1), of("confidence"), _numbers(table, "time_s"),
        _numbers(table, "frame"), names, animal, covariance,
    )  # fmt: skip
    return Rows(points, _numbers(table, "state").astype(np.uint8))


def poses_table(
    segment: Segment, within: Floats, poses: PoseSequence, residual: Floats
) -> pa.Table:
    """Return poses as a table, with how far (T,) px they lie from the points they were made of."""
    layout = Layout.of(poses)
    table = _rounded(layout.table(poses)).rename_columns(
        ["mouse" if name == "animal" else name for name in layout.schema.names]
    )
    table = table.add_column(0, "time", utc(segment.start, within))
    return table.append_column("residual_px", pa.array(residual.astype(np.float32)))


def pose_columns(names: Sequence[str]) -> list[str]:
    """Return those columns of a table of poses that measures need, of the keypoints `names`."""
    of_points = [
        f"{name}_{what}" for name in names for what in ("x", "y", "z", *_VARIANCES, "state")
    ]
    return ["time", "mouse", "frame", "time_s", "residual_px", *of_points]


def raw_points_of(table: pa.Table) -> RawPoints:
    """Return the points in space of a table of poses."""
    names = _names(table, "_state")
    xyz = np.stack([_beside(table, name, ("x", "y", "z")) for name in names], axis=1)
    variance = np.stack([_beside(table, name, _VARIANCES) for name in names], axis=1)
    seen = np.stack([_numbers(table, f"{name}_state") == State.SEEN for name in names], axis=1)
    return RawPoints(names, xyz, seen, _numbers(table, "time_s"), variance)


def _rounded(table: pa.Table) -> pa.Table:
    """Return poses as they are kept: all real numbers but the times."""
    columns = []
    for field, column in zip(table.schema, table.columns, strict=True):
        if pa.types.is_float32(field.type):
            columns.append(pa.array(_in_digits(column.to_numpy()), pa.float32()))
        elif pa.types.is_float64(field.type) and field.name != "time_s":
            columns.append(pa.array(_in_steps(column.to_numpy())))
        else:
            columns.append(column)
    return pa.table(columns, schema=table.schema)


def _in_steps(values: Floats) -> Floats:
    rounded: Floats = np.rint(values / STEP) * STEP
    return rounded


def _in_digits(values: Floats) -> Floats:
    fraction, exponent = np.frexp(values)
    rounded: Floats = np.ldexp(np.rint(fraction * 2.0**SPREAD_BITS), exponent - SPREAD_BITS)
    return rounded


def _beside(table: pa.Table, name: str, channels: Sequence[str]) -> Floats:
    columns = [_numbers(table, f"{name}_{channel}") for channel in channels]
    return np.stack(columns, axis=-1).astype(np.float64)


def _names(table: pa.Table, ending: str) -> tuple[str, ...]:
    return tuple(name.removesuffix(ending) for name in table.column_names if name.endswith(ending))


def _numbers(table: pa.Table, column: str) -> NDArray[Any]:
    values: NDArray[Any] = table[column].to_numpy()
    return values
