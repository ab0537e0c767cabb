"""Marker tables of biomechanics, `.trc`: what OpenSim and others of that field read.

Lines of cells between tabs: three of header, two of names, one empty, then a row for each frame
with its number, its time in s and x, y, z of every marker, empty where there is none. One animal a
file, in mm, in the axes of the result.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryFile

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv

from mousepose.atomic import atomic_path
from mousepose.errors import FileError, InputError
from mousepose.io.keypoints.csv_write import number_columns, numbered
from mousepose.io.keypoints.rows import ONLY_ANIMAL, names_of_parts
from mousepose.io.keypoints.sniff import Content
from mousepose.io.keypoints.streams_write import Stream, no_frames
from mousepose.io.keypoints.text import TextFile
from mousepose.io.keypoints.text import blocks as text_blocks
from mousepose.io.poses.mesh import MM_PER_UNIT
from mousepose.io.poses.point_files import PointFile, PointRows

_FIELDS = (
    "DataRate", "CameraRate", "NumFrames", "NumMarkers", "Units", "OrigDataRate",
    "OrigDataStartFrame", "OrigNumFrames",
)  # fmt: skip
#: Lines above the rows; an empty one below them may be there or not.
_HEADER_LINES = 5
_FIRST_WORD = "PathFileType"


def write_trc(path: Path, streams: Sequence[Stream]) -> None:
    """Write one animal's points; the rate is the mean one.

    Raises `InputError` on several animals, on no frames, on a track without times, and on names
    that a table between tabs cannot hold.
    """
    if len(streams) != 1:
        raise InputError(f"{path}: a .trc holds one animal; write one file for each")
    (stream,) = streams
    if not stream.has_times:
        raise InputError(f"{path}: a .trc tells the time of every frame; give the rate (--fps)")
    broken = [name for name in stream.keypoint_names if not name.isprintable()]
    if broken:
        raise InputError(f"{path}: {broken[0]!r} is no name for a .trc; rename the keypoint")
    options = pa_csv.WriteOptions(include_header=False, quoting_style="none", delimiter="\t")
    count, frames, times = 0, np.zeros(0, np.int64), np.zeros(0)
    with atomic_path(path) as temporary, TemporaryFile() as rows:
        for piece in stream.pieces:
            if not len(piece.frames):
                continue
            count += len(piece.frames)
            frames = np.concatenate([frames, piece.frames])[[0, -1]]
            times = np.concatenate([times, piece.times])[[0, -1]]
            columns = [piece.times[:, None], piece.values[..., :3].reshape(len(piece.frames), -1)]
            cells = [pa.array(piece.frames), *number_columns(np.concatenate(columns, axis=1))]
            pa_csv.write_csv(numbered(cells), rows, options)
        if not count:
            raise no_frames(path)
        span = float(times[1] - times[0])
        rate = int(frames[1] - frames[0]) / span if span > 0 else 1.0
        rows.seek(0)
        with temporary.open("wb") as file:
            file.write(_header(path, stream.keypoint_names, rate, count, int(frames[0])).encode())
            shutil.copyfileobj(rows, file, 2**20)


def _header(path: Path, names: Sequence[str], rate: float, count: int, first: int) -> str:
    values = [f"{rate:.10g}", f"{rate:.10g}", count, len(names), "mm", f"{rate:.10g}", first, count]
    axes = [f"{axis}{index}" for index in range(1, len(names) + 1) for axis in "XYZ"]
    lines = [
        [_FIRST_WORD, "4", "(X/Y/Z)", path.name],
        _FIELDS,
        values,
        ["Frame#", "Time", *(cell for name in names for cell in (name, "", ""))],
        ["", "", *axes],
        [],
    ]
    return "".join("\t".join(map(str, line)) + "\n" for line in lines)


def is_trc(content: Content) -> bool:
    """Tell whether a text begins as a table of markers does."""
    text = content.text if content.family == "text" else None
    return text is not None and text.cells(0)[:1] == [_FIRST_WORD]


def open_trc(content: Content) -> PointFile:
    """Return the file's one track. Raises `FileError` on a header that does not fit together."""
    path, text = content.path, content.text
    if text is None:
        raise FileError(f"{path} is no text")
    about = dict(zip(text.cells(1), text.cells(2), strict=False))
    unit = about.get("Units", "mm")
    if unit not in MM_PER_UNIT:
        raise FileError(f"{path}: unknown unit {unit!r}; known: {', '.join(MM_PER_UNIT)}")
    names = names_of_parts(path, [cell for cell in text.cells(3)[2:] if cell])
    if about.get("NumMarkers") != str(len(names)) or text.cells(3)[1:2] != ["Time"]:
        raise FileError(
            f"{path}: its header says {about.get('NumMarkers')} markers and names {len(names)}"
        )
    return PointFile(
        path,
        {ONLY_ANIMAL: names},
        lambda animal: _rows(text, len(names), MM_PER_UNIT[unit], about.get("NumFrames", "")),
        has_times=True,
        row_word="row",
        first_row=0,
    )


def _rows(text: TextFile, markers: int, scale: float, told: str) -> Iterator[PointRows]:
    used = 2 + 3 * markers
    # Some programs end each row with a tab.
    row = next((line for line in text.lines[_HEADER_LINES:] if line.strip()), "")
    width = max(used, len(row.split(text.delimiter)))
    count = 0
    for values, _ in text_blocks(text, _HEADER_LINES, width, list(range(used))):
        count += len(values)
        points = values[:, 2:].reshape(len(values), markers, 3) * scale
        yield PointRows(values[:, 0], points, values[:, 1])
    if told.isdigit() and int(told) > count:
        raise FileError(f"{text.path}: its header says {told} frames, it has {count}: it was cut")
