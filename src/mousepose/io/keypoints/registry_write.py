"""Every format that 2D keypoints are written in, and one door to them.

A new format is one function of a path, the animals' streams and the dimensions' names, and one
line in `KEYPOINT_WRITERS`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from mousepose.errors import InputError, UnknownNameError
from mousepose.io.keypoints.streams_write import IMAGE_UNITS, Stream, keypoint_stream
from mousepose.types import Keypoints2D

Dims = Literal["singular", "plural"]
Write = Callable[[Path, Sequence[Stream], Dims], Sequence[Path] | None]


@dataclass(frozen=True)
class Writer:
    """A format to write: its name, what it is, what its files end in, and what they can hold.

    `write` returns the paths that it wrote, None for the one it was given. `default` says whether
    a file that ends in `ending` is of this format where none is named. `holds` are the things that
    it carries besides names and points: "animals" (several), "times", "confidence", "uncertainty",
    "state", "units", "provenance". `extra` is the extra of the package that it needs.
    """

    name: str
    title: str
    ending: str
    write: Write
    holds: frozenset[str]
    default: bool = False
    extra: str = ""


def _parquet(path: Path, streams: Sequence[Stream], dims: Dims) -> None:
    from mousepose.io.keypoints.table_write import write_parquet_table

    write_parquet_table(path, streams, IMAGE_UNITS)


def _csv(path: Path, streams: Sequence[Stream], dims: Dims) -> None:
    from mousepose.io.keypoints.table_write import write_csv_table

    write_csv_table(path, streams)


def _dlc_csv(path: Path, streams: Sequence[Stream], dims: Dims) -> None:
    from mousepose.io.keypoints.dlc_write import (
        image_coordinates,
        without_mixed,
        write_labelled_csv,
    )

    plain = [without_mixed(stream) for stream in streams]
    write_labelled_csv(path, plain, image_coordinates(plain))


def _dlc_h5(path: Path, streams: Sequence[Stream], dims: Dims) -> None:
    from mousepose.io.keypoints.dlc_write import image_coordinates, without_mixed, write_labelled_h5

    plain = [without_mixed(stream) for stream in streams]
    write_labelled_h5(path, plain, image_coordinates(plain), IMAGE_UNITS)


def _movement(path: Path, streams: Sequence[Stream], dims: Dims) -> None:
    from mousepose.io.keypoints.movement_write import write_movement

    write_movement(path, streams, IMAGE_UNITS, dims)


def _sleap(path: Path, streams: Sequence[Stream], dims: Dims) -> None:
    from mousepose.io.keypoints.sleap_write import write_sleap

    write_sleap(path, streams, IMAGE_UNITS)


_ALL = frozenset({"animals", "times", "confidence", "uncertainty", "units", "provenance"})

#: Every format of 2D keypoints by name.
KEYPOINT_WRITERS: Mapping[str, Writer] = {
    writer.name: writer
    for writer in (
        Writer("parquet", "Parquet table", ".parquet", _parquet, _ALL, default=True),
        Writer("csv", "plain csv", ".csv", _csv, _ALL - {"units", "provenance"}),
        Writer(
            "dlc-csv", "DeepLabCut csv", ".csv", _dlc_csv,
            frozenset({"animals", "confidence", "uncertainty"}), default=True,
        ),
        Writer(
            "dlc-h5", "DeepLabCut h5", ".h5", _dlc_h5, _ALL - {"times"}, default=True,
            extra="formats",
        ),
        Writer(
            "sleap", "SLEAP analysis h5", ".analysis.h5", _sleap,
            frozenset({"animals", "confidence", "units", "provenance"}), default=True,
        ),
        Writer(
            "movement", "movement netCDF", ".nc", _movement, _ALL, default=True, extra="formats"
        ),
    )
}  # fmt: skip


def write_keypoints(
    path: str | Path, *keypoints: Keypoints2D, format: str | None = None, dims: Dims = "singular"
) -> list[Path]:
    """Write the 2D keypoints of one animal or several; return the paths of the files.

    `format` is a name of `KEYPOINT_WRITERS`, by default that of the path's ending. A format that
    holds one animal makes a file of each, `<STEM>_<ANIMAL>`. `dims` names the dimensions of a
    netCDF: "plural" for movement up to 0.16. Raises `InputError` on points of several cameras, on
    two animals of one name and where nothing is given; `UnknownNameError` on another format.
    """
    writer = chosen_writer(Path(path), format, KEYPOINT_WRITERS)
    return write_streams(Path(path), [keypoint_stream([one]) for one in keypoints], writer, dims)


def chosen_writer(path: Path, format: str | None, writers: Mapping[str, Writer]) -> Writer:
    """Return the writer named `format`, or that of the path's ending.

    Raises `UnknownNameError` on an unknown name, `InputError` on an ending of no format.
    """
    if format is not None:
        if format not in writers:
            raise UnknownNameError.of("format", format, writers)
        return writers[format]
    fitting = [
        writer for writer in writers.values()
        if writer.default and path.name.lower().endswith(writer.ending)
    ]  # fmt: skip
    if not fitting:
        known = ", ".join(f"{w.ending} ({w.title})" for w in writers.values() if w.default)
        raise InputError(
            f"{path}: its ending tells no format; give one of {', '.join(writers)} "
            f"(format=..., --to), or end the name in {known}"
        )
    return max(fitting, key=lambda writer: len(writer.ending))


def write_streams(
    path: Path, streams: Sequence[Stream], writer: Writer, dims: Dims = "singular"
) -> list[Path]:
    """Write the streams with a writer: one file, or one for each animal where it holds only one."""
    if not streams:
        raise InputError(f"{path}: nothing was given to write")
    names = [stream.animal for stream in streams]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise InputError(f"{path}: two animals are called {', '.join(repeated)}; rename one")
    if len(streams) == 1 or "animals" in writer.holds:
        return list(writer.write(path, streams, dims) or [path])
    targets = {of_animal(path, stream.animal, writer.ending): stream for stream in streams}
    if len(targets) < len(streams):
        raise InputError(
            f"{path}: a file holds one animal, and the animals {', '.join(names)} would make two "
            "files of one name; write them one by one (animal=..., --animal)"
        )
    written: list[Path] = []
    for target, stream in targets.items():
        written += writer.write(target, [stream], dims) or [target]
    return written


def of_animal(path: Path, animal: str, ending: str) -> Path:
    """Return the path of the file of one animal of several."""
    stem = path.name[: -len(ending)] if path.name.lower().endswith(ending) else path.stem
    kept = "".join(letter if letter.isalnum() or letter in "-_. " else "-" for letter in animal)
    return path.with_name(f"{stem}_{kept}{path.name[len(stem) :]}")
