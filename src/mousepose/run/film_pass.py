"""One pass over a film: every frame is decoded once, and told with who is where in it.

learn     the background, from frames spread over the film (`run/mouse_finder.py`)
find      mice in each frame, as it is decoded
follow    who is who; half a second later it is known whether a mouse was only hidden
tell      the frames of a batch together with their mice, while their pictures are still there

What was found is kept in parts. A resumed pass reads it instead of finding it again, decodes only
what is asked for, and tells the same as one that was never interrupted.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import numpy as np

from mousepose.detect.track import TrackedFrame, Tracker
from mousepose.detect.types import Detections
from mousepose.run.mouse_finder import (
    Finder,
    Search,
    chosen_finder,
    remembered,
    restored_finder,
)
from mousepose.run.track_table import read_detections, read_detector, write_detections
from mousepose.types import Bytes, Floats, Ints, Progress
from mousepose.video import FrameState, Video

#: Frames that are looked at together.
BATCH = 32


@dataclass(frozen=True, eq=False)
class Watched:
    """Frames one after another, with who is where: `mice` of each of `numbers` (N,).

    `images` (N, H, W) are None where they were not decoded or are not wanted; `states` (N,) are
    `FrameState`.
    """

    numbers: Ints
    images: Bytes | None
    states: Bytes
    mice: list[TrackedFrame] = field(default_factory=list)

    @property
    def boxes(self) -> Floats:
        """Return where each mouse is, (N, A, 4) px, NaN where it is absent."""
        return np.stack([frame.boxes for frame in self.mice])


@dataclass(frozen=True, eq=False)
class FilmPass:
    """How to go through a film: what is sought, `chunk` frames a part, where parts are kept.

    `part` gives the path of the part of a number. Where `pictures` are wanted, frames from number
    `first` on, a multiple of `chunk`, come with theirs. `stage` is what progress is called.
    """

    search: Search
    chunk: int
    part: Callable[[int], Path]
    first: int = 0
    pictures: bool = True
    stage: str = "finding mice"

    def known(self, video: Video) -> int:
        """Return the number of frames in parts that are done."""
        parts = 0
        while parts * self.chunk < len(video) and self.part(parts).exists():
            parts += 1
        return min(parts * self.chunk, len(video))

    def watch(self, video: Video, progress: Progress) -> Iterator[Watched]:
        """Yield all frames of a video in their order. Raises `InputError` as `chosen_finder`."""
        tracker = Tracker(self.search.animals, video.fps)
        waiting: deque[Watched] = deque()
        yield from told_frames(tracker, self._found(video, progress), waiting)
        yield from last_frames(tracker, waiting)

    def _found(
        self, video: Video, progress: Progress
    ) -> Iterator[tuple[Watched, list[Detections]]]:
        """Yield frames, their mice still to come, and what was found in each."""
        known = self.known(video)
        start = min(self.first, known) if self.pictures else known
        stored = self._stored(known)
        for first in range(0, start, self.chunk):
            numbers = np.arange(first, min(first + self.chunk, start))
            yield _unseen(numbers), list(islice(stored, len(numbers)))
            progress("passing parts that are done", int(numbers[-1]) + 1, len(video))
        finder = self._finder(video, known, progress) if known < len(video) else None
        of_part: list[Detections] = []
        for batch in video.batches(BATCH, start, within=self.chunk):
            last = int(batch.numbers[-1]) + 1
            if finder is None or last <= known:
                found = list(islice(stored, len(batch)))
            else:
                found = found_in(finder, batch.images, batch.states)
                of_part += found
                if last % self.chunk == 0 or last == len(video):
                    number = (last - 1) // self.chunk
                    path, begin = self.part(number), number * self.chunk
                    write_detections(path, begin, of_part, remembered(finder))
                    of_part = []
            images = batch.images if self.pictures else None
            yield Watched(batch.numbers, images, batch.states), found
            progress(self.stage, last, len(video))

    def _stored(self, known: int) -> Iterator[Detections]:
        for number in range(-(-known // self.chunk)):
            yield from read_detections(self.part(number))

    def _finder(self, video: Video, known: int, progress: Progress) -> Finder:
        if not known:
            return chosen_finder(self.search, video, progress)
        return restored_finder(self.search, read_detector(self.part(known // self.chunk - 1)))


def _unseen(numbers: Ints) -> Watched:
    return Watched(numbers, None, np.full(len(numbers), FrameState.OK, np.uint8))


def told_frames(
    tracker: Tracker,
    found: Iterable[tuple[Watched, list[Detections]]],
    waiting: deque[Watched],
) -> Iterator[Watched]:
    """Yield frames as soon as it is known who is where in all of them.

    `found` gives frames, their mice still to come, and what was found in each. Those that the
    tracker still keeps back stay in `waiting`: tell them with `last_frames`, or go on later.
    """
    for batch, of_each in found:
        waiting.append(batch)
        for one in of_each:
            told = tracker.push(one)
            if told is not None and (whole := _add(told, waiting)) is not None:
                yield whole


def last_frames(tracker: Tracker, waiting: deque[Watched]) -> Iterator[Watched]:
    """Yield the frames that were kept back: nothing comes after them."""
    for told in tracker.finish():
        if (whole := _add(told, waiting)) is not None:
            yield whole


def _add(told: TrackedFrame, waiting: deque[Watched]) -> Watched | None:
    """Give the oldest waiting frames their next mice; return them once they have all."""
    waiting[0].mice.append(told)
    return waiting.popleft() if len(waiting[0].mice) == len(waiting[0].numbers) else None


def found_in(finder: Finder, images: Bytes, states: Bytes) -> list[Detections]:
    """Return what is found in each frame, nothing in those that are damaged."""
    whole = states < FrameState.DAMAGED
    seen = iter(finder.detect(images if whole.all() else images[whole]))
    return [next(seen) if good else Detections.none() for good in whole]
