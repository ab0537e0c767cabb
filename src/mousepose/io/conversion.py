"""Any file of keypoints or poses into any format that holds the same kind of points.

Tables (csv, Parquet, DeepLabCut, SLEAP) go through in flat memory; a netCDF is written at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Literal

from mousepose.errors import InputError
from mousepose.io.keypoints.registry import open_tracks, recognize
from mousepose.io.keypoints.registry_write import (
    KEYPOINT_WRITERS,
    Dims,
    Writer,
    chosen_writer,
    write_streams,
)
from mousepose.io.keypoints.rows import TrackFile, checked, choose_animal
from mousepose.io.keypoints.sniff import Content
from mousepose.io.keypoints.streams_write import Again, Piece, Stream, keypoint_stream
from mousepose.io.loading import unknown_format
from mousepose.io.poses.points import point_stream
from mousepose.io.poses.registry import WRITERS, recognize_points
from mousepose.io.poses.sequences import SequenceFile, open_sequences
from mousepose.types import Keypoints2D, Progress

#: Frames of one animal that are held at once.
CHUNK_FRAMES = 10_000
#: The rate that stands in where nothing is known of it; times made with it are frame numbers.
_NO_RATE = 1.0

Kind = Literal["2D", "3D"]


@dataclass(frozen=True)
class Conversion:
    """What `convert` did: the kind of points, the format, the animals, the files, what was lost.

    `frames` counts the frames of the animal that has most; `left_out` names what the file held and
    the format cannot hold, `timed` tells whether the times of the frames are known.
    """

    kind: Kind
    format: Writer
    animals: tuple[str, ...]
    frames: int
    written: tuple[Path, ...]
    left_out: tuple[str, ...]
    timed: bool


def convert(
    source: str | Path,
    target: str | Path,
    *,
    to: str | None = None,
    animal: str | None = None,
    fps: float | None = None,
    dims: Dims = "singular",
    source_name: str | None = None,
    progress: Progress | None = None,
) -> Conversion:
    """Write the file at `source` in another format to `target`; return what was done.

    `to` is a format's name (`KEYPOINT_WRITERS` for points in images, `WRITERS` for points in
    space), by default that of the target's ending; where `target` is a folder the file is named
    after the source. All animals are written, or only `animal`: into one file where the format
    holds several, else one file for each. `fps` gives the frame rate where the source has none;
    without it the result has no times. `dims` names the dimensions of a netCDF; `source_name` is
    what the result calls its source, by default the name of `source`. Every file appears whole or
    not at all. Raises `FileError` on a source of no known format or with faults,
    `InputError` where source and format do not go together.
    """
    source, target = Path(source), Path(target)
    if fps is not None and not 0 < fps < float("inf"):
        raise InputError(f"fps: expected a positive number of frames per second, got {fps!r}")
    content = Content(source)
    points = recognize_points(content)
    if points is None and recognize(source) is None:
        raise unknown_format(content)
    kind: Kind = "2D" if points is None else "3D"
    target, writer = _aim(source, target, to, kind, dims)
    sequences = open_sequences(content) if points is not None else None
    if sequences is not None and writer.name == "parquet":
        return _copied(sequences, target, writer, animal, fps, progress)
    if points is None:
        streams = _image_streams(source, animal, fps)
    else:
        file = points.open(content)
        names = tuple(file.animals) if animal is None else (animal,)
        timed = fps is not None or file.is_timed
        rate = fps if timed else _NO_RATE
        streams = [
            point_stream(Again(partial(file.tracks, name, rate)), has_times=timed) for name in names
        ]
    told = _Told(progress or (lambda stage, done, total: None))
    about = {"source_file": source_name or source.name}
    streams = [
        replace(told.watching(stream), about=about | dict(stream.about)) for stream in streams
    ]
    written = write_streams(target, streams, writer, dims)
    return Conversion(
        kind,
        writer,
        tuple(stream.animal for stream in streams),
        told.frames,
        tuple(written),
        left_out_of(streams, writer),
        timed=all(stream.has_times for stream in streams),
    )


def _aim(source: Path, target: Path, to: str | None, kind: Kind, dims: Dims) -> tuple[Path, Writer]:
    """Return the path to write and its writer. Raises where they do not fit the kind of points."""
    writers, others = (KEYPOINT_WRITERS, WRITERS) if kind == "2D" else (WRITERS, KEYPOINT_WRITERS)
    if to is not None and to not in writers and to in others:
        raise InputError(f"{source} holds {_points(kind)}, which {to!r} cannot hold; {_way(kind)}")
    if target.is_dir():
        if to is None:
            raise InputError(f"{target} is a folder: say which format to write into it (--to)")
        writer = chosen_writer(target, to, writers)
        target = target / (_stem(source) + writer.ending)
    else:
        writer = chosen_writer(target, to, writers)
    if target.resolve() == source.resolve():
        raise InputError(f"{target} is the file that is read; give another name for the result")
    if dims != "singular" and writer.name != "movement":
        raise InputError(f"--dims names the dimensions of a netCDF; {writer.title} has none")
    return target, writer


def _points(kind: Kind) -> str:
    return "points in an image (2D)" if kind == "2D" else "points in space (3D)"


def _way(kind: Kind) -> str:
    if kind == "2D":
        return "mousepose reconstruct makes points in space of them"
    return "a camera would be needed to draw them into an image"


def _stem(source: Path) -> str:
    endings = [w.ending for table in (KEYPOINT_WRITERS, WRITERS) for w in table.values()]
    fitting = [ending for ending in endings if source.name.lower().endswith(ending)]
    return source.name[: -len(max(fitting, key=len))] if fitting else source.stem


def _image_streams(source: Path, animal: str | None, fps: float | None) -> list[Stream]:
    file = open_tracks(source)
    names = file.animals if animal is None else (animal,)
    streams = []
    for name in names:
        first = file.track(name)
        timed = fps is not None or first.has_times or first.fps is not None
        rate = fps if timed else _NO_RATE

        chunks = Again(partial(_chunks, file, name, rate))
        streams.append(keypoint_stream(chunks, has_times=timed))
    return streams


def _chunks(file: TrackFile, name: str, rate: float | None) -> Iterator[Keypoints2D]:
    return checked(file.track(name), rate, CHUNK_FRAMES)


class _Told:
    """Counts the frames that go through, and tells of them."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self.frames = 0

    def watching(self, stream: Stream) -> Stream:
        """Return the stream, whose pieces are counted when they are taken."""

        def pieces() -> Iterator[Piece]:
            done = 0
            for piece in stream.pieces:
                yield piece
                done += len(piece.frames)
                self.frames = max(self.frames, done)
                self._progress(f"writing {stream.animal}", done, 0)

        return replace(stream, pieces=Again(pieces))


