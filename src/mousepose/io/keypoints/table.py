"""2D keypoints as Parquet: one row per frame (and animal), plain columns anyone can write.

Columns: `frame`; `time_s` and `animal` where known; `<KEYPOINT>_x`, `<KEYPOINT>_y` in px and
`<KEYPOINT>_confidence` in 0-1 where known. Others are ignored.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from mousepose.errors import FileError, InputError
from mousepose.io.atomic import atomic_path
from mousepose.io.keypoints.rows import Rows, Track, choose_animal, is_given
from mousepose.types import Keypoints2D

#: Rows decoded at once, some 10 MB, and rows in a row group of ours.
ROWS_AT_ONCE = 20_000
#: Bytes read at once of each column.
BUFFER_BYTES = 65_536
#: More animals than this in one file is a column of something else.
MAX_ANIMALS = 1000
#: What a keypoint's columns end in.
SUFFIXES = ("_x", "_y", "_confidence")

Rowed = TypeVar("Rowed", pa.Table, pa.RecordBatch)


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


def animals_in(path: Path, file: pq.ParquetFile) -> list[str]:
    """Return the names in the column `animal` in the order of their first rows."""
    names: dict[str, None] = {}
    for batch in file.iter_batches(ROWS_AT_ONCE, columns=["animal"]):
        names |= dict.fromkeys(str(name) for name in pc.unique(batch.column(0)).to_pylist())
        if len(names) > MAX_ANIMALS:
            raise FileError(f"{path}: more than {MAX_ANIMALS} names in the column 'animal'")
    return list(names)


def rows_of(rows: Rowed, animal: str) -> Rowed:
    """Return the rows of one animal of a table or batch with a column `animal`."""
    return rows.filter(pc.equal(rows.column("animal").cast(pa.string()), animal))


def open_parquet_track(path: Path, animal: str | None) -> Track:
    """Return one animal's track in a Parquet file of 2D keypoints.

    Raises `FileError` on missing columns and on a file of 3D poses, `InputError` on an unknown
    animal.
    """
    with opened(path) as file:
        schema = file.schema_arrow
        _refuse_repeated(path, schema.names)
        names = _keypoints_of(path, schema.names)
        animals = animals_in(path, file) if "animal" in schema.names else []
    chosen = choose_animal(path, animals, animal) if animals else (animal or "animal0")
    columns = [name + suffix for name in names for suffix in SUFFIXES]
    used = [name for name in ("frame", "time_s", *columns) if name in schema.names]
    for name in used:
        kind = schema.field(name).type
        if not (pa.types.is_integer(kind) or pa.types.is_floating(kind)):
            raise FileError(f"{path}: column {name!r} holds {kind}, expected numbers")
    if animals:
        used.append("animal")
    rows = _parquet_rows(path, names, used, chosen)
    return Track(path, chosen, names, rows, has_times="time_s" in used)


def _refuse_repeated(path: Path, names: list[str]) -> None:
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise FileError(f"{path}: repeated columns: {', '.join(repeated)}")


def _keypoints_of(path: Path, columns: list[str]) -> tuple[str, ...]:
    present = set(columns)
    found = [c.removesuffix("_x") for c in columns if c.endswith("_x")]
    solid = [name for name in found if f"{name}_z" in present]
    if solid:
        raise FileError(
            f"{path} holds points in space ({solid[0]}_z); expected 2D keypoints: "
            "columns <KEYPOINT>_x and <KEYPOINT>_y in px"
        )
    missing = [f"{name}_y" for name in found if f"{name}_y" not in present]
    missing += [] if "frame" in present else ["frame"]
    if missing or not found:
        raise FileError(
            f"{path}: expected columns frame, <KEYPOINT>_x, <KEYPOINT>_y, <KEYPOINT>_confidence; "
            f"missing: {', '.join(missing) or 'all keypoints'}; found: {', '.join(columns[:12])}"
        )
    return tuple(found)


def _parquet_rows(
    path: Path, names: tuple[str, ...], used: list[str], animal: str
) -> Iterator[Rows]:
    with opened(path) as file:
        for batch in file.iter_batches(ROWS_AT_ONCE, columns=used):
            rows = rows_of(batch, animal) if "animal" in used else batch
            column = {
                name: rows.column(name).cast(pa.float64()).to_numpy(zero_copy_only=False)
                for name in used
                if name != "animal"
            }
            xy = np.stack(
                [np.stack([column[f"{n}_x"], column[f"{n}_y"]], axis=-1) for n in names], axis=1
            )
            given = is_given(xy).astype(np.float64)
            confidence = np.stack(
                [column.get(f"{n}_confidence", given[:, k]) for k, n in enumerate(names)], axis=1
            )
            yield Rows(column["frame"], column.get("time_s"), xy, confidence)


def write_keypoints_parquet(path: str | Path, keypoints: Keypoints2D) -> None:
    """Write the points of one camera; `load_keypoints` gives the same numbers back.

    Raises `InputError` on more than one camera.
    """
    cameras = keypoints.xy.shape[1]
    if cameras != 1:
        raise InputError(f"a file holds the points of one camera; got {cameras}: write one each")
    columns = {
        "frame": pa.array(keypoints.frame_numbers),
        "time_s": pa.array(keypoints.times),
        "animal": pa.repeat(keypoints.animal, len(keypoints)),
    }
    for k, name in enumerate(keypoints.keypoint_names):
        x, y = keypoints.xy[:, 0, k].T
        for suffix, values in zip(SUFFIXES, (x, y, keypoints.confidence[:, 0, k]), strict=True):
            columns[name + suffix] = pa.array(values, from_pandas=True)
    with atomic_path(path) as temporary:
        pq.write_table(
            pa.table(columns),
            temporary,
            row_group_size=ROWS_AT_ONCE,
            use_dictionary=["animal"],
        )
