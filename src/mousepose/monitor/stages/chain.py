"""The state of finding and following mice, from segment to segment of one chain.

A chain is a run of segments without a gap, of pictures of one size and rate. Its first segment
learns how to find mice; each next one goes on where the one before ended.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from mousepose.detect.track import Tracker
from mousepose.errors import FileError, InputError
from mousepose.monitor.records import Task
from mousepose.monitor.stages.carry import Carry, Kept
from mousepose.monitor.stages.stretch import Rows
from mousepose.monitor.stages.work import CARRY, CageWork, Store, inputs_of
from mousepose.run.film_pass import Watched
from mousepose.run.mouse_finder import Finder, chosen_finder, remembered, restored_finder
from mousepose.types import Bytes, Floats, Ints
from mousepose.video import FrameState, Video, open_video

#: Frame rates that differ by more than this share are two rates.
_SAME_RATE = 0.01
#: Digits of a frame rate that mean something: sums of times leave the last ones to chance.
_DIGITS = 6


@dataclass(eq=False)
class Chain:
    """How a segment begins: `frames` of the chain before it, which lasted `elapsed` s.

    `waiting` are frames of the segment before that are not told yet, `kept` what was known of them
    and `before` all that it left; `why` says why a new chain began, "" where it goes on.
    """

    finder: Finder
    tracker: Tracker
    frames: int = 0
    elapsed: float = 0.0
    before: Carry | None = None
    waiting: deque[Watched] = field(default_factory=deque)
    why: str = ""

    def numbers(self, video: Video, every: int) -> range:
        """Return which frames of a video are looked at: every n-th of the chain."""
        return range(-self.frames % every, len(video), every)

    def times(self, video: Video) -> Floats:
        """Return the times (T,) s of all frames of a video, from the chain's first frame on."""
        return np.asarray(self.elapsed + video.times)

    def kept_back(self, times: Floats, own: int) -> tuple[Kept, ...]:
        """Return the frames that wait now, of which the last `own` batches are of this segment.

        `times` (T,) s are those of its frames. Of the other batches nothing is kept but how many
        frames they have.
        """
        foreign = len(self.waiting) - own
        found = []
        for place, one in enumerate(self.waiting):
            mine = place >= foreign
            at = times[one.numbers] if mine else np.zeros(len(one.numbers))
            found.append(Kept(one.numbers, one.numbers + self.frames, at, list(one.mice), mine))
        return tuple(found)

    def left(
        self, video: Video, every: int, kept: tuple[Kept, ...], tracker: dict[str, object],
        settled: Sequence[Rows], tail: Sequence[Rows],
    ) -> Carry:  # fmt: skip
        """Return what the next segment needs; see `Carry`."""
        step = video.index.interval if len(video) > 1 else 1 / 30
        return Carry(
            video.size, round(video.fps, _DIGITS), every, self.frames + len(video),
            float(self.elapsed + video.times[-1] + step), remembered(self.finder), tracker, kept,
            tuple(settled), tuple(tail),
        )  # fmt: skip


def chain_of(task: Task, cage: CageWork, store: Store, video: Video) -> Chain:
    """Return how the task's segment begins: as the one before ended, or anew.

    Raises `InputError` where mice cannot be sought in the video.
    """
    carry, why = _left_before(task, cage, store, video)
    fps = round(video.fps, _DIGITS) / task.every
    if carry is None:
        finder = chosen_finder(cage.search, video, _silent)
        return Chain(finder, Tracker(cage.animals, fps), why=why)
    finder = restored_finder(cage.search, carry.finder)
    chain = Chain(finder, Tracker(cage.animals, fps), carry.frames, carry.elapsed, carry)
    if carry.every != task.every:
        chain.tracker.go_on_from(Tracker.restored(carry.tracker))
        return chain
    chain.tracker = Tracker.restored(carry.tracker)
    assert task.before is not None
    chain.waiting = _waiting(Path(task.before.path), carry.kept)
    return chain


def _left_before(
    task: Task, cage: CageWork, store: Store, video: Video
) -> tuple[Carry | None, str]:
    """Return what the segment before left, or None and why nothing goes on."""
    if task.before is None:
        return None, "nothing joins it before"
    files = inputs_of(task, task.before, CARRY)
    if not files:
        return None, "the segment before left nothing"
    carry = Carry.of_bytes(store.read_bytes(files[0]))
    if carry.size != video.size:
        before, now = ("{} x {} px".format(*size) for size in (carry.size, video.size))
        return None, f"the pictures were {before} and are {now}"
    if carry.tracker["animals"] != cage.animals:
        return None, f"the cage had {carry.tracker['animals']} mice and has {cage.animals}"
    if abs(video.fps / carry.fps - 1) > _SAME_RATE:
        return None, f"the frame rate was {carry.fps:.4g}/s and is {video.fps:.4g}/s"
    return carry, ""


def _waiting(path: Path, kept: Sequence[Kept]) -> deque[Watched]:
    """Return frames that were kept back, with their pictures as long as the file is there."""
    own = np.concatenate([one.numbers for one in kept if one.own] or [np.zeros(0, np.int64)])
    shown = _pictures(path, own)
    waiting: deque[Watched] = deque()
    place = 0
    for one in kept:
        images, states = None, np.full(len(one.numbers), FrameState.OK, np.uint8)
        if one.own and shown is not None:
            part = slice(place, place + len(one.numbers))
            images, states = shown[0][part], shown[1][part]
        place += len(one.numbers) if one.own else 0
        waiting.append(Watched(one.numbers, images, states, list(one.mice)))
    return waiting


def _pictures(path: Path, numbers: Ints) -> tuple[Bytes, Bytes] | None:
    """Return the pictures and states of frames, None where they cannot be read any more."""
    try:
        with open_video(path) as video:
            frames = list(video.at(numbers.tolist()))
    except (FileError, InputError):
        return None
    if not frames:
        return None
    states = np.array([frame.state for frame in frames], np.uint8)
    return np.stack([frame.image for frame in frames]), states


def _silent(stage: str, done: int, total: int) -> None:
    """Report to nobody: a stage of a segment is short."""
