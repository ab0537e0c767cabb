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
    video: Video, numbers: Sequence[int], size: int, colour: bool, ahead: int
) -> Iterator[Batch]:
    """Yield frames of a video in batches of up to `size`; at most `ahead` of them wait.

    The thread ends with the iterator, also where that is left early; its error is raised here.
    """
    width, height = video.size
    fit = max(1, _MOST_BYTES // (width * height * (3 if colour else 1)))
    size = max(1, min(size, fit))
    ready: Queue[Batch | BaseException | None] = Queue(maxsize=max(1, ahead))
    stopped = Event()
    thread = Thread(
        target=_decode, args=(video.again(), numbers, size, colour, ready, stopped), daemon=True
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


def _decode(
    video: Video,
    numbers: Sequence[int],
    size: int,
    colour: bool,
    ready: Queue[Batch | BaseException | None],
    stopped: Event,
) -> None:
    try:
        with video:
            for start in range(0, len(numbers), size):
                batch = _batch(video, numbers[start : start + size], colour)
                if not _put(ready, batch, stopped):
                    return
        _put(ready, None, stopped)
    except BaseException as error:  # noqa: BLE001 - it is raised where the frames are used
        _put(ready, error, stopped)


def _batch(video: Video, numbers: Sequence[int], colour: bool) -> Batch:
    width, height = video.size
    shape = (len(numbers), height, width, 3) if colour else (len(numbers), height, width)
    images, states = np.empty(shape, np.uint8), np.empty(len(numbers), np.uint8)
    for place, frame in enumerate(video.at(numbers, colour=colour)):
        images[place], states[place] = frame.image, frame.state
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
