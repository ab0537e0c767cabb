"""DeepLabCut's csv files: one line per frame, or one per labelled image.

Lightning Pose and its smoother write the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from mousepose.errors import FileError
from mousepose.io.keypoints.dlc_columns import (
    ANIMAL_LEVELS,
    COORDINATES,
    LEVELS,
    Columns,
    Label,
    are_in_space,
    has_depth,
    tracks_of_frames,
    tracks_of_images,
)
from mousepose.io.keypoints.rows import Rows, Track, TrackFile
from mousepose.io.keypoints.sniff import Content
from mousepose.io.keypoints.text import TextFile, blocks
from mousepose.types import Floats


def recognizes(content: Content) -> bool:
    """Tell whether a text file starts with a header line of DeepLabCut's, the first or another."""
    if content.text is None or not content.text.lines:
        return False
    first, *_ = content.text.lines[0].split(content.text.delimiter)
    return first.strip(' "') in ANIMAL_LEVELS


def in_space(content: Content) -> bool:
    """Tell whether the table holds points in space."""
    if content.text is None:
        return False
    rows = [content.text.cells(line) for line in range(len(ANIMAL_LEVELS))]
    return any(cells[:1] == [LEVELS[-1]] and are_in_space(cells) for cells in rows)


def open_tracks(path: Path) -> TrackFile:
    """Return the tracks in a DeepLabCut csv. Raises `FileError`."""
    text = Content(path).text
    if text is None:
        raise FileError(f"{path} is no text file; expected a DeepLabCut csv")
    header = _header(text)
    first = _first_column(header)
    labels: list[Label] = list(zip(*(row[first:] for row in header), strict=True))
    if has_depth(labels):
        raise FileError(f"{path} holds points in space; expected x and y in px")
    lines, width = len(header), len(header[0])
    if first > 1 or _is_image(text.cells(lines)):
        return _open_images(text, lines, first, labels)

    def rows(columns: Columns) -> Iterator[Rows]:
        used = [0, *(first + index for index in columns.flat)]
        for values, _ in blocks(text, lines, width, used):
            yield columns.rows(values[:, 0], values[:, 1:])

    def open_one(animal: str, columns: Columns) -> Track:
        return Track(
            path,
            animal,
            columns.keypoint_names,
            rows(columns),
            row_word="line",
            first_row=lines + 1,
        )

    return tracks_of_frames(path, labels, open_one)


def _open_images(text: TextFile, lines: int, first: int, labels: list[Label]) -> TrackFile:
    """Return the tracks of a table of labels: its first columns are the path of an image."""
    width = first + len(labels)
    images = [
        "/".join(cells)
        for _, words in blocks(text, lines, width, (), range(first))
        for cells in zip(*words, strict=True)
    ]

    def read(columns: Columns) -> Floats:
        used = [first + index for index in columns.flat]
        return np.concatenate([values for values, _ in blocks(text, lines, width, used)])

    return tracks_of_images(text.path, labels, images, read, "label")


def _header(text: TextFile) -> list[list[str]]:
    """Return the three or four header rows, each with its level's name first."""
    path = text.path
    rows: list[list[str]] = []
    while len(rows) < len(ANIMAL_LEVELS) and (not rows or rows[-1][0] != LEVELS[-1]):
        cells = text.cells(len(rows))
        if not any(cells):
            raise FileError(f"{path}: the header was cut after line {len(rows)}")
        rows.append(cells)
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


def _first_column(header: list[list[str]]) -> int:
    """Return the first column of points; before it lie the frame, or an image's path in parts."""
    empty = 1
    while empty < len(header[-1]) and not any(row[empty] for row in header):
        empty += 1
    return empty


def _is_image(cells: list[str]) -> bool:
    """Tell whether a row below the header is named by an image file, by its first cell."""
    return bool(cells) and any(mark in cells[0] for mark in ("/", "\\", ".png", ".jpg", ".tif"))