def left_out_of(streams: Sequence[Stream], writer: Writer) -> tuple[str, ...]:
    """Return what the streams know and a format cannot hold."""
    channels = {channel for stream in streams for channel in stream.channels}
    known: Mapping[str, bool] = {
        "times": all(stream.has_times for stream in streams),
        "confidence": "confidence" in channels,
        "uncertainty": "cov_xx" in channels,
        "state": "state" in channels,
        "provenance": any("provenance" in stream.about for stream in streams),
    }
    return tuple(name for name, there in known.items() if there and name not in writer.holds)


def _copied(
    source: SequenceFile,
    target: Path,
    writer: Writer,
    animal: str | None,
    fps: float | None,
    progress: Progress | None,
) -> Conversion:
    """Write whole sequences of a file of ours again: all animals, or one of them."""
    from mousepose.io.poses.parquet import SequenceWriter

    names = source.animals
    if animal is not None:
        names = (choose_animal(source.path, names, animal),)
    most = 0
    with SequenceWriter(target) as sequences:
        for name in names:
            done = 0
            for part in source.pieces(name):
                timed = part if fps is None else replace(part, times=part.frame_numbers / fps)
                sequences.append(timed)
                done += len(part)
                most = max(most, done)
                if progress is not None:
                    progress(f"writing {name}", done, 0)
    return Conversion("3D", writer, names, most, (target,), (), timed=True)
