"""Frames in batches that a thread decodes ahead, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from queue import Full, Queue
from threading import Event, Thread
from typing import TYPE_CHECKING

import numpy as np

from mousepose.video.types import Batch

if TYPE_CHECKING:
    from mousepose.video.reader import Video

#: Bytes that the images of a batch may take.
_MOST_BYTES = 1 << 26
#: s between two looks of the thread at whether it is still wanted.
_LOOK = 0.1


def read_ahead(
    video: Video, numbers: Sequence[int], size: int, colour: bool, ahead: int, within: int
) -> Iterator[Batch]:
    """Yield frames of a video in batches of up to `size`; at most `ahead` of them wait.

    No batch has frames on both sides of a multiple of `within`, where that is not 0. The thread
    ends with the iterator, also where that is left early; its error is raised here.
    """
    width, height = video.size
    fit = max(1, _MOST_BYTES // (width * height * (3 if colour else 1)))
    size = max(1, min(size, fit))
    ready: Queue[Batch | BaseException | None] = Queue(maxsize=max(1, ahead))
    stopped = Event()
    pieces = _pieces(numbers, size, within)
    thread = Thread(
        target=_decode, args=(video.again(), pieces, colour, ready, stopped), daemon=True
    )
    thread.start()
    try:
        while (batch := ready.get()) is not None:
            if isinstance(batch, BaseException):
                raise batch
            yield batch
    finally:
        stopped.set()
        thread.join()


def _pieces(numbers: Sequence[int], size: int, within: int) -> Iterator[Sequence[int]]:
    """Yield the numbers of each batch."""
    start = 0
    while start < len(numbers):
        stop = min(start + size, len(numbers))
        if within:
            part = numbers[start] // within
            while numbers[stop - 1] // within != part:
                stop -= 1
        yield numbers[start:stop]
        start = stop


def _decode(
    video: Video,
    pieces: Iterator[Sequence[int]],
    colour: bool,
    ready: Queue[Batch | BaseException | None],
    stopped: Event,
) -> None:
    try:
        with video:
            for numbers in pieces:
                if not _put(ready, _batch(video, numbers, colour), stopped):
                    return
        _put(ready, None, stopped)
    except BaseException as error:  # noqa: BLE001 - it is raised where the frames are used
        _put(ready, error, stopped)


def _batch(video: Video, numbers: Sequence[int], colour: bool) -> Batch:
    width, height = video.size
    shape = (len(numbers), height, width, 3) if colour else (len(numbers), height, width)
    images, states = np.empty(shape, np.uint8), np.empty(len(numbers), np.uint8)
    for place, frame in enumerate(video.at(numbers, colour=colour, into=images)):
        states[place] = frame.state
    chosen = np.array(numbers, np.int64)
    return Batch(chosen, video.times[chosen], images, states)


def _put(
    ready: Queue[Batch | BaseException | None],
    batch: Batch | BaseException | None,
    stopped: Event,
) -> bool:
    """Hand a batch over, unless nobody waits for it any more."""
    while not stopped.is_set():
        try:
            ready.put(batch, timeout=_LOOK)
            return True
        except Full:
            continue
    return False
