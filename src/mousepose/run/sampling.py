"""A part of a recording that fits in memory: its first frames, or frames spread over all of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np

from mousepose.errors import InputError
from mousepose.io import iterate_keypoints
from mousepose.io.keypoints.registry import joined, open_tracks
from mousepose.types import Keypoints2D, Progress

#: A rate that stands in where a file knows none: times made with it are frame numbers.
_NO_RATE = 1.0


def first_frames_of(path: Path, count: int, animal: str | None = None) -> Keypoints2D:
    """Return up to `count` first frames of one animal; its times count where the file has some.

    Raises `FileError` for a file of no known format, `InputError` for one without frames.
    """
    track = open_tracks(path).track(animal)
    rate = None if track.has_times or track.fps is not None else _NO_RATE
    for chunk in iterate_keypoints(path, count, fps=rate, animal=animal):
        return chunk
    raise InputError(f"{path} holds no frames")


def spread_frames(chunks: Iterable[Keypoints2D], most: int, progress: Progress) -> Keypoints2D:
    """Return at most `most` frames of a recording that comes in chunks, spread over all of it.

    Memory stays flat: every second frame is dropped whenever there are too many. Raises
    `InputError` where there is no frame.
    """
    kept: list[Keypoints2D] = []
    stride, read = 1, 0
    for chunk in chunks:
        kept.append(_taken(chunk, slice(-read % stride, None, stride)))
        read += len(chunk)
        while sum(map(len, kept)) > most:
            kept, stride = [_taken(joined(kept), slice(None, None, 2))], 2 * stride
        progress("reading", read, 0)
    if read == 0:
        raise InputError("the files hold no frames")
    return joined(kept)


def _taken(keypoints: Keypoints2D, part: slice) -> Keypoints2D:
    spread = keypoints.covariance
    return replace(
        keypoints,
        xy=keypoints.xy[part],
        confidence=keypoints.confidence[part],
        times=np.asarray(keypoints.times[part]),
        frame_numbers=keypoints.frame_numbers[part],
        covariance=None if spread is None else spread[part],
    )
