"""POINTS: a segment in, the 2D keypoints of its mice out, and what the next segment goes on from.

find     mice in each frame, with what the segment before knew of the cage
follow   who is who; the last half second before the border is told again, now for good
points   the crop of each mouse through the keypoint network
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mousepose.detect.crops import Crops
from mousepose.detect.network import CropKeypoints
from mousepose.detect.types import Detections
from mousepose.errors import FileError
from mousepose.monitor.records import Event, Outcome, Segment, Task
from mousepose.monitor.stages.carry import Kept
from mousepose.monitor.stages.chain import Chain, chain_of
from mousepose.monitor.stages.happenings import Looked, is_dark
from mousepose.monitor.stages.stretch import Rows, Stretch, every_frame, joined_rows
from mousepose.monitor.stages.tables import points_table
from mousepose.monitor.stages.work import CARRY, POINTS, CageWork, Clock, Store, network_of
from mousepose.monitor.watch.pictures import last_picture
from mousepose.run.crop_points import WAITING, Finder, in_frame
from mousepose.run.film_pass import BATCH, Watched, found_in, last_frames, told_frames
from mousepose.types import Bytes, Floats, Ints
from mousepose.video import FrameState, Video, open_video

if TYPE_CHECKING:
    import pyarrow as pa

#: Frames whose points are put in order and turned into rows at once.
CHUNK = 3000
#: Frames before a border that tell the next segment where left and right were.
_SETTLED = 16


def run_points(task: Task, cage: CageWork, store: Store) -> Outcome:
    """Find the keypoints of a segment, and write the table `points` and what the next one needs.

    Raises `FileError` where the segment's file is gone, is no video or is not the one that was
    taken, `InputError` where no frame of it can be decoded.
    """
    clock, segment = Clock(), task.segment
    if not Path(segment.path).exists():
        raise FileError(f"{segment.path}: the segment is gone")
    with open_video(segment.path) as video:
        if len(video) != segment.frames:
            raise FileError(
                f"{segment.path}: has {len(video):,} frames, and had {segment.frames:,} when it "
                "was taken: it was changed since"
            )
        with clock.on("find"):
            chain = chain_of(task, cage, store, video)
        work = _Work(task, cage, chain, video, clock)
        work.run()
        with clock.on("write"):
            tables = dict(work.tables())
            written = [store.write(POINTS, segment, rows, name) for name, rows in tables.items()]
            written.append(store.write_bytes(CARRY, segment, work.carry(), ".npz"))
            picture = last_picture(segment, video, list(tables.values()), store)
            written += [] if picture is None else [picture]
        events = work.looked.events(segment, video.times, task.every)
        events += _other_size(segment, video.size, cage.camera.size)
        if chain.why and task.before is not None:
            events.append(Event(segment.cage, segment.start, "chain", f"a new track: {chain.why}"))
        return Outcome(
            segment.id, task.stage, task.token, work.looked.count(len(video)), tuple(written),
            tuple(events), dict(clock.seconds),
        )  # fmt: skip


def _other_size(segment: Segment, film: tuple[int, int], camera: tuple[int, int]) -> list[Event]:
    """Return the event of a film that is not of its camera's size; none where it is."""
    if tuple(film) == tuple(camera):
        return []
    text = (
        f"{segment.path}: pictures of {film[0]} x {film[1]} px, and the camera's file is of "
        f"{camera[0]} x {camera[1]} px: its poses are wrong or none; give the camera of this film, "
        "calibrated in its size"
    )
    return [Event(segment.cage, segment.start, "size", text, "error")]


