"""Plain tables of points in space, Parquet and csv: a row for every frame (and animal).

Columns: `frame` (counted from 0 where there is none); `time_s` and `animal` where known;
`<KEYPOINT>_x`, `_y`, `_z` in mm, and where known `_confidence`, `_state` and the six `_cov_xx` ...
in mm^2. Our file of whole sequences has more columns and is read by `parquet`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from mousepose.errors import FileError
from mousepose.io.keypoints.plain_csv import _animals as animals_in_csv
from mousepose.io.keypoints.rows import ONLY_ANIMAL, names_of_animals, names_of_parts
from mousepose.io.keypoints.sniff import Content
from mousepose.io.keypoints.streams_write import told_of_animals
from mousepose.io.keypoints.table import ROWS_AT_ONCE, opened, rows_of
from mousepose.io.keypoints.table import _animals as animals_in_parquet
from mousepose.io.keypoints.table_write import METADATA_KEY
from mousepose.io.keypoints.text import TextFile, blocks
from mousepose.io.keypoints.wide import ANIMAL, FRAME, TIME, has_depth, keypoints_named
from mousepose.io.poses.point_files import PointFile, PointRows
from mousepose.io.poses.sequence_header import METADATA_KEY as SEQUENCE_KEY
from mousepose.io.poses.sequence_layout import PAIRS, SYMMETRIC
from mousepose.types import Floats


@dataclass(frozen=True)
class _Columns:
    """Which columns hold what: for each keypoint those of `endings`, and the names of the others.

    `whole` tells whether every keypoint has a covariance.
    """

    names: tuple[str, ...]
    points: tuple[tuple[str, ...], ...]  # K times one column for each ending
    endings: tuple[str, ...]
    frame: str | None
    time: str | None
    animal: str | None

    @property
    def numbers(self) -> list[str]:
        """The columns that must hold numbers."""
        more = [name for name in (self.frame, self.time) if name is not None]
        return [*more, *(column for point in self.points for column in point)]

    def rows(self, values: Floats, first: int) -> PointRows:
        """Return rows from the values of `numbers`; rows without frames count from `first`."""
        given = iter(range(values.shape[1]))
        counted = np.arange(first, first + len(values), dtype=np.float64)
        frames = values[:, next(given)] if self.frame else counted
        times = values[:, next(given)] if self.time else None
        points = values[:, list(given)].reshape(len(values), len(self.names), len(self.endings))
        of = {ending: points[..., place] for place, ending in enumerate(self.endings)}
        spread = None
        if f"cov_{PAIRS[0]}" in of:
            spread = np.stack([of[f"cov_{pair}"] for pair in PAIRS], axis=-1)[..., SYMMETRIC]
        return PointRows(
            frames,
            np.stack([of[axis] for axis in "xyz"], axis=-1),
            times,
            spread,
            of.get("state"),
            of.get("confidence"),
        )


def is_point_table(content: Content) -> bool:
    """Tell whether a file is a plain table of points in space, csv or Parquet."""
    if content.family == "text" and content.text is not None:
        return has_depth(content.text.cells(0))
    if content.family != "Parquet":
        return False
    with opened(content.path) as file:
        whole = SEQUENCE_KEY in (file.metadata.metadata or {})
        return not whole and has_depth(file.schema_arrow.names)


def open_point_table(content: Content) -> PointFile:
    """Return the tracks in such a file. Raises `FileError` with all faults of its header."""
    if content.family == "Parquet":
        return _open_parquet(content.path)
    text = content.text
    if text is None:
        raise FileError(f"{content.path} is no text; expected a csv")
    header = text.cells(0)
    columns = _columns(content.path, [name for name in header if name])
    animals = [ONLY_ANIMAL]
    if columns.animal is not None:
        animals = animals_in_csv(text, header, columns.animal)
    names = names_of_animals(content.path, animals)
    in_file = dict(zip(names, animals, strict=True))
    return PointFile(
        content.path,
        dict.fromkeys(names, columns.names),
        lambda animal: _csv_rows(text, header, columns, in_file[animal]),
        has_times=columns.time is not None,
        row_word="row" if columns.animal else "line",
        first_row=0 if columns.animal else 2,
    )


def _csv_rows(
    text: TextFile, header: list[str], columns: _Columns, animal: str
) -> Iterator[PointRows]:
    numbers = [header.index(name) for name in columns.numbers]
    words = [header.index(columns.animal)] if columns.animal else []
    before = 0
    for values, owners in blocks(text, 1, len(header), numbers, words):
        mine = values[np.array(owners[0]) == animal] if owners else values
        yield columns.rows(mine, before)
        before += len(mine)


def _open_parquet(path: Path) -> PointFile:
    with opened(path) as file:
        schema = file.schema_arrow
        columns = _columns(path, schema.names)
        for name in columns.numbers:
            kind = schema.field(name).type
            if not (pa.types.is_integer(kind) or pa.types.is_floating(kind)):
                raise FileError(f"{path}: column {name!r} holds {kind}, expected numbers")
        animals = [ONLY_ANIMAL]
        if columns.animal is not None:
            animals = animals_in_parquet(path, file, columns.animal)
        about = told_of_animals((file.metadata.metadata or {}).get(METADATA_KEY, b"{}"))
    names = names_of_animals(path, animals)
    in_file = dict(zip(names, animals, strict=True))
    return PointFile(
        path,
        dict.fromkeys(names, columns.names),
        lambda animal: _parquet_rows(path, columns, in_file[animal]),
        has_times=columns.time is not None,
        about=about,
    )


def _parquet_rows(path: Path, columns: _Columns, animal: str) -> Iterator[PointRows]:
    used = [*columns.numbers, *([columns.animal] if columns.animal else [])]
    before = 0
    with opened(path) as file:
        for batch in file.iter_batches(ROWS_AT_ONCE, columns=used):
            rows = rows_of(batch, animal, columns.animal) if columns.animal else batch
            values = [
                rows.column(name).cast(pa.float64()).to_numpy(zero_copy_only=False)
                for name in columns.numbers
            ]
            yield columns.rows(np.stack(values, axis=-1), before)
            before += len(rows)


def _columns(path: Path, columns: Sequence[str]) -> _Columns:
    repeated = sorted(name for name, count in Counter(columns).items() if count > 1)
    if repeated:
        raise FileError(f"{path}: repeated columns: {', '.join(repeated[:12])}")
    present = frozenset(columns)
    found = {
        name: x[:-1] for name, x in keypoints_named(columns).items() if f"{x[:-1]}y" in present
    }
    missing = [f"{start}z" for start in found.values() if f"{start}z" not in present]
    if missing or not found:
        raise FileError(
            f"{path}: expected columns <KEYPOINT>_x, _y and _z of each keypoint; "
            f"missing: {', '.join(missing[:12]) or 'all keypoints'}"
        )
    optional = [("confidence",), ("state",), tuple(f"cov_{pair}" for pair in PAIRS)]
    endings = ["x", "y", "z"]
    for group in optional:
        if all(start + ending in present for start in found.values() for ending in group):
            endings += group
    by_name = {name.lower(): name for name in reversed(columns)}
    return _Columns(
        names_of_parts(path, list(found)),
        tuple(tuple(start + ending for ending in endings) for start in found.values()),
        tuple(endings),
        *(
            next((by_name[name] for name in kind if name in by_name), None)
            for kind in (FRAME, TIME, ANIMAL)
        ),
    )
