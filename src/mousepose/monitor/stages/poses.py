"""POSES: the 2D keypoints of a segment and its neighbours in, the segment's 3D poses out.

Every frame is solved with `overlap` frames on both sides, also those of the neighbours, so that a
border between segments is none to the mouse.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from mousepose.errors import InputError
from mousepose.fit.setup import Animal, Setup
from mousepose.io.keypoints.registry import joined
from mousepose.method import learn_animal, solve
from mousepose.monitor.records import Outcome, Segment, Task, Written
from mousepose.monitor.stages.animal import (
    LEAST_FRAMES,
    Known,
    floor_under,
    known_animal,
    mouse_of,
)
from mousepose.monitor.stages.carry import Carry
from mousepose.monitor.stages.stretch import Rows
from mousepose.monitor.stages.tables import as_kept, points_of, poses_table
from mousepose.monitor.stages.work import (
    ANIMAL,
    CARRY,
    POINTS,
    POSES,
    CageWork,
    Clock,
    Store,
    inputs_of,
)
from mousepose.run.keypoint_files import cut
from mousepose.run.residuals import reprojection_residuals
from mousepose.run.streaming import LEARNED_FRAMES
from mousepose.sequence import slice_sequence
from mousepose.types import Floats, Keypoints2D, PoseSequence

if TYPE_CHECKING:
    import pyarrow as pa

#: Frames that are solved and turned into rows at once.
CHUNK = 6000


def run_poses(task: Task, cage: CageWork, store: Store) -> Outcome:
    """Solve the poses of a segment and write the table `poses`, and animals that it shows first.

    A mouse of which nothing is known yet and that no frame shows has no rows. Raises `InputError`
    where camera, keypoints and scale do not fit together, `FileError` where an input is damaged.
    """
    clock, setup = Clock(), cage.setup()
    written: list[Written] = []
    files = [one for of in task.inputs.values() for one in of if one.table == ANIMAL]
    found = sorted(inputs_of(task, task.segment, POINTS), key=mouse_of)
    for own in found:
        mouse = mouse_of(own)
        with clock.on("read"):
            around = points_around(task, store, own, setup)
        known = known_animal(files, mouse, store)
        usable = _usable(around.sample, setup)
        with clock.on("learn"):
            animal = known.animal if known is not None else _learned(around.sample, usable, setup)
        if animal is None:
            continue
        tables: list[pa.Table] = []
        floor = None
        for poses, residual, within in _solved(around, setup, animal, clock):
            if known is None and not tables:
                floor = floor_under(poses, setup, cage)
            tables.append(poses_table(task.segment, within, poses, residual))
        with clock.on("write"):
            written.append(store.write(POSES, task.segment, _joined(tables), mouse))
            if known is None and usable >= LEAST_FRAMES:
                content = Known(animal, floor).to_bytes()
                written.append(store.write_bytes(ANIMAL, task.segment, content, ".json", mouse))
    return Outcome(
        task.segment.id, task.stage, task.token, written=tuple(written),
        seconds=dict(clock.seconds),
    )  # fmt: skip


@dataclass(frozen=True, eq=False)
class Around:
    """The points of one mouse in a segment, from `start` to before `stop`, and in frames beside it.

    `within` (T,) are the times of the segment's own frames, s from its start. An animal of which
    nothing is known is learned from `sample`: of the segment, and of its neighbours as a whole.
    """

    points: Keypoints2D
    start: int
    stop: int
    within: Floats
    sample: Keypoints2D


def points_around(task: Task, store: Store, own: Written, setup: Setup) -> Around:
    """Return the points of a mouse in its segment and in the frames beside it."""
    mouse = mouse_of(own)
    context = setup.config.overlap if setup.config.temporal else 0
    table = store.read(own)
    rows = _corrected(points_of(table), task.after, task, store).points
    stamps = table["time"].cast("int64").to_numpy()
    within = (stamps - round(task.segment.start.timestamp() * 1e6)) / 1e6
    first, last = int(rows.frame_numbers[0]), int(rows.frame_numbers[-1])
    before = _of(task, task.before, mouse, store, rows)
    after = _of(task, task.after, mouse, store, rows)
    whole, start = [rows], 0
    if before is not None and before.points.frame_numbers[-1] + 1 == first:
        whole.insert(0, _corrected(before, task.segment, task, store).points)
        start = len(whole[0])
    if after is not None and after.points.frame_numbers[0] == last + 1:
        whole.append(after.points)
    every, stop = joined(whole), start + len(rows)
    begin = max(start - context, 0)
    near = cut(every, begin, stop + context)
    sample = cut(every, max(min(start, len(every) - LEARNED_FRAMES), 0), len(every))
    return Around(near, start - begin, stop - begin, within, cut(sample, 0, LEARNED_FRAMES))


def _of(
    task: Task, segment: Segment | None, mouse: str, store: Store, like: Keypoints2D
) -> Rows | None:
    """Return a mouse's points in a neighbour, None where it has none of the same keypoints."""
    for written in inputs_of(task, segment, POINTS):
        if mouse_of(written) == mouse and written.rows:
            rows = points_of(store.read(written))
            return rows if rows.points.keypoint_names == like.keypoint_names else None
    return None


