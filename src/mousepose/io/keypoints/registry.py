"""One door for files of 2D keypoints: the reader is chosen by the file's content, not its name.

A new format is one module with an `open_..._track` function and one line in `READERS`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mousepose.errors import FileError, InputError
from mousepose.io.keypoints.rows import Track, checked
from mousepose.types import Keypoints2D

#: So many first bytes are enough to tell the formats apart.
HEAD_BYTES = 4096
#: Frames read at once by `load_keypoints`.
LOAD_FRAMES = 100_000
#: A small damaged or hostile file can claim to hold any number of frames; memory ends here.
MAX_LOADED_BYTES = 8 * 2**30


def _open_csv(path: Path, animal: str | None) -> Track:
    from mousepose.io.keypoints.dlc import open_csv_track

    return open_csv_track(path, animal)


def _open_h5(path: Path, animal: str | None) -> Track:
    from mousepose.io.keypoints.dlc_h5 import open_h5_track

    return open_h5_track(path, animal)


def _open_parquet(path: Path, animal: str | None) -> Track:
    from mousepose.io.keypoints.table import open_parquet_track

    return open_parquet_track(path, animal)


@dataclass(frozen=True)
class Reader:
    """A format: its name, whether a file's first bytes are of it, and how to open a file of it."""

    name: str
    recognizes: Callable[[bytes], bool]
    open: Callable[[Path, str | None], Track]


READERS: tuple[Reader, ...] = (
    Reader("Parquet", lambda head: head.startswith(b"PAR1"), _open_parquet),
    Reader("DeepLabCut h5", lambda head: head.startswith(b"\x89HDF\r\n\x1a\n"), _open_h5),
    Reader(
        "DeepLabCut csv",
        lambda head: head.removeprefix(b"\xef\xbb\xbf").lstrip(b'"').startswith(b"scorer"),
        _open_csv,
    ),
)


def load_keypoints(
    path: str | Path,
    *,
    fps: float | None = None,
    animal: str | None = None,
    keypoint_names: Sequence[str] | None = None,
) -> Keypoints2D:
    """Return the tracked points of one animal from a DeepLabCut csv or h5 or a Parquet file.

    `fps` is the frame rate in frames per second: times are frame / fps. A Parquet file with its
    own `time_s` needs none. `animal` chooses among several. `keypoint_names` keeps these
    keypoints, in this order, by the names in the file. A point without x or y has NaN for both and
    confidence 0; a file without confidence has 1 at every given point.
    Raises `FileError` on a file that is none of these, cut or inconsistent, `InputError` on a
    missing `fps` or `animal`, `UnknownNameError` on unknown names.
    """
    chunks = []
    loaded = 0
    for chunk in iterate_keypoints(
        path, LOAD_FRAMES, fps=fps, animal=animal, keypoint_names=keypoint_names
    ):
        chunks.append(chunk)
        loaded += chunk.xy.nbytes + chunk.confidence.nbytes
        if loaded > MAX_LOADED_BYTES:
            raise InputError(
                f"{path} holds more than {MAX_LOADED_BYTES / 2**30:.0f} GiB of keypoints: "
                "read it in chunks with iterate_keypoints"
            )
    return joined(chunks)


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
    if fps is not None and not (np.isfinite(fps) and fps > 0):
        raise InputError(f"fps: expected a positive number of frames per second, got {fps!r}")
    if chunk_frames < 1:
        raise InputError(f"chunk_frames: expected at least 1, got {chunk_frames}")
    track = open_track(Path(path), animal)
    if fps is None and not track.has_times:
        raise InputError(
            f"{path} holds no times: give the frame rate in frames per second (fps=..., --fps)"
        )
    if keypoint_names is not None:
        track = track.keeping(keypoint_names)
    return checked(track, fps, chunk_frames)


def open_track(path: Path, animal: str | None) -> Track:
    """Return the track of one animal in the file at `path`, whichever known format it has."""
    head = _head(path)
    for reader in READERS:
        if reader.recognizes(head):
            return reader.open(path, animal)
    raise FileError(
        f"{path} is of no known format; known: {', '.join(reader.name for reader in READERS)} "
        "(a DeepLabCut csv starts with the word 'scorer')"
    )


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            head = stream.read(HEAD_BYTES)
    except OSError as error:
        raise FileError(f"{path} cannot be read: {error.strerror}") from error
    if not head:
        raise FileError(f"{path} is empty")
    return head


def joined(chunks: Sequence[Keypoints2D]) -> Keypoints2D:
    """Return consecutive chunks of one track as one."""
    first = chunks[0]
    return Keypoints2D(
        xy=np.concatenate([chunk.xy for chunk in chunks]),
        confidence=np.concatenate([chunk.confidence for chunk in chunks]),
        times=np.concatenate([chunk.times for chunk in chunks]),
        frame_numbers=np.concatenate([chunk.frame_numbers for chunk in chunks]),
        keypoint_names=first.keypoint_names,
        animal=first.animal,
    )
