"""One door for files of 2D keypoints: the reader is chosen by the file's content, not its name.

A new format is one module with the functions `recognizes`, `in_space` and `open_tracks`, and one
line in `READERS`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from mousepose.errors import FileError, InputError
from mousepose.io.keypoints.rows import Track, TrackFile, checked
from mousepose.io.keypoints.sniff import Content
from mousepose.types import Keypoints2D

#: Frames read at once by `load_keypoints`.
LOAD_FRAMES = 100_000
#: A small damaged or hostile file can claim to hold any number of frames; memory ends here.
MAX_LOADED_BYTES = 8 * 2**30


@dataclass(frozen=True)
class Reader:
    """A format: its name, the kind of file it lies in, its module, and what a file of it shows."""

    name: str
    family: str
    module: str
    shows: str

    def recognizes(self, content: Content) -> bool:
        """Tell whether a file is laid out as this format."""
        return content.family == self.family and bool(self._module.recognizes(content))

    def in_space(self, content: Content) -> bool:
        """Tell whether a file of this layout holds points in space instead of in an image."""
        return bool(self._module.in_space(content))

    def open(self, path: Path) -> TrackFile:
        """Return the tracks in a file of this format. Raises `FileError`."""
        found: TrackFile = self._module.open_tracks(path)
        return found

    @property
    def _module(self) -> Any:
        return import_module(f"mousepose.io.keypoints.{self.module}")


#: Every format; where two would take the same file, the first does.
READERS: tuple[Reader, ...] = (
    Reader("Parquet", "Parquet", "table", "columns frame, NAME_x, NAME_y"),
    Reader("DeepLabCut h5", "HDF5", "dlc_h5", "a pandas table"),
    Reader("SLEAP analysis h5", "HDF5", "sleap_h5", "tracks and node_names"),
    Reader("SLEAP labels", "HDF5", "slp", "videos_json, frames and instances"),
    Reader("JABS h5", "HDF5", "jabs", "poseest/points"),
    Reader("NWB with ndx-pose", "HDF5", "nwb", "PoseEstimation in a processing module"),
    Reader("movement netCDF", "HDF5", "movement", "position and time"),
    Reader("COCO json", "JSON", "coco", "the lists images, annotations and categories"),
    Reader("DeepLabCut csv", "text", "dlc", "a first line that starts with 'scorer'"),
    Reader("plain csv", "text", "plain_csv", "a first line with NAME_x and NAME_y"),
)


def recognize(path: str | Path) -> Reader | None:
    """Return the reader of the file of 2D keypoints at `path`, None where it is no such file.

    A file of points in space is no such file. Raises `FileError` where it cannot be read at all.
    """
    content = Content(Path(path))
    reader = _reader(content)
    return None if reader is None or reader.in_space(content) else reader


def open_tracks(path: str | Path) -> TrackFile:
    """Return the tracks in the file at `path`, whichever known format it has.

    Raises `FileError` on any other file, and on points in space.
    """
    content = Content(Path(path))
    reader = _reader(content)
    if reader is None:
        raise FileError(_unknown(content))
    if reader.in_space(content):
        raise FileError(
            f"{path} holds points in space (3D, in the layout of {reader.name}); expected 2D "
            "keypoints in px. mousepose.load reads 3D files"
        )
    return reader.open(content.path)


def animals_in(path: str | Path) -> tuple[str, ...]:
    """Return the names of all animals in a file of 2D keypoints, `("animal0",)` for one unnamed.

    A table of labelled images from several recordings has one name for each recording.
    Raises `FileError` as `load_keypoints` does.
    """
    return open_tracks(path).animals


def load_keypoints(
    path: str | Path,
    *,
    fps: float | None = None,
    animal: str | None = None,
    keypoint_names: Sequence[str] | None = None,
) -> Keypoints2D:
    """Return the tracked points of one animal from the file of any known tracker.

    `READERS` lists the formats. `fps` is the frame rate in frames per second: times are
    frame / fps. A file with its own times or frame rate needs none. `animal` chooses among several.
    `keypoint_names` keeps these keypoints, in this order, by the names in the file. A point without
    x or y has NaN for both and confidence 0; a file without confidence has 1 at every given point.
    Variances in the file become `covariance` in px^2.
    Raises `FileError` on a file that is none of these, cut or inconsistent, `InputError` on a
    missing `fps` or `animal`, `UnknownNameError` on unknown names.
    """
    return _whole(_opened(open_tracks(path), animal, fps, keypoint_names), fps, MAX_LOADED_BYTES)


def load_tracks(
    path: str | Path,
    *,
    fps: float | None = None,
    keypoint_names: Sequence[str] | None = None,
) -> dict[str, Keypoints2D]:
    """Return the tracked points of all animals of a file, by their names, as `load_keypoints`."""
    file = open_tracks(path)
    found: dict[str, Keypoints2D] = {}
    left = MAX_LOADED_BYTES
    for animal in file.animals:
        found[animal] = _whole(_opened(file, animal, fps, keypoint_names), fps, left)
        left -= _bytes_of(found[animal])
    return found


def iterate_keypoints(
    path: str | Path,
    chunk_frames: int,
    *,
    fps: float | None = None,
    animal: str | None = None,
    keypoint_names: Sequence[str] | None = None,
) -> Iterator[Keypoints2D]:
    """Yield the same keypoints as `load_keypoints` in chunks of `chunk_frames`, in flat memory.

    The last chunk may be shorter. The header is checked at once, each chunk when it is read.
    """
    if chunk_frames < 1:
        raise InputError(f"chunk_frames: expected at least 1, got {chunk_frames}")
    track = _opened(open_tracks(path), animal, fps, keypoint_names)
    return checked(track, fps, chunk_frames)


def joined(chunks: Sequence[Keypoints2D]) -> Keypoints2D:
    """Return consecutive chunks of one track as one."""
    first = chunks[0]
    spreads = [chunk.covariance for chunk in chunks if chunk.covariance is not None]
    return Keypoints2D(
        xy=np.concatenate([chunk.xy for chunk in chunks]),
        confidence=np.concatenate([chunk.confidence for chunk in chunks]),
        times=np.concatenate([chunk.times for chunk in chunks]),
        frame_numbers=np.concatenate([chunk.frame_numbers for chunk in chunks]),
        keypoint_names=first.keypoint_names,
        animal=first.animal,
        covariance=np.concatenate(spreads) if spreads else None,
    )


def _opened(
    file: TrackFile, animal: str | None, fps: float | None, names: Sequence[str] | None
) -> Track:
    if fps is not None and not (np.isfinite(fps) and fps > 0):
        raise InputError(f"fps: expected a positive number of frames per second, got {fps!r}")
    track = file.track(animal)
    if fps is None and track.fps is None and not track.has_times:
        raise InputError(
            f"{file.path} holds no times: give the frame rate in frames per second (fps=..., --fps)"
        )
    return track if names is None else track.keeping(names)


def _whole(track: Track, fps: float | None, most: int) -> Keypoints2D:
    """Return a whole track. Raises `InputError` where it takes more than `most` bytes."""
    values = 3 * 8 * len(track.keypoint_names)
    chunks: list[Keypoints2D] = []
    loaded = (track.frames or 0) * values
    if loaded <= most:
        loaded = 0
        for chunk in checked(track, fps, LOAD_FRAMES):
            chunks.append(chunk)
            loaded += _bytes_of(chunk)
            if loaded > most:
                break
    if loaded > most:
        raise InputError(
            f"{track.path} holds more than {MAX_LOADED_BYTES / 2**30:.0f} GiB of keypoints: "
            "read it in chunks with iterate_keypoints"
        )
    return joined(chunks)


def _bytes_of(keypoints: Keypoints2D) -> int:
    spread = keypoints.covariance
    return (
        keypoints.xy.nbytes + keypoints.confidence.nbytes + (0 if spread is None else spread.nbytes)
    )


def _reader(content: Content) -> Reader | None:
    return next((reader for reader in READERS if reader.recognizes(content)), None)


def _unknown(content: Content) -> str:
    """Return what to tell of a file that no reader knows."""
    path = content.path
    if content.other:
        return f"{path} is {content.other}"
    same = [reader for reader in READERS if reader.family == content.family]
    if not same:
        known = ", ".join(reader.name for reader in READERS)
        return f"{path} is of no known format; known: {known}"
    article = "an" if content.family == "HDF5" else "a"
    expected = ", or ".join(f"{reader.shows} ({reader.name})" for reader in same)
    return (
        f"{path} is {article} {content.family} file of no known format: expected {expected}; "
        f"found {content.summary}"
    )
