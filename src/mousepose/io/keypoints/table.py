"""2D keypoints as Parquet: one row per frame (and animal), the plain columns of `wide`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from mousepose.errors import FileError
from mousepose.io.keypoints.rows import (
    MAX_ANIMALS,
    ONLY_ANIMAL,
    Rows,
    Track,
    TrackFile,
    names_of_animals,
)
from mousepose.io.keypoints.sniff import Content
from mousepose.io.keypoints.wide import WideColumns, has_depth, has_points, wide_columns

#: Rows decoded at once, some 10 MB, and rows in a row group that we write.
ROWS_AT_ONCE = 20_000
#: Bytes read at once of each column.
BUFFER_BYTES = 65_536

Rowed = TypeVar("Rowed", pa.Table, pa.RecordBatch)


def recognizes(content: Content) -> bool:
    """Tell whether a Parquet file has columns of points."""
    with opened(content.path) as file:
        return has_points(file.schema_arrow.names)


def in_space(content: Content) -> bool:
    """Tell whether the points lie in space."""
    with opened(content.path) as file:
        return has_depth(file.schema_arrow.names)


@contextmanager
def opened(path: Path) -> Iterator[pq.ParquetFile]:
    """Open a Parquet file; whatever is wrong inside it becomes a `FileError`."""
    try:
        # Buffering ahead would keep every row group until the file is closed: 1 GB a million poses.
        with pq.ParquetFile(path, pre_buffer=False, buffer_size=BUFFER_BYTES) as file:
            yield file
    except FileError:
        raise
    except (pa.ArrowException, OSError, UnicodeError) as error:
        raise FileError(f"{path} cannot be read as Parquet, it may be cut: {error}") from error


def rows_of(rows: Rowed, animal: str, column: str = "animal") -> Rowed:
    """Return the rows of one animal of a table or batch whose `column` names the animals."""
    return rows.filter(pc.equal(_names(rows.column(column)), animal))


def open_tracks(path: Path) -> TrackFile:
    """Return the tracks in a Parquet file of 2D keypoints. Raises `FileError`."""
    with opened(path) as file:
        schema = file.schema_arrow
        columns = wide_columns(path, schema.names)
        for name in columns.numbers:
            kind = schema.field(name).type
            if not (pa.types.is_integer(kind) or pa.types.is_floating(kind)):
                raise FileError(f"{path}: column {name!r} holds {kind}, expected numbers")
        animals = _animals(path, file, columns.animal) if columns.animal else [ONLY_ANIMAL]
        frames = None if columns.animal else file.metadata.num_rows

    names = names_of_animals(path, animals)
    name_in_file = dict(zip(names, animals, strict=True))

    def open_one(animal: str) -> Track:
        rows = _rows(path, columns, name_in_file[animal])
        timed = columns.time is not None
        return Track(path, animal, columns.keypoint_names, rows, has_times=timed, frames=frames)

    return TrackFile(path, names, open_one)


def _animals(path: Path, file: pq.ParquetFile, column: str) -> list[str]:
    """Return the names in the column of animals in the order of their first rows."""
    names: dict[str, None] = {}
    for batch in file.iter_batches(ROWS_AT_ONCE, columns=[column]):
        names |= dict.fromkeys(pc.unique(_names(batch.column(0))).to_pylist())
        if len(names) > MAX_ANIMALS:
            raise FileError(f"{path}: more than {MAX_ANIMALS} names in the column {column!r}")
    if not names:
        raise FileError(f"{path} holds no frames")
    return list(names)


def _names(column: pa.Array) -> pa.Array:
    return pc.fill_null(column.cast(pa.string()), "")


def _rows(path: Path, columns: WideColumns, animal: str) -> Iterator[Rows]:
    used = [*columns.numbers, *([columns.animal] if columns.animal else [])]
    before = 0
    with opened(path) as file:
        for batch in file.iter_batches(ROWS_AT_ONCE, columns=used):
            rows = rows_of(batch, animal, columns.animal) if columns.animal else batch
            numbers = {
                name: rows.column(name).cast(pa.float64()).to_numpy(zero_copy_only=False)
                for name in columns.numbers
            }
            yield columns.rows(numbers, before)
            before += len(rows)
