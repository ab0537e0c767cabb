"""Plain csv: one line per frame (and animal), the columns of `wide`, any order of lines' animals.

SLEAP's csv of an analysis is read too.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

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
from mousepose.io.keypoints.text import TextFile, blocks
from mousepose.io.keypoints.wide import WideColumns, has_depth, has_points, wide_columns


def recognizes(content: Content) -> bool:
    """Tell whether the first line of a text names columns of points."""
    try:
        return content.text is not None and has_points(content.text.cells(0))
    except FileError:
        return False  # a text with quotes of its own


def in_space(content: Content) -> bool:
    """Tell whether the points lie in space, as in anipose's csv."""
    return content.text is not None and has_depth(content.text.cells(0))


def open_tracks(path: Path) -> TrackFile:
    """Return the tracks in a plain csv. Raises `FileError`."""
    text = Content(path).text
    if text is None:
        raise FileError(f"{path} is no text file; expected a csv")
    header = text.cells(0)
    columns = wide_columns(path, [name for name in header if name])
    animals = _animals(text, header, columns.animal) if columns.animal else [ONLY_ANIMAL]
    names = names_of_animals(path, animals)
    name_in_file = dict(zip(names, animals, strict=True))

    def open_one(animal: str) -> Track:
        rows = _rows(text, header, columns, name_in_file[animal])
        return Track(
            path,
            animal,
            columns.keypoint_names,
            rows,
            has_times=columns.time is not None,
            # lines of several animals lie between each other: only rows of one can be counted
            row_word="row" if columns.animal else "line",
            first_row=0 if columns.animal else 2,
        )

    return TrackFile(path, names, open_one)


def _animals(text: TextFile, header: list[str], column: str) -> list[str]:
    """Return the names in the column of animals in the order of their first lines."""
    names: dict[str, None] = {}
    for _, (words,) in blocks(text, 1, len(header), (), [header.index(column)]):
        names |= dict.fromkeys(words)
        if len(names) > MAX_ANIMALS:
            raise FileError(f"{text.path}: more than {MAX_ANIMALS} names in the column {column!r}")
    return list(names)


def _rows(text: TextFile, header: list[str], columns: WideColumns, animal: str) -> Iterator[Rows]:
    numbers = [header.index(name) for name in columns.numbers]
    words = [header.index(columns.animal)] if columns.animal else []
    before = 0
    for values, owners in blocks(text, 1, len(header), numbers, words):
        mine = values[np.array(owners[0]) == animal] if owners else values
        of = {name: mine[:, place] for place, name in enumerate(columns.numbers)}
        yield columns.rows(of, before)
        before += len(mine)
