"""Plain tables that anyone reads, as Parquet and as csv: a row for every frame and animal.

Columns: `frame`, `time_s` (where known), `animal`, and for each keypoint `<KEYPOINT>_x`, `_y`
(and `_z` in space), `_confidence`, and what else is known of it. Units and what is said of the
animals stand in the Parquet metadata; a csv can hold neither.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from mousepose.atomic import atomic_path
from mousepose.io.keypoints.csv_write import write_csv
from mousepose.io.keypoints.streams_write import (
    IMAGE_UNITS,
    Stream,
    described,
    keypoint_stream,
    no_frames,
    united,
)
from mousepose.io.keypoints.table import ROWS_AT_ONCE
from mousepose.types import Keypoints2D

#: The Parquet metadata key of what the file says of itself.
METADATA_KEY = b"mousepose_points"


def write_parquet_table(path: Path, streams: Sequence[Stream], units: dict[str, str]) -> None:
    """Write the streams as Parquet, in flat memory. Raises `InputError` where no frame comes."""
    schema = _schema(streams).with_metadata({METADATA_KEY: described(streams, units).encode()})
    rows = 0
    with atomic_path(path) as temporary:
        with pq.ParquetWriter(temporary, schema, use_dictionary=["animal"]) as writer:
            for table in _tables(streams, schema):
                rows += len(table)
                writer.write_table(table, ROWS_AT_ONCE)
        if not rows:
            raise no_frames(path)


def write_csv_table(path: Path, streams: Sequence[Stream]) -> None:
    """Write the streams as csv, in flat memory. Raises `InputError` where no frame comes."""
    schema = _schema(streams)
    write_csv(path, [schema.names], _tables(streams, schema))


def _schema(streams: Sequence[Stream]) -> pa.Schema:
    columns: list[tuple[str, pa.DataType]] = [("frame", pa.int64())]
    if all(stream.has_times for stream in streams):
        columns.append(("time_s", pa.float64()))
    columns.append(("animal", pa.string()))
    channels = united(stream.channels for stream in streams)
    for name in united(stream.keypoint_names for stream in streams):
        for channel in channels:
            kind = pa.uint8() if channel == "state" else pa.float64()
            columns.append((f"{name}_{channel}", kind))
    return pa.schema(columns)


def _tables(streams: Sequence[Stream], schema: pa.Schema) -> Iterator[pa.Table]:
    for stream in streams:
        for piece in stream.pieces:
            known = {
                f"{name}_{channel}": piece.values[:, k, d]
                for k, name in enumerate(stream.keypoint_names)
                for d, channel in enumerate(stream.channels)
            }
            count = len(piece.frames)
            columns = {
                "frame": pa.array(piece.frames),
                "time_s": pa.array(piece.times),
                "animal": pa.repeat(stream.animal, count),
            }
            for column in schema:
                if column.name in known:
                    columns[column.name] = _array(known[column.name], column.type)
                elif column.name not in columns:
                    columns[column.name] = pa.nulls(count, column.type)
            yield pa.table([columns[name] for name in schema.names], schema=schema)


def _array(values: np.ndarray, kind: pa.DataType) -> pa.Array:
    array = pa.array(np.ascontiguousarray(values), from_pandas=True)  # NaN becomes an empty cell
    return array if array.type == kind else array.cast(kind)


def write_keypoints_parquet(path: str | Path, keypoints: Keypoints2D) -> None:
    """Write the points of one camera; `load_keypoints` gives the same numbers back.

    Raises `InputError` on more than one camera.
    """
    write_parquet_table(Path(path), [keypoint_stream([keypoints])], IMAGE_UNITS)
