"""DeepLabCut's h5 files: pandas tables, read without pandas because pandas would unpickle them.

pandas stores a frame in one of two layouts. In "table", which DeepLabCut uses, rows are records
and the column labels are pickled lists, read by `safe_pickle`. In "fixed", all is plain arrays.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from mousepose.errors import FileError
from mousepose.io.keypoints.dlc import ANIMAL_LEVELS, LEVELS, Columns, choose_columns
from mousepose.io.keypoints.rows import Rows, Track
from mousepose.io.keypoints.safe_pickle import load_plain
from mousepose.types import Floats

#: Rows read at once: some 10 MB for 22 keypoints.
ROWS_AT_ONCE = 20_000
#: More columns than this is no table of keypoints.
MAX_COLUMNS = 30_000

Label = tuple[str, ...]


def open_h5_track(path: Path, animal: str | None) -> Track:
    """Return one animal's track in a DeepLabCut h5. Raises `FileError`, `InputError`."""
    with _table(path) as table:
        labels = table.labels
    columns = choose_columns(path, labels, animal)
    return Track(path, columns.animal, columns.keypoint_names, _h5_rows(path, columns))


def _h5_rows(path: Path, columns: Columns) -> Iterator[Rows]:
    with _table(path) as table:
        edges = [*range(0, table.length, ROWS_AT_ONCE), table.length]
        for start, stop in pairwise(edges):
            frames, values = table.read(start, stop)
            yield columns.rows(frames, values[:, columns.flat])


class _Records:
    """The "table" layout: one record per row, an `index` field and fields of values."""

    def __init__(self, group: h5py.Group) -> None:
        self._data = _dataset(group, "table")
        names = self._data.dtype.names or ()
        self._blocks = [name for name in names if name.startswith("values_block_")]
        _require("index" in names, "its table has no index")
        _require(self._data.dtype["index"].kind in "iu", "its rows are not numbered by frame")
        self.length = len(self._data)
        self.labels = [
            label for name in self._blocks for label in _labels(self._data.attrs[f"{name}_kind"])
        ]

    def read(self, start: int, stop: int) -> tuple[Floats, Floats]:
        rows = self._data[start:stop]
        blocks = [rows[name].reshape(len(rows), -1) for name in self._blocks]
        return rows["index"].astype(np.float64), _side_by_side(blocks, len(self.labels))


class _Arrays:
    """The "fixed" layout: the index in `axis1`, values and their labels in blocks."""

    def __init__(self, group: h5py.Group) -> None:
        self._index = _dataset(group, "axis1")
        _require(self._index.dtype.kind in "iu", "its rows are not numbered by frame")
        count = int(group.attrs["nblocks"])
        _require(0 < count <= MAX_COLUMNS, f"it claims {count} blocks")
        self._blocks = [_dataset(group, f"block{i}_values") for i in range(count)]
        self.length = len(self._index)
        self.labels = [
            label for i in range(count) for label in _level_labels(group, f"block{i}_items")
        ]

    def read(self, start: int, stop: int) -> tuple[Floats, Floats]:
        blocks = [block[start:stop] for block in self._blocks]
        frames = self._index[start:stop].astype(np.float64)
        return frames, _side_by_side(blocks, len(self.labels))


_LAYOUTS: dict[bytes, type[_Records] | type[_Arrays]] = {
    b"frame_table": _Records,
    b"frame": _Arrays,
}


@contextmanager
def _table(path: Path) -> Iterator[_Records | _Arrays]:
    """Open the one pandas table of a file; whatever is wrong inside becomes a `FileError`."""
    try:
        with h5py.File(path, "r") as file:
            yield _find_table(file)
    except FileError as error:
        raise FileError(f"{path}: {error}") from error
    except (OSError, KeyError, ValueError, TypeError, RuntimeError, OverflowError) as error:
        raise FileError(
            f"{path} cannot be read as a DeepLabCut h5 ({error}); it may be cut or damaged, or "
            "compressed by a filter that is not installed: then use the csv"
        ) from error


def _find_table(file: h5py.File) -> _Records | _Arrays:
    found = []
    for name in file:
        group = _member(file, name)
        layout = _LAYOUTS.get(bytes(group.attrs.get("pandas_type", b"")))
        if layout is not None:
            found.append((layout, group))
    if len(found) != 1:
        raise FileError(f"expected one pandas table as DeepLabCut writes it, found {len(found)}")
    layout, group = found[0]
    table = layout(group)
    _require(0 < len(table.labels) <= MAX_COLUMNS, f"it has {len(table.labels)} columns")
    return table


def _member(group: h5py.Group, name: str) -> Any:
    # A soft or external link could lead into any other file of the machine.
    link = group.get(name, getlink=True)
    _require(isinstance(link, h5py.HardLink), f"{name!r} is missing or a link")
    return group[name]


def _dataset(group: h5py.Group, name: str) -> h5py.Dataset:
    data = _member(group, name)
    _require(isinstance(data, h5py.Dataset) and data.ndim > 0, f"{name!r} is no array")
    _require(not data.is_virtual and not data.external, f"{name!r} points into other files")
    return data


def _labels(pickled: Any) -> list[Label]:
    """Return the labels of a block from its attribute: a list of tuples of three or four names."""
    labels: list[Label] = load_plain(bytes(pickled))
    lengths = {len(LEVELS), len(ANIMAL_LEVELS)}
    _require(
        isinstance(labels, list)
        and all(isinstance(label, tuple) and len(label) in lengths for label in labels)
        and all(isinstance(name, str) for label in labels for name in label)
        and len({len(label) for label in labels}) == 1,
        "its column labels are not (scorer, bodyparts, coords)",
    )
    return labels


def _level_labels(group: h5py.Group, prefix: str) -> list[Label]:
    """Return a fixed block's labels: the file holds names and, per column, a code a level."""
    levels = int(group.attrs.get(f"{prefix}_nlevels", 1))
    _require(
        levels in (len(LEVELS), len(ANIMAL_LEVELS)),
        "its column labels are not (scorer, bodyparts, coords)",
    )
    columns = []
    for level in range(levels):
        names, codes = (_dataset(group, f"{prefix}_{what}{level}") for what in ("level", "label"))
        _require(len(codes) <= MAX_COLUMNS >= len(names), "it has too many columns")
        texts = [bytes(name).decode() for name in names[:]]
        _require(all(0 <= code < len(texts) for code in codes[:]), "its column labels are damaged")
        columns.append([texts[code] for code in codes[:]])
    return list(zip(*columns, strict=True))


def _side_by_side(blocks: Sequence[Any], width: int) -> Floats:
    values = np.concatenate(blocks, axis=1)
    _require(values.dtype.kind in "fiu", "its values are no numbers")
    _require(values.shape[1] == width, f"it has {values.shape[1]} columns and {width} labels")
    return values.astype(np.float64)


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise FileError(message)
