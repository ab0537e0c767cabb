"""DeepLabCut's tables written: csv, and h5 as pandas writes it. In flat memory.

One row for each frame; labels of three levels, or of four where there are several animals. All
animals have the same body parts, as readers of these files expect. The h5 is written by pandas
and PyTables, an optional extra: PyTables itself pickles the labels.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from mousepose.atomic import atomic_path
from mousepose.errors import InputError
from mousepose.extras import needed
from mousepose.io.keypoints.csv_write import number_columns, numbered, write_csv
from mousepose.io.keypoints.dlc_columns import ANIMAL_LEVELS, LEVELS, VARIANCES
from mousepose.io.keypoints.streams_write import (
    Again,
    Block,
    Piece,
    Stream,
    blocks,
    described,
    keypoint_stream,
    no_frames,
    united,
)
from mousepose.types import Floats, Ints, Keypoints2D

#: The table that DeepLabCut's h5 files hold.
H5_KEY = "df_with_missing"
#: Under this name the table's group says what the numbers are.
H5_ATTRIBUTE = "mousepose"
#: An attribute of an HDF5 object holds at most 64 KiB.
MAX_ATTRIBUTE_BYTES = 60_000
#: What the columns of image points are called, by our channels.
_IMAGE = {"x": "x", "y": "y", "confidence": "likelihood"}
_SPREAD = dict(zip(("cov_xx", "cov_yy"), VARIANCES, strict=True))

Rows = Iterator[tuple[Ints, Floats]]


def write_labelled_csv(
    path: Path, streams: Sequence[Stream], coordinates: dict[str, str], scorer: str = "mousepose"
) -> None:
    """Write the channels named by `coordinates`, each under DeepLabCut's name for it, as csv.

    Raises `InputError` where the streams hold no frame.
    """
    levels, labels = _labels(streams, coordinates, scorer)
    tables = (
        numbered([pa.array(frames), *number_columns(values)])
        for frames, values in _rows(streams, coordinates)
    )
    write_csv(path, zip(levels, *labels, strict=True), tables)


def write_labelled_h5(
    path: Path,
    streams: Sequence[Stream],
    coordinates: dict[str, str],
    units: dict[str, str],
    scorer: str = "mousepose",
) -> None:
    """Write the same table as an h5 that pandas and DeepLabCut read.

    Raises `InputError` where the streams hold no frame or PyTables is not installed.
    """
    needed("formats", "writing a DeepLabCut h5", "tables")
    import pandas as pd

    levels, labels = _labels(streams, coordinates, scorer)
    columns = pd.MultiIndex.from_tuples(labels, names=levels)
    about = described(streams, units)
    count = 0
    with atomic_path(path) as temporary:
        store: Any  # the stubs take its methods for tables
        with pd.HDFStore(temporary, mode="w") as store:
            for frames, values in _rows(streams, coordinates):
                store.append(H5_KEY, pd.DataFrame(values, index=frames, columns=columns))
                count += len(frames)
            if count and len(about) <= MAX_ATTRIBUTE_BYTES:
                setattr(store.get_storer(H5_KEY).attrs, H5_ATTRIBUTE, about)
        if not count:
            raise no_frames(path)


def _labels(
    streams: Sequence[Stream], coordinates: dict[str, str], scorer: str
) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Return the names of the levels, and the label of every column."""
    names = united(stream.keypoint_names for stream in streams)
    if len(streams) == 1:
        labels: list[tuple[str, ...]] = [
            (scorer, name, c) for name in names for c in coordinates.values()
        ]
        return LEVELS, labels
    labels = [
        (scorer, stream.animal, name, c)
        for stream in streams
        for name in names
        for c in coordinates.values()
    ]
    return ANIMAL_LEVELS, labels


def _rows(streams: Sequence[Stream], coordinates: dict[str, str]) -> Rows:
    channels = united(stream.channels for stream in streams)
    wanted = [channels.index(channel) for channel in coordinates]
    for block in blocks(streams):
        yield block.frames, _flat(block, wanted)


def _flat(block: Block, wanted: Sequence[int]) -> Floats:
    values = block.values[..., wanted]
    return np.ascontiguousarray(values.reshape(len(values), -1))


def image_coordinates(streams: Sequence[Stream]) -> dict[str, str]:
    """Return the coordinates of a table of image points: with variances where they are known."""
    uncertain = any("cov_xx" in stream.channels for stream in streams)
    return _IMAGE | (_SPREAD if uncertain else {})


def without_mixed(stream: Stream) -> Stream:
    """Return the stream as a table of image points can hold it.

    Its pieces raise `InputError` where x and y vary together: the table has no column for that.
    """
    if "cov_xy" not in stream.channels:
        return stream
    mixed = stream.channels.index("cov_xy")

    def pieces() -> Iterator[Piece]:
        for piece in stream.pieces:
            if np.any(np.nan_to_num(piece.values[..., mixed])):
                raise InputError(
                    "a DeepLabCut file has no column for how x and y vary together: write Parquet"
                )
            yield piece

    return replace(stream, pieces=Again(pieces))


def write_dlc_csv(path: str | Path, keypoints: Keypoints2D, scorer: str = "mousepose") -> None:
    """Write the points of one camera as DeepLabCut does; reading them gives the same numbers.

    Variances are written as Lightning Pose's smoother does. Raises `InputError` on more than one
    camera and on covariances of x with y, for which the table has no column.
    """
    streams = [without_mixed(keypoint_stream([keypoints]))]
    write_labelled_csv(Path(path), streams, image_coordinates(streams), scorer)
