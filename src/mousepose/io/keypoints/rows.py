"""What all readers of 2D keypoints share: raw rows in, checked `Keypoints2D` of any length out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
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
#: The confidence of a point that a person marked although it was hidden: a guess, not a sight.
HIDDEN_CONFIDENCE = 0.5
#: What the one animal of a file without names is called.
ONLY_ANIMAL = "animal0"
#: A file that claims to hold more animals or body parts than this holds something else.
MAX_ANIMALS = 1000
MAX_KEYPOINTS = 1000


class Rows(NamedTuple):
    """Consecutive rows of one animal as the file holds them: N frames, K keypoints."""

    frames: Floats  # (N,)
    times: Floats | None  # (N,) s
    xy: Floats  # (N, K, 2) px
    confidence: Floats  # (N, K)
    covariance: Floats | None = None  # (N, K, 2, 2) px^2


@dataclass(frozen=True)
class Track:
    """One animal of a tracker's file, its rows still unread.

    `fps` is the frame rate that the file itself states, `frames` the number of frames where its
    header says it. `row_word` and `first_row` say how a message counts the rows: "line" 4 on,
    "row" 0 on.
    """

    path: Path
    animal: str
    keypoint_names: tuple[str, ...]
    rows: Iterator[Rows]
    has_times: bool = False
    row_word: str = "row"
    first_row: int = 0
    fps: float | None = None
    frames: int | None = None

    def keeping(self, names: Sequence[str]) -> Track:
        """Return the track with only the keypoints `names`, in that order."""
        for name in names:
            if name not in self.keypoint_names:
                raise UnknownNameError.of(f"keypoint of {self.path}", name, self.keypoint_names)
        kept = [self.keypoint_names.index(name) for name in names]
        rows = (
            r._replace(
                xy=r.xy[:, kept],
                confidence=r.confidence[:, kept],
                covariance=None if r.covariance is None else r.covariance[:, kept],
            )
            for r in self.rows
        )
        return replace(self, keypoint_names=tuple(names), rows=rows)


@dataclass(frozen=True)
class TrackFile:
    """A tracker's file, its header read: the animals in it, and how to open the track of one.

    `objects` are tracks that are no animals (corners of the arena); they open by name only.
    """

    path: Path
    animals: tuple[str, ...]
    open: Callable[[str], Track]
    objects: tuple[str, ...] = ()

    def track(self, animal: str | None) -> Track:
        """Return the track of `animal`, or of the only one. Raises `InputError` otherwise."""
        if animal in self.objects:
            return self.open(animal)
        return self.open(choose_animal(self.path, self.animals, animal))


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


def names_of_parts(path: Path, names: Sequence[str]) -> tuple[str, ...]:
    """Return the keypoint names as a tuple. Raises `FileError` on none, repeated or too many."""
    if not 0 < len(names) <= MAX_KEYPOINTS:
        raise FileError(
            f"{path} holds {len(names)} body parts; expected 1 to {MAX_KEYPOINTS} of them"
        )
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise FileError(f"{path}: body parts named twice: {', '.join(repeated)}")
    return tuple(names)


def names_of_animals(path: Path, names: Sequence[str]) -> tuple[str, ...]:
    """Return the animals' names made distinct ("mouse", "mouse#2"), `ONLY_ANIMAL` for one unnamed.

    Raises `FileError` on none or too many.
    """
    if not 0 < len(names) <= MAX_ANIMALS:
        raise FileError(f"{path} holds {len(names)} animals; expected 1 to {MAX_ANIMALS} of them")
    found: dict[str, None] = {}
    for number, given in enumerate(names):
        name = given or (ONLY_ANIMAL if len(names) == 1 else f"animal{number}")
        copy = 1
        unique = name
        while unique in found:
            copy += 1
            unique = f"{name}#{copy}"
        found[unique] = None
    return tuple(found)


def checked(track: Track, fps: float | None, chunk_frames: int) -> Iterator[Keypoints2D]:
    """Yield the track's frames in chunks of `chunk_frames`, each checked.

    Times are frame / `fps` s; where `fps` is None the file's own times or frame rate are used.
    Raises `FileError` with all problems of a chunk, and on a file without frames.
    """
    rate = track.fps if fps is None and not track.has_times else fps
    last_frame, last_time, row = -np.inf, -np.inf, track.first_row
    for rows in rechunked(track.rows, chunk_frames):
        times = rows.times if rate is None else rows.frames / rate
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
            covariance=_seen_covariance(rows.covariance, seen),
        )
        last_frame, last_time, row = rows.frames[-1], times[-1], row + len(times)
    if row == track.first_row:
        raise FileError(f"{track.path} holds no frames of {track.animal}: it is empty or was cut")


def _seen_covariance(covariance: Floats | None, seen: NDArray[np.bool_]) -> Floats | None:
    if covariance is None:
        return None
    return np.where(seen[..., None, None], covariance, np.nan)[:, None]


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
    seen = is_given(rows.xy)
    faults = {
        "the frame number is no whole number from 0 on": ~whole,
        "the frame number does not increase": frame_step <= 0,
        "x or y is infinite": np.isinf(rows.xy).any(axis=-1),
        "the confidence lies outside 0-1": outside,
        "x and y are given without a confidence": seen & np.isnan(confidence),
    }
    if rows.covariance is not None:
        faults["x and y are given without a variance above 0"] = seen & ~_is_spread(rows.covariance)
    if times is rows.times:  # times made from frames would only repeat the frames' faults
        faults["the time does not increase"] = ~(np.isfinite(times) & (time_step > 0))
    found = [_told(track, what, bad, row, frames) for what, bad in faults.items() if bad.any()]
    if found:
        raise FileError(f"{track.path}: " + "; ".join(found))


def _is_spread(covariance: Floats) -> NDArray[np.bool_]:
    """Tell which 2 x 2 matrices are covariances of a point in the plane."""
    with np.errstate(invalid="ignore", over="ignore"):
        variance = np.diagonal(covariance, axis1=-2, axis2=-1)
        narrow = covariance[..., 0, 1] ** 2 < variance.prod(axis=-1)
        return np.asarray((np.isfinite(variance) & (variance > 0)).all(axis=-1) & narrow)


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


def sure_where_silent(confidence: Floats, xy: Floats) -> Floats:
    """Return `confidence` in 0-1, with 1 where a tracker gives a point and says nothing of it.

    For formats in which points set by hand carry NaN, and scores are peaks of a map that may
    exceed 1.
    """
    silent = np.isnan(confidence) & is_given(xy)
    return np.clip(np.where(silent, 1.0, confidence), 0.0, 1.0)


def by_visibility(path: Path, xy: Floats, visibility: Floats) -> tuple[Floats, Floats]:
    """Return the points and confidences that the marks 0, 1, 2 of COCO mean.

    0 is not marked (NaN), 1 marked though hidden (`HIDDEN_CONFIDENCE`), 2 seen (1). A point
    without any mark counts as seen. Raises `FileError` on other numbers.
    """
    wrong = ~(np.isnan(visibility) | np.isin(visibility, (0, 1, 2)))
    if wrong.any():
        raise FileError(
            f"{path}: expected 0, 1 or 2 as visibility, got {visibility[wrong][0]:g}; "
            "a confidence is no visibility"
        )
    points = np.where((visibility == 0)[..., None], np.nan, xy)
    return points, np.where(visibility == 1, HIDDEN_CONFIDENCE, 1.0)


def rate_of(value: object) -> float | None:
    """Return a stated frame rate in frames per second, None where it is none."""
    if isinstance(value, bool) or not isinstance(value, int | float | np.number):
        return None
    rate = float(value)
    return rate if np.isfinite(rate) and rate > 0 else None


def variances(x: Floats, y: Floats) -> Floats:
    """Return covariances (..., 2, 2) of points whose x and y vary on their own."""
    return np.stack([x, np.zeros_like(x), np.zeros_like(x), y], axis=-1).reshape(*x.shape, 2, 2)


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
    times, covariance = rows.times, rows.covariance
    return Rows(
        rows.frames[part],
        None if times is None else times[part],
        rows.xy[part],
        rows.confidence[part],
        None if covariance is None else covariance[part],
    )


def _joined(pieces: Sequence[Rows]) -> Rows:
    if len(pieces) == 1:
        return pieces[0]
    times = [piece.times for piece in pieces if piece.times is not None]
    covariances = [piece.covariance for piece in pieces if piece.covariance is not None]
    return Rows(
        np.concatenate([piece.frames for piece in pieces]),
        np.concatenate(times) if times else None,
        np.concatenate([piece.xy for piece in pieces]),
        np.concatenate([piece.confidence for piece in pieces]),
        np.concatenate(covariances) if covariances else None,
    )
