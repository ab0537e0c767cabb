"""Every format of points in space: those that are written, those that are read, one door each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from mousepose.errors import FileError, InputError
from mousepose.io.keypoints.registry_write import Dims, Writer, chosen_writer, write_streams
from mousepose.io.keypoints.sniff import Content
from mousepose.io.keypoints.streams_write import Stream
from mousepose.io.poses.point_files import PointFile
from mousepose.io.poses.points import SPACE_UNITS, PointTrack, point_stream, track_of
from mousepose.types import Keypoints3D, PoseSequence

#: A small damaged or hostile file can claim to hold any number of frames; memory ends here.
MAX_LOADED_BYTES = 8 * 2**30


@dataclass(frozen=True)
class PointReader:
    """A format of points in space: its name, and where in `mousepose.io` its functions are.

    `recognizes` tells by a file's `Content` whether it is of the format, `open` gives its tracks.
    """

    name: str
    module: str
    recognizes_name: str
    open_name: str

    def recognizes(self, content: Content) -> bool:
        """Tell whether a file is of this format."""
        return bool(self._function(self.recognizes_name)(content))

    def open(self, content: Content) -> PointFile:
        """Return the tracks in a file of this format. Raises `FileError`."""
        found: PointFile = self._function(self.open_name)(content)
        return found

    def _function(self, name: str) -> Callable[[Content], Any]:
        function: Callable[[Content], Any] = getattr(
            import_module(f"mousepose.io.{self.module}"), name
        )
        return function


#: Every format of points in space that is read; where two would take a file, the first does.
POINT_READERS: tuple[PointReader, ...] = (
    PointReader("our Parquet of poses", "poses.parquet", "is_sequence", "open_sequence_points"),
    PointReader("movement netCDF", "poses.movement", "is_movement_points", "open_movement_points"),
    PointReader("DeepLabCut 3D csv and h5", "poses.deeplabcut", "is_dlc_points", "open_dlc_points"),
    PointReader("sleap-anipose h5", "poses.sleap_anipose", "is_sleap_points", "open_sleap_points"),
    PointReader("anipose 3D csv", "poses.anipose", "is_anipose", "open_anipose"),
    PointReader("plain table of points", "poses.point_table", "is_point_table", "open_point_table"),
    PointReader("NWB with ndx-pose", "nwb.read", "is_nwb_points", "open_nwb_points"),
    PointReader("C3D", "biomechanics.c3d_read", "is_c3d", "open_c3d"),
    PointReader("TRC", "biomechanics.trc", "is_trc", "open_trc"),
    PointReader(".keypoint.txt", "poses.pose_text", "is_pose_text", "open_pose_text"),
)


def _parquet(path: Path, streams: Sequence[Stream], dims: Dims) -> None:
    from mousepose.io.keypoints.table_write import write_parquet_table

    write_parquet_table(path, streams, SPACE_UNITS)


def _csv(path: Path, streams: Sequence[Stream], dims: Dims) -> None:
    from mousepose.io.keypoints.table_write import write_csv_table

    write_csv_table(path, streams)


def _anipose(path: Path, streams: Sequence[Stream], dims: Dims) -> None:
    from mousepose.io.poses.anipose import write_anipose

    write_anipose(path, streams)


def _dlc_csv(path: Path, streams: Sequence[Stream], dims: Dims) -> list[Path]:
    from mousepose.io.poses.deeplabcut import write_dlc_points_csv

    return write_dlc_points_csv(path, streams)


def _dlc_h5(path: Path, streams: Sequence[Stream], dims: Dims) -> list[Path]:
    from mousepose.io.poses.deeplabcut import write_dlc_points_h5

    return write_dlc_points_h5(path, streams)


def _sleap(path: Path, streams: Sequence[Stream], dims: Dims) -> None:
    from mousepose.io.poses.sleap_anipose import write_sleap_points

    write_sleap_points(path, streams)


def _movement(path: Path, streams: Sequence[Stream], dims: Dims) -> None:
    from mousepose.io.keypoints.movement_write import write_movement

    write_movement(path, streams, SPACE_UNITS, dims)


def _texts(path: Path, streams: Sequence[Stream], dims: Dims) -> list[Path]:
    from mousepose.io.poses.pose_text import write_pose_texts

    return write_pose_texts(path, streams)


def _trc(path: Path, streams: Sequence[Stream], dims: Dims) -> None:
    from mousepose.io.biomechanics.trc import write_trc

    write_trc(path, streams)


def _c3d(path: Path, streams: Sequence[Stream], dims: Dims) -> None:
    from mousepose.io.biomechanics.c3d import write_c3d

    write_c3d(path, streams)


def _stac(path: Path, streams: Sequence[Stream], dims: Dims) -> None:
    from mousepose.io.biomechanics.stac import write_stac

    write_stac(path, streams)


_POINTS = frozenset({"animals", "times", "confidence", "uncertainty", "state"})
_ALL = _POINTS | {"units", "provenance"}

#: Every format of points in space by name. Only Parquet holds a whole `PoseSequence`.
WRITERS: Mapping[str, Writer] = {
    writer.name: writer
    for writer in (
        Writer("parquet", "Parquet table", ".parquet", _parquet, _ALL, default=True),
        Writer("csv", "plain csv", ".csv", _csv, _POINTS),
        Writer(
            "anipose", "anipose 3D csv", ".csv", _anipose, frozenset({"confidence", "state"}),
            default=True,
        ),
        Writer(
            "dlc-csv", "DeepLabCut 3D csv", ".csv", _dlc_csv,
            frozenset({"animals", "uncertainty", "state"}),
        ),
        Writer(
            "dlc-h5", "DeepLabCut 3D h5", ".h5", _dlc_h5, _ALL - {"times", "confidence"},
            default=True, extra="formats",
        ),
        Writer("sleap", "sleap-anipose h5", ".h5", _sleap, _ALL - {"confidence"}),
        Writer(
            "movement", "movement netCDF", ".nc", _movement, _ALL, default=True, extra="formats"
        ),
        Writer("trc", "OpenSim markers (TRC)", ".trc", _trc, frozenset({"times"}), default=True),
        Writer("c3d", "motion capture (C3D)", ".c3d", _c3d, frozenset({"state"}), default=True),
        Writer(
            "stac", "STAC h5 for physics", ".h5", _stac,
            frozenset({"times", "units", "provenance"}),
        ),
        Writer(
            "keypoint-text", "text of each frame", ".keypoint.txt", _texts, frozenset(),
            default=True,
        ),
    )
}  # fmt: skip


def write_sequence(
    path: str | Path,
    *sequences: PoseSequence | Keypoints3D,
    format: str | None = None,
    dims: Dims = "singular",
) -> list[Path]:
    """Write the poses of one animal or several; return the paths of the files.

    `format` is a name of `WRITERS`, by default that of the path's ending: Parquet holds whole
    sequences, all others points in space with what `docs/formats-out.md` says. A format that holds
    one animal makes a file of each, `<STEM>_<ANIMAL>`. `dims` names the dimensions of a netCDF:
    "plural" for movement up to 0.16. Raises `InputError` on two animals of one name and where
    nothing is given, `UnknownNameError` on another format.
    """
    path = Path(path)
    writer = chosen_writer(path, format, WRITERS)
    whole = [one for one in sequences if isinstance(one, PoseSequence)]
    if writer.name == "parquet" and len(whole) == len(sequences):
        from mousepose.io.poses.parquet import write_sequence_parquet

        write_sequence_parquet(path, *whole)
        return [path]
    return write_streams(path, [point_stream([track_of(one)]) for one in sequences], writer, dims)


def recognize_points(content: Content) -> PointReader | None:
    """Return the reader of a file of points in space, None where it is no such file."""
    return next((reader for reader in POINT_READERS if reader.recognizes(content)), None)


def open_points(path: str | Path) -> PointFile:
    """Return the tracks in a file of points in space. Raises `FileError` on any other file."""
    content = Content(Path(path))
    reader = recognize_points(content)
    if reader is None:
        known = ", ".join(reader.name for reader in POINT_READERS)
        raise FileError(f"{path} holds no points in space of a known format; known: {known}")
    return reader.open(content)


def iterate_points(
    path: str | Path, *, fps: float | None = None, animal: str | None = None
) -> Iterator[PointTrack]:
    """Yield the points of one animal in pieces, in flat memory, with what the file knows besides.

    As `read_points`. The header is checked at once, each piece when it is read.
    """
    if fps is not None and not (np.isfinite(fps) and fps > 0):
        raise InputError(f"fps: expected a positive number of frames per second, got {fps!r}")
    return open_points(path).tracks(animal, fps)


def read_points(
    path: str | Path, *, fps: float | None = None, animal: str | None = None
) -> Keypoints3D:
    """Return the points in space of one animal, with their covariance where the file has it.

    `fps` is the frame rate where the file holds no times; `animal` chooses among several. Files of
    other programs state no unit: they are taken to be in mm. Raises `FileError` on a file of no
    known format, cut or inconsistent, `InputError` on a missing `fps` or `animal` and on a file
    too long for memory, `UnknownNameError` on an unknown animal.
    """
    tracks: list[PointTrack] = []
    size = 0
    for track in iterate_points(path, fps=fps, animal=animal):
        tracks.append(track)
        points = track.points
        size += points.xyz.nbytes + (0 if points.covariance is None else points.covariance.nbytes)
        if size > MAX_LOADED_BYTES:
            raise InputError(f"{path} is too long to read at once: use iterate_points")
    return joined_points([track.points for track in tracks])


def joined_points(pieces: Sequence[Keypoints3D]) -> Keypoints3D:
    """Return consecutive pieces of one animal's points as one."""
    spreads = [piece.covariance for piece in pieces if piece.covariance is not None]
    return Keypoints3D(
        np.concatenate([piece.xyz for piece in pieces]),
        np.concatenate([piece.times for piece in pieces]),
        pieces[0].keypoint_names,
        np.concatenate(spreads) if spreads else None,
    )
