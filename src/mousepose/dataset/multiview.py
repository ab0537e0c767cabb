"""The multi-view part: `multiview/keypoints.csv` and the pictures beside it.

One row is one picture: `FRAME` its path, `<NAME>_X` and `<NAME>_Y` the points in px; some names and
some points are missing. Which pictures were taken together, and by which camera, is not published:
it is found in their paths, and the guess is said.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np

from mousepose.dataset.pictures import PictureError, decode_picture
from mousepose.dataset.view_names import group_by_view
from mousepose.errors import FileError, InputError, UnknownNameError
from mousepose.skeleton import KEYPOINT_NAMES, canonical_name
from mousepose.types import Bytes, Floats, Keypoints2D

#: The notebook spells the folder the second way.
FOLDERS = ("multiview", "mutliview")
TABLE = "keypoints.csv"
#: More is no table of a hundred labelled pictures.
MAX_TABLE_BYTES, MAX_COLUMNS, MAX_CELL = 64 * 2**20, 1000, 4096
MAX_PICTURE_BYTES = 64 * 2**20
#: Files that may hold the calibration of the cameras, the likeliest first.
_CALIBRATIONS = ("calibration.toml", "*.toml", "*.yaml", "*.yml", "*.xml")
_FRAME = "FRAME"
_NOT_LABELLED = {"", "nan", "none", "null", "na", "n/a", "<na>"}


@dataclass(frozen=True, eq=False)
class MultiView:
    """V views of M moments: `xy` (M, V, K, 2) px, NaN = not labelled; `pictures` (M x V) are paths.

    `view_names` (V) and `moment_names` (M) come from the pictures' paths, and `guessed` tells how;
    a moment that a view lacks has None for its picture.
    """

    folder: Path
    keypoint_names: tuple[str, ...]
    view_names: tuple[str, ...]
    moment_names: tuple[str, ...]
    xy: Floats
    pictures: tuple[tuple[str | None, ...], ...]
    guessed: str

    def __len__(self) -> int:
        return len(self.moment_names)

    @property
    def rows(self) -> int:
        """How many labelled pictures there are."""
        return sum(path is not None for moment in self.pictures for path in moment)

    def keypoints(self) -> Keypoints2D:
        """Return the points as tracked points of V cameras, a second between moments."""
        seen = np.isfinite(self.xy).all(axis=-1)
        return Keypoints2D(
            xy=self.xy,
            confidence=np.asarray(seen, np.float64),
            times=np.arange(len(self), dtype=np.float64),
            frame_numbers=np.arange(len(self)),
            keypoint_names=self.keypoint_names,
        )

    def picture_path(self, moment: int, view: int) -> Path | None:
        """Return where a picture lies, None where it is not there.

        Paths from another machine are looked for by their last parts beside the table.
        """
        told = self.pictures[moment][view]
        if told is None:
            return None
        parts = [part for part in PurePosixPath(told).parts if part not in ("/", "..", ".")]
        for start in range(len(parts)):
            for base in (self.folder, self.folder.parent):
                path = base.joinpath(*parts[start:])
                if path.is_file():
                    return path
        return None

    def picture(self, moment: int, view: int) -> Bytes:
        """Return a picture (H, W, 3) RGB. Raises `FileError` where it is missing or damaged."""
        path = self.picture_path(moment, view)
        if path is None:
            raise FileError(
                f"{self.folder}: no picture {self.pictures[moment][view]!r} for moment "
                f"{self.moment_names[moment]!r}, view {self.view_names[view]!r}"
            )
        return read_picture(path)

    def calibration_path(self) -> Path | None:
        """Return the file that may hold the cameras, None where there is none."""
        for pattern in _CALIBRATIONS:
            found = sorted(self.folder.glob(pattern))
            if found:
                return found[0]
        return None


def load_multiview(folder: str | Path, *, view_pattern: str | None = None) -> MultiView:
    """Return the multi-view part in `folder`, or in its `multiview` or `mutliview`.

    `view_pattern` is a regular expression that finds groups named `view` and `moment` in a
    picture's path, where the guess is wrong. Raises `FileError` with the row on a table that is
    none, and `InputError` on a pattern that does not fit.
    """
    folder = find_folder(Path(folder))
    path = folder / TABLE
    paths, columns, values = _read(path)
    views = group_by_view(paths, view_pattern)
    known, order = _ordered(path, columns)
    xy = np.full((len(views.moments), len(views.views), len(known), 2), np.nan)
    pictures: list[list[str | None]] = [[None] * len(views.views) for _ in views.moments]
    for row, (moment, view) in enumerate(views.places):
        xy[moment, view] = values[row, order]
        pictures[moment][view] = paths[row]
    xy[~np.isfinite(xy).all(axis=-1)] = np.nan
    told = tuple(map(tuple, pictures))
    return MultiView(folder, known, views.views, views.moments, xy, told, views.guessed)


def find_folder(folder: Path) -> Path:
    """Return the folder that holds the table. Raises `FileError` where there is none."""
    for name in ("", *FOLDERS):
        if (folder / name / TABLE).is_file():
            return folder / name
    raise FileError(f"{folder}: holds no {TABLE}, nor does a folder {' or '.join(FOLDERS)} in it")


def read_picture(path: Path) -> Bytes:
    """Return a picture file's pixels (H, W, 3) RGB. Raises `FileError`."""
    try:
        if path.stat().st_size > MAX_PICTURE_BYTES:
            raise FileError(f"{path}: has {path.stat().st_size / 2**20:.0f} MB, too many")
        return decode_picture(path.read_bytes())
    except OSError as error:
        raise FileError(f"{path}: cannot be read: {error.strerror or error}") from error
    except PictureError as error:
        raise FileError(f"{path}: {error}") from error