def _corrected(rows: Rows, after: Segment | None, task: Task, store: Store) -> Rows:
    """Return the rows of a mouse with the end as the next segment told it for good."""
    files = inputs_of(task, after, CARRY)
    if not files or not len(rows):
        return rows
    tails = Carry.of_bytes(store.read_bytes(files[0])).tail
    tail = next((one for one in tails if one.points.animal == rows.points.animal), None)
    if tail is None or tail.points.keypoint_names != rows.points.keypoint_names:
        return rows
    points, spread = rows.points, rows.points.covariance
    place = tail.points.frame_numbers - points.frame_numbers[0]
    if not len(place) or place[0] < 0 or place[-1] >= len(rows):
        return rows
    assert spread is not None
    kept = as_kept(tail.points)
    xy, sure, spread = points.xy.copy(), points.confidence.copy(), spread.copy()
    states = rows.states.copy()
    xy[place], states[place] = kept.xy, tail.states
    sure[place], spread[place] = kept.confidence, kept.covariance
    return Rows(replace(points, xy=xy, confidence=sure, covariance=spread), states)


def _usable(points: Keypoints2D, setup: Setup) -> int:
    """Return how many frames have points enough for a pose."""
    sure = np.isfinite(points.xy[..., 0]) & (points.confidence >= setup.config.min_confidence)
    return int((sure.sum(axis=(1, 2)) >= setup.min_keypoints).sum())


def _learned(sample: Keypoints2D, usable: int, setup: Setup) -> Animal | None:
    """Return the animal that points show, None where no frame has enough of it."""
    if not usable:
        return None
    try:
        return learn_animal(sample, setup)
    except InputError:
        if _can_be_read(sample, setup):
            return None  # what is there is too little after all: beyond the picture
        raise


def _can_be_read(points: Keypoints2D, setup: Setup) -> bool:
    """Tell whether it is the frames and not the names that are too few."""
    return len(setup.keypoint_map.select(points.keypoint_names).columns) >= setup.min_keypoints


def _solved(
    around: Around, setup: Setup, animal: Animal, clock: Clock
) -> Iterator[tuple[PoseSequence, Floats, Floats]]:
    """Yield the segment's poses piece by piece, their residuals (T,) px, and their times (T,) s."""
    context = setup.config.overlap if setup.config.temporal else 0
    for begin in range(around.start, around.stop, CHUNK):
        end = min(begin + CHUNK, around.stop)
        first, last = max(begin - context, 0), min(end + context, len(around.points))
        points = cut(around.points, first, last)
        with clock.on("solve"):
            poses = slice_sequence(solve(points, setup, animal), begin - first, end - first)
        seen = cut(points, begin - first, end - first)
        within = around.within[begin - around.start : end - around.start]
        yield poses, _residual(poses, seen, setup, animal), within


def _residual(poses: PoseSequence, points: Keypoints2D, setup: Setup, animal: Animal) -> Floats:
    """Return how far (T,) px poses lie from the points they were made of: the median of a frame."""
    used = points.confidence >= setup.config.min_confidence
    known = replace(points, xy=np.where(used[..., None], points.xy, np.nan))
    away, _ = reprojection_residuals(
        poses, known, setup.cameras, setup.body, setup.keypoint_map, animal.offset
    )
    flat = away.reshape(len(away), -1)
    found = np.full(len(flat), np.nan)
    some = np.isfinite(flat).any(axis=1)
    if some.any():
        found[some] = np.nanmedian(flat[some], axis=1)
    return found


def _joined(tables: list[pa.Table]) -> pa.Table:
    import pyarrow as pa

    return pa.concat_tables(tables)
