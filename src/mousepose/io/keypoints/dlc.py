"""DeepLabCut: the column labels of its tables, and its csv files.

A DeepLabCut table has one row per frame and labels of three levels (scorer, bodyparts, coords), or
four with several animals (individuals after the scorer). Lightning Pose writes the same csv.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv

from mousepose.errors import FileError, InputError
from mousepose.io.atomic import atomic_path
from mousepose.io.keypoints.rows import Rows, Track, choose_animal, is_given
from mousepose.types import Floats, Keypoints2D

LEVELS = ("scorer", "bodyparts", "coords")
ANIMAL_LEVELS = ("scorer", "individuals", "bodyparts", "coords")
COORDINATES = ("x", "y", "likelihood")

#: A header line of this many characters has some ten thousand columns: no tracker writes that.
MAX_HEADER_CHARACTERS = 2**20
#: Bytes of csv parsed at once; must hold at least one row.
BLOCK_BYTES = 4 * 2**20


@dataclass(frozen=True)
class Columns:
    """Which columns of a DeepLabCut table hold one animal's points: rows of a (K, 2 or 3) table."""

    animal: str
    keypoint_names: tuple[str, ...]
    indices: tuple[tuple[int, ...], ...]  # K times (x, y) or (x, y, likelihood)

    @property
    def flat(self) -> list[int]:
        """The columns in the order in which `rows` expects their values."""
        return [index for point in self.indices for index in point]

    def rows(self, frames: Floats, values: Floats) -> Rows:
        """Return rows from the values (N, K * 2 or 3) of the columns `flat`."""
        points = values.reshape(len(values), len(self.indices), -1)
        xy = points[..., :2]
        if points.shape[-1] == len(COORDINATES):
            return Rows(frames, None, xy, points[..., 2])
        # Tables without likelihood are corrected by hand: what is there, is sure.
        return Rows(frames, None, xy, is_given(xy).astype(np.float64))


def choose_columns(path: Path, labels: Sequence[Sequence[str]], animal: str | None) -> Columns:
    """Return the columns of one animal among the `labels`, one tuple of levels per column.

    Raises `FileError` with all problems: repeated, missing or unknown coordinates.
    """
    individuals = [label[1] if len(label) == len(ANIMAL_LEVELS) else "animal0" for label in labels]
    chosen = choose_animal(path, tuple(dict.fromkeys(individuals)), animal)
    points: dict[str, dict[str, int]] = {}
    problems = []
    for index, (individual, label) in enumerate(zip(individuals, labels, strict=True)):
        *_, part, coordinate = label
        if individual != chosen:
            continue
        if coordinate not in COORDINATES:
            problems.append(f"{part} has an unknown column {coordinate!r}")
        elif points.setdefault(part, {}).setdefault(coordinate, index) != index:
            problems.append(f"{part} has two columns {coordinate!r}")
    needed = COORDINATES if any("likelihood" in found for found in points.values()) else ("x", "y")
    for part, found in points.items():
        problems += [f"{part} has no column {name!r}" for name in needed if name not in found]
    if problems:
        raise FileError(
            f"{path}: {'; '.join(problems)}; expected x, y and likelihood once for each body part"
        )
    indices = tuple(tuple(found[name] for name in needed) for found in points.values())
    return Columns(chosen, tuple(points), indices)


def open_csv_track(path: Path, animal: str | None) -> Track:
    """Return one animal's track in a DeepLabCut csv. Raises `FileError`, `InputError`."""
    header = _header(path)
    columns = choose_columns(path, list(zip(*(row[1:] for row in header), strict=True)), animal)
    rows = _csv_rows(path, len(header), len(header[0]), columns)
    return Track(
        path,
        columns.animal,
        columns.keypoint_names,
        rows,
        row_word="line",
        first_row=len(header) + 1,
    )


def _header(path: Path) -> list[list[str]]:
    """Return the three or four header rows, each with its level's name first."""
    rows: list[list[str]] = []
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            while len(rows) < len(ANIMAL_LEVELS) and (not rows or rows[-1][0] != LEVELS[-1]):
                line = stream.readline(MAX_HEADER_CHARACTERS)
                if not line.strip():
                    raise FileError(f"{path}: the header was cut after {len(rows)} lines")
                rows.append(next(csv.reader([line], strict=True)))
    except (OSError, UnicodeError, csv.Error) as error:
        raise FileError(f"{path}: the header cannot be read: {error}") from error
    levels = tuple(row[0] for row in rows)
    if levels not in (LEVELS, ANIMAL_LEVELS):
        raise FileError(
            f"{path}: expected header lines {', '.join(LEVELS)} (individuals after scorer where "
            f"there are several animals), got {', '.join(level[:40] for level in levels)}"
        )
    lengths = [len(row) for row in rows]
    if len(set(lengths)) != 1 or lengths[0] < len(COORDINATES):
        raise FileError(f"{path}: the header lines have {lengths} columns; expected equal numbers")
    return rows


def _csv_rows(path: Path, header_lines: int, width: int, columns: Columns) -> Iterator[Rows]:
    names = [str(index) for index in range(width)]
    used = ["0", *(str(index + 1) for index in columns.flat)]
    with _csv_faults(path), path.open("rb") as stream:
        reader = pa_csv.open_csv(
            stream,
            pa_csv.ReadOptions(
                use_threads=False,  # so that errors name the row
                block_size=BLOCK_BYTES,
                skip_rows=header_lines,
                column_names=names,
            ),
            pa_csv.ParseOptions(),
            pa_csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.float64()), include_columns=used
            ),
        )
        for batch in reader:
            frames, *values = (column.to_numpy(zero_copy_only=False) for column in batch.columns)
            yield columns.rows(frames, np.stack(values, axis=-1))


@contextmanager
def _csv_faults(path: Path) -> Iterator[None]:
    try:
        yield
    except pa.ArrowInvalid as error:
        if "Empty CSV" in str(error):
            raise FileError(f"{path} holds no frames: nothing follows its header") from error
        raise FileError(
            f"{path}: {error}. Each row needs a whole frame number and as many numbers as the "
            "header has columns; a short last row means that the file was cut"
        ) from error
    except OSError as error:
        raise FileError(f"{path} cannot be read: {error}") from error


def write_dlc_csv(path: str | Path, keypoints: Keypoints2D, scorer: str = "mousepose") -> None:
    """Write the points of one camera as DeepLabCut does; reading them gives the same numbers.

    Raises `InputError` on more than one camera.
    """
    frames, cameras, points, _ = keypoints.xy.shape
    if cameras != 1:
        raise InputError(f"a DeepLabCut file holds one camera; got {cameras}: write one file each")
    values = np.concatenate([keypoints.xy[:, 0], keypoints.confidence[:, 0, :, None]], axis=-1)
    labels = [(scorer, name, c) for name in keypoints.keypoint_names for c in COORDINATES]
    flat = values.reshape(frames, points * len(COORDINATES))
    arrays = [pa.array(keypoints.frame_numbers), *(pa.array(c, from_pandas=True) for c in flat.T)]
    table = pa.table(arrays, names=[str(i) for i in range(len(arrays))])
    with atomic_path(path) as temporary:
        with temporary.open("w", encoding="utf-8", newline="") as stream:
            header = zip(LEVELS, *labels, strict=True)
            csv.writer(stream, lineterminator="\n").writerows(header)
        with temporary.open("ab") as stream:
            pa_csv.write_csv(table, stream, pa_csv.WriteOptions(include_header=False))