class _Work:
    """One segment on its way: frames are looked at, followed, cut out, and become rows."""

    def __init__(
        self, task: Task, cage: CageWork, chain: Chain, video: Video, clock: Clock
    ) -> None:
        self.looked = Looked()
        self._task, self._cage, self._chain, self._video = task, cage, chain, video
        self._clock, self._times = clock, chain.times(video)
        self._model: Finder = network_of(cage.network, cage.network.stat().st_mtime)
        self._foreign = len(chain.waiting)  #: batches of the segment before that still wait
        self._tail: tuple[Rows, ...] = ()
        #: the newest rows of each mouse: they tell where left and right were
        self._newest: tuple[Rows, ...] = ()
        if chain.before is not None and _same_names(chain.before.settled, self._model):
            self._newest = chain.before.settled
        self._written = 0  #: frames that are rows already
        self._parts: dict[str, list[pa.Table]] = {}
        self._kept: tuple[Kept, ...] = ()
        self._tracker: dict[str, Any] = {}

    def run(self) -> None:
        """Go through all frames."""
        workers = max(self._cage.threads, 1)
        tail, part = Stretch(), Stretch()
        with ThreadPoolExecutor(workers) as network:

            def look(places: Crops, crops: Bytes, who: Ints) -> Future[CropKeypoints]:
                return network.submit(in_frame, self._model, places, crops, who, self._cage.view)

            for watched in self._watched():
                if self._foreign:
                    self._foreign -= 1
                    tail.add(watched, self._model.size, look)
                    if not self._foreign:
                        self._tell_again(tail)
                    continue
                self.looked.add(watched)
                part.add(watched, self._model.size, look)
                with self._clock.on("network"):
                    part.points.wait(workers + WAITING)
                last = int(watched.numbers[-1])
                if last // CHUNK < (last + self._task.every) // CHUNK:
                    self._settle(part, min(last + self._task.every, len(self._video)))
                    part = Stretch()
            self._settle(part, len(self._video))

    def tables(self) -> Iterator[tuple[str, pa.Table]]:
        """Yield the name of each mouse and its table, a row for every frame."""
        import pyarrow as pa

        for mouse, parts in self._parts.items():
            yield mouse, pa.concat_tables(parts)

    def carry(self) -> bytes:
        """Return what the next segment needs."""
        first = min((int(kept.numbers[0]) for kept in self._kept if kept.own), default=None)
        stop = len(self._video) if first is None else first
        settled = [rows.before(self._chain.frames + stop, _SETTLED) for rows in self._newest]
        return self._chain.left(
            self._video, self._task.every, self._kept, self._tracker, settled, self._tail
        ).to_bytes()

    def _watched(self) -> Iterator[Watched]:
        """Yield frames with who is where, those of the segment before first."""
        chain = self._chain
        yield from told_frames(chain.tracker, self._found(), chain.waiting)
        self._kept = chain.kept_back(self._times, len(chain.waiting) - self._foreign)
        self._tracker = chain.tracker.save()
        yield from last_frames(chain.tracker, chain.waiting)

    def _found(self) -> Iterator[tuple[Watched, list[Detections]]]:
        """Yield the frames that are looked at, and what is found in each."""
        numbers = self._chain.numbers(self._video, self._task.every)
        batches = self._video.batches(BATCH, numbers.start, None, numbers.step, within=CHUNK)
        while True:
            with self._clock.on("decode"):
                batch = next(batches, None)
            if batch is None:
                return
            with self._clock.on("find"):
                found = found_in(self._chain.finder, batch.images, batch.states)
                dark = is_dark(batch.images) & (batch.states < FrameState.DAMAGED)
            self.looked.dark.append(dark)
            yield Watched(batch.numbers, batch.images, batch.states), found

    def _tell_again(self, tail: Stretch) -> None:
        """Keep the final points of the end of the segment before."""
        before = self._chain.before
        if before is None or not len(tail.numbers):
            return
        own = [kept for kept in before.kept if kept.own]
        times = np.concatenate([kept.times for kept in own])
        frames = np.concatenate([kept.frames for kept in own])
        with self._clock.on("network"):
            self._tail = tail.rows(self._model.names, times, frames, self._newest)
        self._newest = joined_rows(self._newest, self._tail)

    def _settle(self, part: Stretch, end: int) -> None:
        """Turn frames up to before `end` into rows."""
        begin, self._written = self._written, end
        numbers = part.numbers
        if not len(numbers):
            return
        with self._clock.on("network"):
            rows = part.rows(
                self._model.names, self._times[numbers], numbers + self._chain.frames, self._newest
            )
        within: Floats = self._video.times[begin:end]
        for own in rows:
            whole, looked = every_frame(own, self._chain.frames + begin, self._times[begin:end])
            table = points_table(self._task.segment, within, whole, looked)
            self._parts.setdefault(own.points.animal, []).append(table)
        self._newest = joined_rows(self._newest, rows)


def _same_names(rows: Sequence[Rows], model: Finder) -> bool:
    """Tell whether rows are of the keypoints that a network finds: it may be another one by now."""
    return all(one.points.keypoint_names == tuple(model.names) for one in rows)
