"""Landmark files that a person can correct: a small table (CSV), or 3D Slicer's markups (JSON).

CSV: `name,x_mm,y_mm,z_mm,confidence,source`, a row for each place, RAS mm; lines that begin with
"#" are comments. A place that was not found has empty coordinates. `source` says who put it there:
"found" by the program, or anything else where a person did; Slicer's "description" holds the same.
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mousepose.atomic import atomic_path
from mousepose.ct.types import NamedPoints
from mousepose.errors import FileError
from mousepose.types import require

COLUMNS = ("name", "x_mm", "y_mm", "z_mm", "confidence", "source")
FOUND = "found"
#: A landmark file is small: more bytes or rows are something else.
_MOST_BYTES, _MOST_ROWS = 5_000_000, 5_000
#: A place further than this from the origin is no millimetre of a scanner.
_FAR_MM = 5_000.0
#: Slicer's coordinate systems, as signs towards RAS.
_SIGNS = {
    "RAS": (1.0, 1.0, 1.0),
    "LPS": (-1.0, -1.0, 1.0),
    "0": (1.0, 1.0, 1.0),
    "1": (-1.0, -1.0, 1.0),
}
_SLICER = ".mrk.json"


@dataclass(frozen=True, eq=False)
class JointTable:
    """Named places and, for each, who put it there: "found" by the program, or a person."""

    points: NamedPoints
    sources: tuple[str, ...]

    def __post_init__(self) -> None:
        require(
            len(self.sources) == len(self.points.names),
            f"{len(self.points.names)} places need as many sources, got {len(self.sources)}",
        )


def write_joints(path: str | Path, joints: NamedPoints | JointTable) -> None:
    """Write places to `path`: `.csv`, or `.mrk.json` for 3D Slicer (LPS, as it writes itself).

    Raises `FileError` where the folder is missing and for another suffix.
    """
    path = Path(path)
    table = joints
    if isinstance(table, NamedPoints):
        table = JointTable(table, (FOUND,) * len(table.names))
    text = _slicer_text(table) if _is_slicer(path) else _csv_text(table)
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def read_joints(path: str | Path, *, known: Iterable[str] | None = None) -> JointTable:
    """Return the places of a `.csv` or `.mrk.json` file, RAS mm; empty coordinates are NaN.

    With `known` names, every other one is an error. Raises `FileError` with all that is wrong in
    the file: unknown or repeated names, missing columns, what is no number.
    """
    path = Path(path)
    slicer = _is_slicer(path)
    if not path.is_file():
        raise FileError(f"{path}: no such file")
    if path.stat().st_size > _MOST_BYTES:
        raise FileError(f"{path}: {path.stat().st_size} bytes are no landmark file")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise FileError(f"{path}: is not text in UTF-8 ({error.reason})") from None
    rows = _slicer_rows(path, text) if slicer else _csv_rows(path, text)
    return _checked(path, rows, None if known is None else frozenset(known))


def _is_slicer(path: Path) -> bool:
    name = path.name.lower()
    if name.endswith(_SLICER):
        return True
    if name.endswith(".csv"):
        return False
    raise FileError(f"{path}: expected a name that ends in .csv or {_SLICER}")


@dataclass(frozen=True)
class _Row:
    """One place as it stands in a file: `where` names it for errors."""

    where: str
    name: str
    place: tuple[Any, Any, Any]
    confidence: Any
    source: str


def _csv_text(table: JointTable) -> str:
    out = io.StringIO()
    out.write(
        "# Landmarks in RAS mm: x to the right, y to the belly side (anterior), z to the nose.\n"
    )
    out.write("# Correct the numbers, and write your name under source; empty means not found.\n")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    points = table.points
    for name, point, sure, source in zip(
        points.names, points.points, points.confidence, table.sources, strict=True
    ):
        place = [f"{x:.4f}" for x in point] if np.isfinite(point).all() else [""] * 3
        writer.writerow([name, *place, f"{sure:.3f}", source])
    return out.getvalue()


def _csv_rows(path: Path, text: str) -> list[_Row]:
    lines = [
        (number, line)
        for number, line in enumerate(text.splitlines(), start=1)
        if line.strip() and not line.lstrip().startswith("#")
    ]
    if not lines:
        raise FileError(f"{path}: is empty; expected the columns {', '.join(COLUMNS)}")
    try:
        cells = list(csv.reader([line for _, line in lines], strict=True))
    except csv.Error as error:
        raise FileError(f"{path}: is no table ({error})") from None
    if len(cells) != len(lines):
        raise FileError(f"{path}: a quoted cell runs over a line end; expected a row per line")
    header = [cell.strip().lower() for cell in cells[0]]
    missing = [name for name in COLUMNS[:4] if name not in header]
    if missing:
        raise FileError(
            f"{path}, line {lines[0][0]}: no column {', '.join(missing)}; "
            f"expected {', '.join(COLUMNS)}"
        )
    rows = []
    for (number, _), row in zip(lines[1:], cells[1:], strict=True):
        values = dict(zip(header, [*row, *[""] * len(header)], strict=False))
        place = (values["x_mm"], values["y_mm"], values["z_mm"])
        rows.append(
            _Row(
                f"line {number}",
                values["name"].strip(),
                place,
                values.get("confidence", ""),
                values.get("source", "").strip() or FOUND,
            )
        )
    return rows


def _slicer_text(table: JointTable) -> str:
    controls = []
    points = table.points
    for k, (name, point, sure, source) in enumerate(
        zip(points.names, points.points, points.confidence, table.sources, strict=True), start=1
    ):
        known = bool(np.isfinite(point).all())
        position = (point * np.array(_SIGNS["LPS"]) + 0.0).tolist() if known else [0.0, 0.0, 0.0]
        controls.append(
            {
                "id": str(k),
                "label": name,
                "description": source,
                "associatedNodeID": "",
                "position": [round(x, 4) for x in position],
                "orientation": [-1.0, 0.0, 0.0, 0.0, -1.0, 0.0, 0.0, 0.0, 1.0],
                "selected": True,
                "locked": False,
                "visibility": known,
                "positionStatus": "defined" if known else "undefined",
                "confidence": round(float(sure), 3),
            }
        )
    markup = {
        "type": "Fiducial",
        "coordinateSystem": "LPS",
        "coordinateUnits": "mm",
        "locked": False,
        "fixedNumberOfControlPoints": False,
        "labelFormat": "%N-%d",
        "lastUsedControlPointNumber": len(controls),
        "controlPoints": controls,
    }
    return json.dumps({"markups": [markup]}, indent=1) + "\n"


def _slicer_rows(path: Path, text: str) -> list[_Row]:
    try:
        data = json.loads(text)
    except (json.JSONDecodeError, RecursionError) as error:
        raise FileError(f"{path}: is no JSON ({error})") from None
    markups = data.get("markups") if isinstance(data, dict) else None
    if not isinstance(markups, list) or not markups or not isinstance(markups[0], dict):
        raise FileError(f"{path}: has no 'markups'; expected a file that 3D Slicer saved")
    if len(markups) > 1:
        raise FileError(f"{path}: holds {len(markups)} lists of points; save one per file")
    system = str(markups[0].get("coordinateSystem", "LPS")).upper()
    if system not in _SIGNS:
        raise FileError(f"{path}: coordinate system {system!r}; expected LPS or RAS")
    controls = markups[0].get("controlPoints")
    if not isinstance(controls, list):
        raise FileError(f"{path}: has no 'controlPoints'; expected a list of points")
    rows = []
    for k, control in enumerate(controls, start=1):
        if not isinstance(control, dict):
            raise FileError(f"{path}, point {k}: expected an object, got {type(control).__name__}")
        rows.append(_slicer_row(path, f"point {k}", control, _SIGNS[system]))
    return rows


def _slicer_row(
    path: Path, where: str, control: dict[str, Any], signs: tuple[float, float, float]
) -> _Row:
    position = control.get("position")
    place: tuple[Any, Any, Any] = ("", "", "")
    if control.get("positionStatus", "defined") == "defined":
        if not isinstance(position, list) or len(position) != 3:
            raise FileError(f"{path}, {where}: 'position' is no list of three numbers")
        numbers = [_number(value) for value in position]
        x, y, z = (
            value if number is None else number * sign
            for value, number, sign in zip(position, numbers, signs, strict=True)
        )
        place = (x, y, z)
    source = str(control.get("description") or FOUND)
    name = str(control.get("label", "")).strip()
    return _Row(where, name, place, control.get("confidence", 1.0), source)


def _number(value: object) -> float | None:
    """Return a finite number, or None where `value` is none."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _checked(path: Path, rows: list[_Row], known: frozenset[str] | None) -> JointTable:
    """Return the rows as places. Raises `FileError` that names all that is wrong."""
    if not rows or len(rows) > _MOST_ROWS:
        raise FileError(f"{path}: holds {len(rows)} places; expected 1 to {_MOST_ROWS}")
    wrong: list[str] = []
    points, confidence = np.full((len(rows), 3), np.nan), np.zeros(len(rows))
    seen: dict[str, str] = {}
    for k, row in enumerate(rows):
        if not row.name:
            wrong.append(f"{row.where} has no name")
        elif row.name in seen:
            wrong.append(f"{row.where} names {row.name} again, after {seen[row.name]}")
        elif known is not None and row.name not in known:
            wrong.append(f"{row.where}: unknown name {row.name!r}")
        seen.setdefault(row.name, row.where)
        empty = [str(value).strip() == "" for value in row.place]
        numbers = [_number(value) for value in row.place]
        if all(empty):
            pass
        elif any(number is None or abs(number) > _FAR_MM for number in numbers):
            shown = ", ".join(str(value) for value in row.place)
            wrong.append(f"{row.where} ({row.name}): {shown!r} are not three numbers in mm")
        else:
            points[k] = [number for number in numbers if number is not None]
        sure = 1.0 if str(row.confidence).strip() == "" else _number(row.confidence)
        if sure is None or not 0 <= sure <= 1:
            wrong.append(f"{row.where} ({row.name}): confidence {row.confidence!r} is not in 0-1")
        else:
            confidence[k] = 0.0 if all(empty) else sure
    if wrong:
        more = f"; and {len(wrong) - 8} more" if len(wrong) > 8 else ""
        told = "; ".join(wrong[:8]) + more
        raise FileError(f"{path}: {told}; correct these and read it again")
    points_ = NamedPoints(tuple(row.name for row in rows), points, confidence)
    return JointTable(points_, tuple(row.source for row in rows))
