"""DeepLabCut's h5 files: pandas tables, read without pandas because pandas would unpickle them.

pandas stores a frame in one of two layouts. In "table", which DeepLabCut uses, rows are records
and the column labels are pickled lists, read by `safe_pickle`. In "fixed", all is plain arrays.
anipose keeps its 2D points in the same files.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from mousepose.errors import FileError
from mousepose.io.keypoints import hdf5
from mousepose.io.keypoints.dlc_columns import (
    ANIMAL_LEVELS,
    LEVELS,
    Columns,
    Label,
    has_depth,
    tracks_of_frames,
    tracks_of_images,
)
from mousepose.io.keypoints.hdf5 import dataset, member, require
from mousepose.io.keypoints.rows import Rows, Track, TrackFile
from mousepose.io.keypoints.safe_pickle import load_plain
from mousepose.io.keypoints.sniff import Content
from mousepose.types import Floats

#: More columns than this is no table of keypoints.
MAX_COLUMNS = 30_000


def recognizes(content: Content) -> bool:
    """Tell whether an HDF5 file holds a pandas table."""
    return content.hdf5(lambda file: bool(_tables(file)))


def in_space(content: Content) -> bool:
    """Tell whether the table holds points in space."""
    with _table(content.path) as table:
        return has_depth(table.labels)


def open_tracks(path: Path) -> TrackFile:
    """Return the tracks in a DeepLabCut h5. Raises `FileError`."""
    with _table(path) as table:
        labels, frames = table.labels, table.length
        images = table.images() if table.is_labelled else None
    if has_depth(labels):
        raise FileError(f"{path} holds points in space; expected x and y in px")
    if images is not None:
        return tracks_of_images(path, labels, images, lambda c: _all_values(path, c), "label")

    def open_one(animal: str, columns: Columns) -> Track:
        rows = _rows(path, columns)
        return Track(path, animal, columns.keypoint_names, rows, frames=frames)

    return tracks_of_frames(path, labels, open_one)


def _rows(path: Path, columns: Columns) -> Iterator[Rows]:
    with _table(path) as table:
        for start, stop in hdf5.blocks(table.length, 8 * len(table.labels)):
            yield columns.rows(
                table.frames(start, stop), table.values(start, stop)[:, columns.flat]
            )


def _all_values(path: Path, columns: Columns) -> Floats:
    with _table(path) as table:
        return table.values(0, table.length)[:, columns.flat]


class _Records:
    """The "table" layout: one record per row, an `index` field and fields of values."""

    def __init__(self, group: h5py.Group) -> None:
        self._data = dataset(group, "table")
        names = self._data.dtype.names or ()
        self._blocks = [name for name in names if name.startswith("values_block_")]
        require("index" in names, "its table has no index")
        kind = self._data.dtype["index"].kind
        require(kind in "iuS", "its rows are neither numbered by frame nor named by image")
        self.is_labelled = kind == "S"
        self.length = len(self._data)
        self.labels = [
            label for name in self._blocks for label in _labels(self._data.attrs[f"{name}_kind"])
        ]

    def images(self) -> list[str]:
        return [hdf5.text_of(name) for name in self._data["index"]]

    def frames(self, start: int, stop: int) -> Floats:
        return hdf5.as_floats(self._data[start:stop]["index"])

    def values(self, start: int, stop: int) -> Floats:
        rows = self._data[start:stop]
        blocks = [rows[name].reshape(len(rows), -1) for name in self._blocks]
        return _side_by_side(blocks, len(self.labels))


class _Arrays:
    """The "fixed" layout: the index in `axis1`, values and their labels in blocks."""

    def __init__(self, group: h5py.Group) -> None:
        self._group = group
        self._levels = int(group.attrs.get("axis1_nlevels", 1))
        count = int(group.attrs["nblocks"])
        require(0 < count <= MAX_COLUMNS, f"it claims {count} blocks")
        self._blocks = [dataset(group, f"block{i}_values") for i in range(count)]
        self.labels = [
            _label(names) for i in range(count) for names in _named(group, f"block{i}_items")
        ]
        self.is_labelled = self._levels > 1 or dataset(group, "axis1").dtype.kind == "S"
        if self.is_labelled:
            self.length = len(self._blocks[0])
            return
        index = dataset(group, "axis1")
        require(
            index.dtype.kind in "iu", "its rows are neither numbered by frame nor named by image"
        )
        self.length = len(index)

    def images(self) -> list[str]:
        if self._levels == 1:
            return hdf5.texts(self._group, "axis1")
        return ["/".join(parts) for parts in _named(self._group, "axis1")]

    def frames(self, start: int, stop: int) -> Floats:
        return hdf5.as_floats(member(self._group, "axis1")[start:stop])

    def values(self, start: int, stop: int) -> Floats:
        return _side_by_side([block[start:stop] for block in self._blocks], len(self.labels))


_LAYOUTS: dict[bytes, type[_Records] | type[_Arrays]] = {
    b"frame_table": _Records,
    b"frame": _Arrays,
}


@contextmanager
def _table(path: Path) -> Iterator[_Records | _Arrays]:
    """Open the one pandas table of a file; whatever is wrong inside becomes a `FileError`."""
    with hdf5.opened(path, "a DeepLabCut h5 (if that is what it is, use its csv)") as file:
        found = _tables(file)
        require(len(found) == 1, f"expected one pandas table, found {len(found)}")
        ((layout, group),) = found
        table = layout(group)
        require(0 < len(table.labels) <= MAX_COLUMNS, f"it has {len(table.labels)} columns")
        yield table


def _tables(file: h5py.File) -> list[tuple[type[_Records] | type[_Arrays], h5py.Group]]:
    found = []
    for name in file:
        if not hdf5.holds(file, name):
            continue
        group = member(file, name)
        kind = group.attrs.get("pandas_type", b"")
        layout = _LAYOUTS.get(bytes(kind)) if isinstance(kind, bytes) else None
        if layout is not None and isinstance(group, h5py.Group):
            found.append((layout, group))
    return found


def _labels(pickled: Any) -> list[Label]:
    """Return the labels of a block from its attribute: a list of tuples of three or four names."""
    found = load_plain(bytes(pickled))
    require(isinstance(found, list), "its column labels are no list")
    labels = [_label(names) for names in found]
    require(len({len(label) for label in labels}) == 1, "its column labels differ in length")
    return labels


def _label(names: Any) -> Label:
    require(
        isinstance(names, tuple)
        and len(names) in (len(LEVELS), len(ANIMAL_LEVELS))
        and all(isinstance(name, str) for name in names),
        "its column labels are not (scorer, bodyparts, coords)",
    )
    return tuple(names)


def _named(group: h5py.Group, prefix: str) -> list[Label]:
    """Return labels of several levels: the file holds names and, per label, a code a level."""
    levels = int(group.attrs.get(f"{prefix}_nlevels", 1))
    require(
        1 < levels <= len(ANIMAL_LEVELS), "its column labels are not (scorer, bodyparts, coords)"
    )
    columns = []
    for level in range(levels):
        texts = hdf5.texts(group, f"{prefix}_level{level}")
        codes = hdf5.numbers(group, f"{prefix}_label{level}", (None,))
        require(len(codes) <= hdf5.MAX_NAMES * len(LEVELS), "it has too many labels")
        values = codes[:]
        require(bool(np.all((values >= 0) & (values < len(texts)))), "its labels are damaged")
        columns.append([texts[code] for code in values])
    return list(zip(*columns, strict=True))


def _side_by_side(blocks: Sequence[Any], width: int) -> Floats:
    values = np.concatenate(blocks, axis=1)
    require(values.dtype.kind in "fiub", "its values are no numbers")
    require(values.shape[1] == width, f"it has {values.shape[1]} columns and {width} labels")
    return hdf5.as_floats(values)
