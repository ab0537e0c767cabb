"""What every writer takes: each animal as a stream of numbers, of points in images or in space.

A writer sees pieces of consecutive frames, so a file of any length goes through in flat memory.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, NamedTuple, TypeVar

import numpy as np

from mousepose import __version__
from mousepose.errors import InputError
from mousepose.types import Floats, Ints, Keypoints2D

#: What is known of each keypoint in an image, in this order; the last three only where known.
IMAGE_CHANNELS = ("x", "y", "confidence")
IMAGE_COVARIANCE = ("cov_xx", "cov_xy", "cov_yy")
#: Units of what is known of points in an image.
IMAGE_UNITS = {"position": "px", "covariance": "px^2", "time": "s"}
#: Formats whose first row is frame 0 have a row for every frame; no video has more than this.
MAX_DENSE_FRAMES = 100_000_000
#: Formats that are written at once must fit into memory.
MAX_BYTES_AT_ONCE = 8 * 2**30
#: Times (s) of one frame that differ by more than this are two times.
SAME_TIME = 1e-6

T = TypeVar("T")


class Piece(NamedTuple):
    """Consecutive frames of one animal: N frames, K keypoints, D channels."""

    frames: Ints  # (N,)
    times: Floats  # (N,) s
    values: Floats  # (N, K, D)


class Block(NamedTuple):
    """Consecutive frames of A animals; NaN where an animal has no such frame, point or channel."""

    frames: Ints  # (N,)
    times: Floats  # (N,) s
    values: Floats  # (N, A, K, D)


@dataclass(frozen=True)
class Again(Generic[T]):
    """What can be gone through any number of times: each time `begin` starts anew."""

    begin: Callable[[], Iterator[T]]

    def __iter__(self) -> Iterator[T]:
        return self.begin()


@dataclass(frozen=True)
class Stream:
    """One animal on its way into a file: its name, its keypoints, its frames in pieces.

    `channels` name the D numbers of each keypoint. `pieces` can be gone through more than once.
    Where `has_times` is False nothing is known of the frame rate and the times are frame numbers.
    `about` is said of the animal in files that can hold it: plain data.
    """

    animal: str
    keypoint_names: tuple[str, ...]
    channels: tuple[str, ...]
    pieces: Iterable[Piece]
    has_times: bool = True
    about: Mapping[str, Any] = field(default_factory=dict)


def keypoint_stream(
    chunks: Iterable[Keypoints2D],
    *,
    has_times: bool = True,
    about: Mapping[str, Any] | None = None,
) -> Stream:
    """Return the stream of one animal's chunks, which can be gone through more than once.

    Raises `InputError` on more than one camera.
    """
    first = next(iter(chunks))
    cameras = first.xy.shape[1]
    if cameras != 1:
        raise InputError(f"a file holds the points of one camera; got {cameras}: write one each")
    uncertain = first.covariance is not None
    return Stream(
        first.animal,
        first.keypoint_names,
        IMAGE_CHANNELS + (IMAGE_COVARIANCE if uncertain else ()),
        Again(lambda: (_image_piece(chunk, uncertain) for chunk in chunks)),
        has_times,
        about or {},
    )


def _image_piece(chunk: Keypoints2D, uncertain: bool) -> Piece:
    parts = [chunk.xy[:, 0], chunk.confidence[:, 0, :, None]]
    if uncertain:
        if chunk.covariance is None:
            raise InputError(f"{chunk.animal}: only some of the chunks have a covariance")
        parts.append(chunk.covariance[:, 0, :, [0, 0, 1], [0, 1, 1]].transpose(1, 2, 0))
    return Piece(chunk.frame_numbers, chunk.times, np.concatenate(parts, axis=-1))


def united(lists: Iterable[Sequence[str]]) -> tuple[str, ...]:
    """Return all names of some lists, each once, in the order in which they first come."""
    return tuple(dict.fromkeys(name for names in lists for name in names))


def blocks(streams: Sequence[Stream]) -> Iterator[Block]:
    """Yield the frames of all animals side by side, in order, over their united keypoints.

    Raises `InputError` where two animals give one frame different times.
    """
    if len(streams) == 1:
        for piece in streams[0].pieces:
            if len(piece.frames):
                yield Block(piece.frames, piece.times, piece.values[:, None])
        return
    names = united(stream.keypoint_names for stream in streams)
    channels = united(stream.channels for stream in streams)
    keypoints = [_places(stream.keypoint_names, names) for stream in streams]
    numbers = [_places(stream.channels, channels) for stream in streams]
    for pieces in _in_step([stream.pieces for stream in streams]):
        frames = np.unique(np.concatenate([piece.frames for piece in pieces.values()]))
        times = np.full(len(frames), np.nan)
        values = np.full((len(frames), len(streams), len(names), len(channels)), np.nan)
        for index, piece in pieces.items():
            rows = np.searchsorted(frames, piece.frames)
            _refuse_two_times(streams[index].animal, piece, times[rows])
            times[rows] = piece.times
            of_animal = np.full((len(rows), *values.shape[2:]), np.nan)
            of_animal[:, keypoints[index][:, None], numbers[index]] = piece.values
            values[rows, index] = of_animal
        yield Block(frames, times, values)


def _places(names: Sequence[str], among: Sequence[str]) -> Ints:
    return np.array([among.index(name) for name in names], dtype=np.int64)


def _in_step(tracks: Sequence[Iterable[Piece]]) -> Iterator[dict[int, Piece]]:
    """Yield pieces by the track's index, cut so that no later piece begins before they end."""
    iterators = [iter(track) for track in tracks]
    held: dict[int, Piece] = {}
    while True:
        for index, iterator in enumerate(iterators):
            if index not in held:
                piece = next((piece for piece in iterator if len(piece.frames)), None)
                if piece is not None:
                    held[index] = piece
        if not held:
            return
        until = min(piece.frames[-1] for piece in held.values())
        ready = {}
        for index, piece in list(held.items()):
            count = int(np.searchsorted(piece.frames, until, side="right"))
            if count:
                ready[index] = _rows(piece, slice(None, count))
            if count == len(piece.frames):
                del held[index]
            else:
                held[index] = _rows(piece, slice(count, None))
        yield ready


