"""What all readers of 2D keypoints share: raw rows in, checked `Keypoints2D` of any length out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mousepose.errors import FileError, InputError, UnknownNameError
from mousepose.types import Floats, Keypoints2D

#: Trackers that sum in single precision write 1.0000001; such a confidence is taken as 1.
CONFIDENCE_SLACK = 1e-5
#: Above 2^53 a frame number is no longer exact as a float64.
MAX_FRAME = 2.0**53


class Rows(NamedTuple):
    """Consecutive rows of one animal as the file holds them: N frames, K keypoints."""

    frames: Floats  # (N,)
    times: Floats | None  # (N,) s
    xy: Floats  # (N, K, 2) px
    confidence: Floats  # (N, K)


@dataclass(frozen=True)
class Track:
    """One animal of a tracker's file, its rows still unread.

    `row_word` and `first_row` say how a message counts the rows: "line" 4 on, "row" 0 on.
    """

    path: Path
    animal: str
    keypoint_names: tuple[str, ...]
    rows: Iterator[Rows]
    has_times: bool = False
    row_word: str = "row"
    first_row: int = 0

    def keeping(self, names: Sequence[str]) -> Track:
        """Return the track with only the keypoints `names`, in that order."""
        for name in names:
            if name not in self.keypoint_names:
                raise UnknownNameError.of(f"keypoint of {self.path}", name, self.keypoint_names)
        kept = [self.keypoint_names.index(name) for name in names]
        rows = (r._replace(xy=r.xy[:, kept], confidence=r.confidence[:, kept]) for r in self.rows)
        return replace(self, keypoint_names=tuple(names), rows=rows)


def choose_animal(path: Path, animals: Sequence[str], wanted: str | None) -> str:
    """Return the animal to read: `wanted`, or the only one. Raises `InputError` otherwise."""
    if wanted is None and len(animals) == 1:
        return animals[0]
    if wanted is None:
        raise InputError(
            f"{path} holds {len(animals)} animals: {', '.join(animals)}; choose one (animal=...)"
        )
    if wanted not in animals:
        raise UnknownNameError.of(f"animal of {path}", wanted, animals)
    return wanted


def checked(track: Track, fps: float | None, chunk_frames: int) -> Iterator[Keypoints2D]:
    """Yield the track's frames in chunks of `chunk_frames`, each checked.

    Times are frame / `fps` s, or the file's own where `fps` is None. Raises `FileError` with all
    problems of a chunk, and on a file without frames.
    """
    last_frame, last_time, row = -np.inf, -np.inf, track.first_row
    for rows in rechunked(track.rows, chunk_frames):
        times = rows.times if fps is None else rows.frames / fps
        if times is None:
            raise InputError(f"{track.path} holds no times: give the frame rate (fps=..., --fps)")
        _refuse_problems(track, rows, times, row, last_frame, last_time)
        seen = is_given(rows.xy)
        yield Keypoints2D(
            xy=np.where(seen[..., None], rows.xy, np.nan)[:, None],
            confidence=np.where(seen, np.clip(rows.confidence, 0.0, 1.0), 0.0)[:, None],
            times=times,
            frame_numbers=rows.frames.astype(np.int64),
            keypoint_names=track.keypoint_names,
            animal=track.animal,
        )
        last_frame, last_time, row = rows.frames[-1], times[-1], row + len(times)
    if row == track.first_row:
        raise FileError(f"{track.path} holds no frames of {track.animal}: it is empty or was cut")


def _refuse_problems(
    track: Track, rows: Rows, times: Floats, row: int, last_frame: float, last_time: float
) -> None:
    """Raise `FileError` that tells each kind of problem, where it is first and how often."""
    frames, confidence = rows.frames, rows.confidence
    whole = (np.abs(frames) < MAX_FRAME) & (frames == np.floor(frames)) & (frames >= 0)
    outside = (confidence < -CONFIDENCE_SLACK) | (confidence > 1 + CONFIDENCE_SLACK)
    with np.errstate(invalid="ignore"):  # inf - inf of a broken column
        frame_step = np.diff(frames, prepend=last_frame)
        time_step = np.diff(times, prepend=last_time)
    faults = {
        "the frame number is no whole number from 0 on": ~whole,
        "the frame number does not increase": frame_step <= 0,
        "x or y is infinite": np.isinf(rows.xy).any(axis=-1),
        "the confidence lies outside 0-1": outside,
        "x and y are given without a confidence": is_given(rows.xy) & np.isnan(confidence),
    }
    if times is rows.times:  # times made from frames would only repeat the frames' faults
        faults["the time does not increase"] = ~(np.isfinite(times) & (time_step > 0))
    found = [_told(track, what, bad, row, frames) for what, bad in faults.items() if bad.any()]
    if found:
        raise FileError(f"{track.path}: " + "; ".join(found))


def _told(track: Track, what: str, bad: NDArray[np.bool_], row: int, frames: Floats) -> str:
    first = tuple(int(i) for i in np.argwhere(bad)[0])
    place = f"{track.row_word} {row + first[0]} (frame {frames[first[0]]:g})"
    if len(first) > 1:
        place += f", {track.keypoint_names[first[1]]}"
    count = int(np.count_nonzero(bad))
    return f"{what} at {place}" + (f" and {count - 1} more" if count > 1 else "")


def is_given(xy: Floats) -> NDArray[np.bool_]:
    """Tell which points (..., 2) have both coordinates."""
    return np.isfinite(xy[..., 0]) & np.isfinite(xy[..., 1])


def rechunked(pieces: Iterable[Rows], size: int) -> Iterator[Rows]:
    """Yield the same rows in pieces of exactly `size`; the last may be shorter."""
    held: list[Rows] = []
    count = 0
    for piece in pieces:
        held.append(piece)
        count += len(piece.frames)
        if count < size:
            continue
        joined, whole = _joined(held), count - count % size
        yield from (_cut(joined, start, start + size) for start in range(0, whole, size))
        held, count = [_cut(joined, whole, count)], count - whole
    if count:
        yield _joined(held)


def _cut(rows: Rows, start: int, stop: int) -> Rows:
    part = slice(start, stop)
    times = None if rows.times is None else rows.times[part]
    return Rows(rows.frames[part], times, rows.xy[part], rows.confidence[part])


def _joined(pieces: Sequence[Rows]) -> Rows:
    if len(pieces) == 1:
        return pieces[0]
    times = [piece.times for piece in pieces if piece.times is not None]
    return Rows(
        np.concatenate([piece.frames for piece in pieces]),
        np.concatenate(times) if times else None,
        np.concatenate([piece.xy for piece in pieces]),
        np.concatenate([piece.confidence for piece in pieces]),
    )
