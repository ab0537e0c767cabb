"""DeepLabCut's tables of points in space, csv and h5, and the uncertainty beside them.

DeepLabCut's columns are x, y and z and nothing else, so what we know besides stands in a second
table, `<STEM>_uncertainty.csv`, with the names of Lightning Pose's smoother (EKS): for each body
part x_posterior_var, y_posterior_var, z_posterior_var (mm^2), the covariances of the axes, and the
state. A reader finds it there. The files state no unit: mm here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mousepose.errors import FileError
from mousepose.io.keypoints import hdf5
from mousepose.io.keypoints.dlc import recognizes as is_csv_table
from mousepose.io.keypoints.dlc_columns import Label, individuals_of
from mousepose.io.keypoints.dlc_h5 import recognizes as is_h5_table
from mousepose.io.keypoints.dlc_write import write_labelled_csv, write_labelled_h5
from mousepose.io.keypoints.rows import MAX_FRAME, names_of_parts
from mousepose.io.keypoints.sniff import Content
from mousepose.io.keypoints.streams_write import Again, Piece, Stream, blocks, united
from mousepose.io.keypoints.text import blocks as text_blocks
from mousepose.io.poses.point_files import PointFile, PointRows
from mousepose.io.poses.points import SPACE_COVARIANCE, SPACE_UNITS
from mousepose.io.poses.sequence_layout import PAIRS, SYMMETRIC
from mousepose.types import Floats

POINTS = {axis: axis for axis in "xyz"}
#: The columns of the second table, by our channels.
SPREAD = {f"cov_{axis}{axis}": f"{axis}_posterior_var" for axis in "xyz"} | {
    f"cov_{pair}": f"{pair}_posterior_cov" for pair in PAIRS if pair[0] != pair[1]
}
STATE = {"state": "state"}
SIDECAR_END = "_uncertainty.csv"

#: Gives the frames (N,) and values (N, len(columns)) of some columns, piece by piece.
ReadColumns = Callable[[Sequence[int]], Iterator[tuple[Floats, Floats]]]


def sidecar_of(path: Path) -> Path:
    """Return the path of the table of uncertainties of a table of points."""
    return path.with_name(path.stem + SIDECAR_END)


def write_dlc_points_csv(path: Path, streams: Sequence[Stream]) -> list[Path]:
    """Write the table and the uncertainties; return the paths. Raises `InputError` on no frames."""
    write_labelled_csv(path, streams, POINTS)
    return [path, _write_sidecar(path, streams)]


def write_dlc_points_h5(path: Path, streams: Sequence[Stream]) -> list[Path]:
    """Write the table as h5, the uncertainties as csv; return the paths.

    Raises `InputError` on no frames and where PyTables is not installed.
    """
    write_labelled_h5(path, streams, POINTS, SPACE_UNITS)
    return [path, _write_sidecar(path, streams)]


def _write_sidecar(path: Path, streams: Sequence[Stream]) -> Path:
    known = united(stream.channels for stream in streams)
    beside = sidecar_of(path)
    spread = SPREAD if SPACE_COVARIANCE[0] in known else {}
    write_labelled_csv(beside, streams, spread | STATE)
    return beside


@dataclass(frozen=True)
class Table:
    """A table as DeepLabCut labels it: the label of each column, and how to read columns."""

    path: Path
    labels: tuple[Label, ...]
    read: ReadColumns

    def stream(self, individual: str, columns: dict[str, str]) -> Stream:
        """Return the `columns` (coordinates by channel) of every body part of one individual.

        A channel more, "here", is 1 in every row. Raises `FileError` where one is missing,
        repeated or unknown.
        """
        places: dict[str, dict[str, int]] = {}
        problems = []
        owners = individuals_of(self.labels)
        for index, (owner, label) in enumerate(zip(owners, self.labels, strict=True)):
            *_, part, coordinate = label
            if owner != individual:
                continue
            if coordinate not in columns.values():
                problems.append(f"{part} has an unknown column {coordinate!r}")
            elif places.setdefault(part, {}).setdefault(coordinate, index) != index:
                problems.append(f"{part} has two columns {coordinate!r}")
        for part, found in places.items():
            missing = [name for name in columns.values() if name not in found]
            problems += [f"{part} has no column {name!r}" for name in missing]
        if problems:
            raise FileError(
                f"{self.path}: {'; '.join(problems[:12])}; expected {', '.join(columns.values())} "
                "once for each body part"
            )
        names = names_of_parts(self.path, list(places))
        used = [found[name] for found in places.values() for name in columns.values()]
        pieces = Again(lambda: self._pieces(used, len(names)))
        return Stream(individual, names, (*columns, "here"), pieces)

    def _pieces(self, used: Sequence[int], parts: int) -> Iterator[Piece]:
        for frames, values in self.read(used):
            points = values.reshape(len(values), parts, -1)
            here = np.ones((len(values), parts, 1))
            whole = (frames >= 0) & (frames == np.floor(frames)) & (frames < MAX_FRAME)
            if not whole.all():
                raise FileError(
                    f"{self.path}: a frame number is no whole number from 0 on: {frames[~whole][0]}"
                )
            numbers = frames.astype(np.int64)
            yield Piece(numbers, frames, np.concatenate([points, here], axis=-1))


def is_dlc_points(content: Content) -> bool:
    """Tell whether a file is a DeepLabCut table of points in space."""
    if content.family == "text":
        return is_csv_table(content) and _has_depth(_csv_table(content))
    if content.family == "HDF5":
        return is_h5_table(content) and _has_depth(_h5_table(content))
    return False


def _has_depth(table: Table) -> bool:
    """Tell whether any point has a z; whether all have one is told when they are read."""
    return any(label[-1] == "z" for label in table.labels)


def open_dlc_points(content: Content) -> PointFile:
    """Return the tracks in such a file, with the uncertainties beside it where there are any."""
    table = _csv_table(content) if content.family == "text" else _h5_table(content)
    beside = sidecar_of(content.path)
    spread = _csv_table(Content(beside)) if beside.is_file() else None
    animals = {
        owner: table.stream(owner, POINTS).keypoint_names
        for owner in dict.fromkeys(individuals_of(table.labels))
    }
    return PointFile(content.path, animals, lambda animal: _rows(table, spread, animal))


def _rows(table: Table, spread: Table | None, animal: str) -> Iterator[PointRows]:
    points = table.stream(animal, POINTS)
    if spread is None:
        for piece in points.pieces:
            yield PointRows(piece.times, piece.values[..., :3])
        return
    certain = not any(label[-1] in SPREAD.values() for label in spread.labels)
    beside = spread.stream(animal, STATE if certain else SPREAD | STATE)
    if sorted(points.keypoint_names) != sorted(beside.keypoint_names):
        raise _not_of_one(table, spread, "body parts")
    channels = united([points.channels, beside.channels])
    here = channels.index("here")
    of = [channels.index(name) for name in (*SPACE_COVARIANCE, *STATE) if name in channels]
    for block in blocks([points, beside]):
        if not np.isfinite(block.values[..., here]).all():
            raise _not_of_one(table, spread, "frames")
        told = block.values[:, 1][..., of]
        covariance = None if certain else told[..., : len(PAIRS)][..., SYMMETRIC]
        xyz = block.values[:, 0, :, :3]
        yield PointRows(block.times, xyz, covariance=covariance, state=told[..., -1])


def _not_of_one(table: Table, spread: Table, what: str) -> FileError:
    return FileError(
        f"{spread.path} does not hold the same {what} as {table.path}: they are not of one "
        "result; move it away, or give the file that belongs to it"
    )


def _csv_table(content: Content) -> Table:
    from mousepose.io.keypoints.dlc import _first_column, _header

    text = content.text
    if text is None:
        raise FileError(f"{content.path} is no text; expected a table as DeepLabCut writes it")
    header = _header(text)
    first = _first_column(header)

    def read(columns: Sequence[int]) -> Iterator[tuple[Floats, Floats]]:
        used = [0, *(first + column for column in columns)]
        for values, _ in text_blocks(text, len(header), len(header[0]), used):
            yield values[:, 0], values[:, 1:]

    return Table(content.path, tuple(zip(*(row[first:] for row in header), strict=True)), read)


def _h5_table(content: Content) -> Table:
    from mousepose.io.keypoints.dlc_h5 import _table

    with _table(content.path) as found:
        labels = tuple(found.labels)

    def read(columns: Sequence[int]) -> Iterator[tuple[Floats, Floats]]:
        with _table(content.path) as table:
            for start, stop in hdf5.blocks(table.length, 8 * len(labels)):
                values = table.values(start, stop)[:, list(columns)]
                yield table.frames(start, stop), values

    return Table(content.path, labels, read)
