"""Csv files written in flat memory: header lines of our own, numbers as short as they are exact."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv

from mousepose.atomic import atomic_path
from mousepose.io.keypoints.streams_write import no_frames


def write_csv(path: Path, header: Iterable[Sequence[str]], tables: Iterable[pa.Table]) -> None:
    """Write header lines and below them the rows of all tables, which have the same columns.

    The header is quoted only where it must be: some readers split it at the commas. Raises
    `InputError` where there are no rows.
    """
    rows = 0
    with atomic_path(path) as temporary:
        with temporary.open("w", encoding="utf-8", newline="") as stream:
            csv.writer(stream, lineterminator="\n").writerows(header)
        with temporary.open("ab") as stream:
            options = pa_csv.WriteOptions(include_header=False, quoting_style="needed")
            for table in tables:
                rows += len(table)
                pa_csv.write_csv(table, stream, options)
        if not rows:
            raise no_frames(path)


def numbered(columns: Sequence[pa.Array]) -> pa.Table:
    """Return columns as a table whose names nobody reads."""
    return pa.table(list(columns), names=[str(index) for index in range(len(columns))])


def number_columns(values: np.ndarray) -> list[pa.Array]:
    """Return the columns of numbers (N, M); NaN becomes an empty cell."""
    return [pa.array(column, from_pandas=True) for column in np.ascontiguousarray(values.T)]
