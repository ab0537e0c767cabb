"""Anipose's table of points in space: csv with one row for each frame of one animal.

Columns of each body part: `_x _y _z`, `_error` (mean reprojection error, px), `_ncams` (cameras
that saw it), `_score`; then `M_00` ... `M_22` and `center_0` ... `center_2`, the axes that the
points were turned to (here none), and `fnum`. The file states no unit: mm here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from mousepose.errors import FileError, InputError
from mousepose.io.keypoints.csv_write import number_columns, numbered, write_csv
from mousepose.io.keypoints.rows import ONLY_ANIMAL, names_of_parts
from mousepose.io.keypoints.sniff import Content
from mousepose.io.keypoints.streams_write import Stream, blocks
from mousepose.io.keypoints.text import TextFile
from mousepose.io.keypoints.text import blocks as text_blocks
from mousepose.io.poses.point_files import PointFile, PointRows
from mousepose.types import Floats, State

#: The columns of one body part.
SUFFIXES = ("_x", "_y", "_z", "_error", "_ncams", "_score")
#: The axes that all points were turned to, and their origin.
TURN = tuple(f"M_{row}{column}" for row in range(3) for column in range(3))
CENTER = tuple(f"center_{axis}" for axis in range(3))
FRAME = "fnum"


def write_anipose(path: Path, streams: Sequence[Stream]) -> None:
    """Write one animal's points. Raises `InputError` on several animals and on no frames.

    A seen point has as many cameras as the recording, an inferred one none. The reprojection error
    of single points is not known and left empty, as anipose leaves it for points it filled in.
    """
    if len(streams) != 1:
        raise InputError(f"{path}: an anipose file holds one animal; write one file for each")
    (stream,) = streams
    names = stream.keypoint_names
    header = [name + suffix for name in names for suffix in SUFFIXES]
    header += [*TURN, *CENTER, FRAME]
    cameras = camera_count(stream)
    tables = (
        numbered(
            [
                *number_columns(_columns(stream, block.values[:, 0], cameras)),
                pa.array(block.frames),
            ]
        )
        for block in blocks(streams)
    )
    write_csv(path, [header], tables)


def camera_count(stream: Stream) -> int:
    """Return the number of cameras that a track comes from, 1 where nothing is said of it."""
    provenance = stream.about.get("provenance")
    cameras = provenance.get("cameras") if isinstance(provenance, dict) else None
    return len(cameras) if isinstance(cameras, list | dict) and cameras else 1


def _columns(stream: Stream, values: Floats, cameras: int) -> Floats:
    """Return all columns but the frame's of one animal's values (N, K, D)."""
    channels = stream.channels
    given = np.isfinite(values[..., :3]).all(axis=-1)
    seen = values[..., channels.index("state")] == State.SEEN
    views = np.where(given, np.where(seen, float(cameras), 0.0), np.nan)
    score = values[..., channels.index("confidence")]
    xyz = values[..., [channels.index(axis) for axis in "xyz"]]
    points = np.concatenate(
        [xyz, np.full((*views.shape, 1), np.nan), views[..., None], score[..., None]], axis=-1
    )
    count = len(values)
    still = np.broadcast_to(np.concatenate([np.eye(3).ravel(), np.zeros(3)]), (count, 12))
    return np.concatenate([points.reshape(count, -1), still], axis=1)


def is_anipose(content: Content) -> bool:
    """Tell whether a file is a table of anipose's points in space."""
    header = content.text.cells(0) if content.family == "text" and content.text else []
    return FRAME in header and any(name.endswith("_z") for name in header)


def open_anipose(content: Content) -> PointFile:
    """Return the file's one track. Raises `FileError` on missing or repeated columns."""
    path, text = content.path, content.text
    if text is None:
        raise FileError(f"{path} is no text")
    header = text.cells(0)
    names = tuple(name.removesuffix("_x") for name in header if name.endswith("_x"))
    needed = [name + axis for name in names for axis in ("_x", "_y", "_z")]
    missing = [name for name in needed if name not in header]
    repeated = sorted({name for name in header if header.count(name) > 1})
    if missing or repeated or not names:
        raise FileError(
            f"{path}: expected the columns <PART>_x, <PART>_y, <PART>_z of each body part once; "
            f"missing: {', '.join(missing[:12]) or 'none'}; "
            f"repeated: {', '.join(repeated[:12]) or 'none'}"
        )
    return PointFile(
        path,
        {ONLY_ANIMAL: names_of_parts(path, names)},
        lambda animal: _rows(text, header, names),
        row_word="line",
        first_row=2,
    )


def _rows(text: TextFile, header: Sequence[str], names: Sequence[str]) -> Iterator[PointRows]:
    told = [suffix for suffix in ("_ncams", "_score") if f"{names[0]}{suffix}" in header]
    suffixes = ("_x", "_y", "_z", *told)
    try:
        used = [header.index(name + suffix) for name in names for suffix in suffixes]
    except ValueError as error:
        raise FileError(f"{text.path}: a column is missing: {error}") from error
    for values, _ in text_blocks(text, 1, len(header), [header.index(FRAME), *used]):
        points = values[:, 1:].reshape(len(values), len(names), len(suffixes))
        known = dict(zip(told, np.moveaxis(points[..., 3:], -1, 0), strict=True))
        state = None
        if "_ncams" in known:
            state = np.where(known["_ncams"] > 0, float(State.SEEN), float(State.INFERRED))
        yield PointRows(values[:, 0], points[..., :3], state=state, confidence=known.get("_score"))