def _rows(piece: Piece, rows: slice) -> Piece:
    return Piece(piece.frames[rows], piece.times[rows], piece.values[rows])


def _refuse_two_times(animal: str, piece: Piece, known: Floats) -> None:
    differ = np.flatnonzero(np.abs(piece.times - known) > SAME_TIME)
    if len(differ):
        first = differ[0]
        raise InputError(
            f"frame {piece.frames[first]} of {animal} is at {piece.times[first]:g} s, that of "
            f"another animal at {known[first]:g} s: write one file for each animal"
        )


def whole(path: Path, streams: Sequence[Stream]) -> Block:
    """Return all frames of all animals. Raises `InputError` where they are none or too many."""
    found, size = [], 0
    for block in blocks(streams):
        found.append(block)
        size += block.values.nbytes
        if size > MAX_BYTES_AT_ONCE:
            raise InputError(
                f"{path}: this format is written at once, and the tracks need more than "
                f"{MAX_BYTES_AT_ONCE / 2**30:.0f} GiB: write Parquet or csv, or fewer frames"
            )
    if not found:
        raise no_frames(path)
    return Block(*(np.concatenate(arrays) for arrays in zip(*found, strict=True)))


def no_frames(path: Path) -> InputError:
    """Return the error of a file that would hold nothing."""
    return InputError(f"{path}: no frames were given, so nothing is written")


def dense_windows(path: Path, block: Block, size: int) -> Iterator[tuple[int, Block]]:
    """Yield the block's frames as runs without gaps, each with its first frame.

    Runs have at most `size` frames and begin at multiples of it; frames that are not there are
    NaN. Raises `InputError` on frame numbers that no video has.
    """
    last = int(block.frames[-1])
    if last >= MAX_DENSE_FRAMES:
        raise InputError(
            f"{path}: this format has a row for every frame from 0 on, and the last is frame "
            f"{last:,}; write Parquet or csv, or number the frames from 0"
        )
    windows = block.frames // size
    for window in np.unique(windows):
        rows = np.flatnonzero(windows == window)
        first = int(block.frames[rows[0]])
        count = int(block.frames[rows[-1]]) - first + 1
        place = block.frames[rows] - first
        times = np.full(count, np.nan)
        values = np.full((count, *block.values.shape[1:]), np.nan)
        times[place], values[place] = block.times[rows], block.values[rows]
        yield first, Block(np.arange(first, first + count), times, values)


def described(streams: Sequence[Stream], units: Mapping[str, str]) -> str:
    """Return what a file says of itself as JSON: software, units, and what is known of each animal.

    Raises `InputError` where that is no plain data.
    """
    document = {
        "software": f"mousepose {__version__}",
        "units": dict(units),
        "animals": {stream.animal: dict(stream.about) for stream in streams},
    }
    try:
        return json.dumps(document, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise InputError(f"what is said of an animal must be plain finite data: {error}") from error


def told_of_animals(text: Any) -> dict[str, dict[str, Any]]:
    """Return what `described` said of each animal; nothing where `text` is not of it."""
    try:
        animals = json.loads(text)["animals"]
        return {name: dict(about) for name, about in animals.items()}
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return {}