def _read(path: Path) -> tuple[list[str], list[str], Floats]:
    """Return the pictures' paths (R), the keypoints' names (K) and the points (R, K, 2)."""
    size = path.stat().st_size
    if size > MAX_TABLE_BYTES:
        raise FileError(f"{path}: has {size / 2**20:.0f} MB; expected a table of labelled pictures")
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            rows = list(csv.reader(stream, strict=True))
    except (UnicodeError, csv.Error, OSError) as error:
        raise FileError(f"{path}: cannot be read as CSV: {error}") from error
    if not rows:
        raise FileError(f"{path}: is empty; expected {_FRAME}, <NAME>_X, <NAME>_Y")
    header = [cell.strip() for cell in rows[0]]
    frame, names, places = _columns(path, header)
    paths, values = [], []
    for number, row in enumerate(rows[1:], start=2):
        if not any(cell.strip() for cell in row):
            continue
        if len(row) != len(header):
            raise FileError(
                f"{path}: row {number} has {len(row)} cells, the header has {len(header)}"
            )
        if not row[frame].strip():
            raise FileError(f"{path}: row {number}: {_FRAME} is empty")
        paths.append(row[frame].strip().replace("\\", "/"))
        cells = [_number(path, number, header[k], row[k]) for pair in places for k in pair]
        values.append(cells)
    if not paths:
        raise FileError(f"{path}: has a header and no rows")
    return paths, names, np.array(values, np.float64).reshape(len(paths), -1, 2)


def _columns(path: Path, header: list[str]) -> tuple[int, list[str], list[tuple[int, int]]]:
    if len(header) > MAX_COLUMNS or len(set(header)) < len(header):
        raise FileError(f"{path}: expected up to {MAX_COLUMNS} columns of different names")
    upper = {name.upper(): place for place, name in enumerate(header)}
    if _FRAME not in upper:
        raise FileError(
            f"{path}: no column {_FRAME}; it has {', '.join(header[:8])}; expected {_FRAME}, "
            "<NAME>_X, <NAME>_Y"
        )
    names = [n[:-2] for n in upper if n.endswith("_X") and n[:-2] + "_Y" in upper and len(n) > 2]
    if not names:
        raise FileError(f"{path}: no pair of columns <NAME>_X and <NAME>_Y")
    alone = [n for n in upper if n[-2:] in ("_X", "_Y") and n[:-2] not in names]
    if alone:
        raise FileError(f"{path}: column {alone[0]} has no partner; a point needs _X and _Y")
    return upper[_FRAME], names, [(upper[n + "_X"], upper[n + "_Y"]) for n in names]


def _number(path: Path, row: int, column: str, cell: str) -> float:
    text = cell.strip().lower()
    if text in _NOT_LABELLED:
        return float("nan")
    try:
        return float(text[:MAX_CELL])
    except ValueError:
        raise FileError(
            f"{path}: row {row}, column {column}: expected a number, got {cell[:40]!r}"
        ) from None


def _ordered(path: Path, columns: list[str]) -> tuple[tuple[str, ...], list[int]]:
    """Return the names in the data set's order, its spelling where known, and their columns."""
    named: dict[str, int] = {}
    for place, column in enumerate(columns):
        try:
            name = canonical_name(column)
        except UnknownNameError:
            name = column
        if name in named:
            raise InputError(
                f"{path}: two columns mean {name}: {columns[named[name]]} and {column}"
            )
        named[name] = place
    order = {name: place for place, name in enumerate(KEYPOINT_NAMES)}
    names = sorted(named, key=lambda name: order.get(name, len(order)))
    return tuple(names), [named[name] for name in names]
