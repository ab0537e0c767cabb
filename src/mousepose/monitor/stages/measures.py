"""MEASURES: the poses of a segment and its neighbours in; its minutes, strides and bouts out.

Derivatives, bouts and behaviours are found with the poses of both neighbours; what begins in a
segment is told by that segment.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mousepose.analysis.floor import above_floor
from mousepose.analysis.gait import Gait, gait_of
from mousepose.analysis.gait_events import find_swings
from mousepose.analysis.kinematics import kinematics
from mousepose.analysis.locomotion import Locomotion, find_locomotion
from mousepose.analysis.motion import Motion
from mousepose.errors import InputError, UnknownNameError
from mousepose.io.keypoints.registry import joined as joined_keypoints
from mousepose.monitor.records import Event, Outcome, Segment, Task, Written
from mousepose.monitor.stages.animal import Known, known_animal, mouse_of
from mousepose.monitor.stages.behaviours import behaviour_bouts, classifier_of, in_image
from mousepose.monitor.stages.minutes import Minutes, joined_tables
from mousepose.monitor.stages.tables import points_of, pose_columns, raw_points_of
from mousepose.monitor.stages.work import (
    ANIMAL,
    BOUTS,
    MINUTES,
    POINTS,
    POSES,
    STRIDES,
    CageWork,
    Clock,
    Store,
    inputs_of,
)
from mousepose.run.gait_parts import RawPoints, joined
from mousepose.run.keypoint_files import cut
from mousepose.run.predict import LIKELY
from mousepose.skeleton import canonical_name
from mousepose.types import Floats, Ints, Keypoints2D, State

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

#: s of each neighbour that are looked at: longer bouts over a border end there.
CONTEXT_S = 60.0
#: A mouse whose trunk is faster than this (mm/s) moves about; slower ways are none.
_MOBILE = 20.0
#: A mouse whose trunk rises by more than this (degrees) rears.
_REARING = 35.0
#: What the walks of a mouse are called among its behaviours.
WALK = "walk"
#: Tables of each mouse, by the table of the store that they go into.
Found = dict[str, "list[pa.Table]"]


def run_measures(task: Task, cage: CageWork, store: Store) -> Outcome:
    """Measure a segment, and write the tables `minutes`, `strides` and `bouts`.

    What cannot be known (no walk where the video is too slow for one) is told as an event. Raises
    `FileError` where an input is damaged, `InputError` for a classifier of other keypoints.
    """
    clock, segment = Clock(), task.segment
    events: list[Event] = []
    found: Found = {MINUTES: [], STRIDES: [], BOUTS: []}
    animals = [one for of in task.inputs.values() for one in of if one.table == ANIMAL]
    for own in sorted(inputs_of(task, segment, POINTS), key=mouse_of):
        mouse = mouse_of(own)
        minutes = _seen(task, cage, mouse, store, own)
        with clock.on("read"):
            known = known_animal(animals, mouse, store)
        try:
            around = _around(task, cage, store, mouse, known)
            if around is not None:
                _walked(around, minutes, cage, found, clock)
            if around is not None and cage.behaviour is not None:
                with clock.on("behaviour"):
                    image = _image(task, store, mouse, around)
                    _behaved(around, minutes, cage, image, found)
        except InputError as error:
            text = f"{mouse}: not all can be measured: {error}"
            events.append(Event(segment.cage, segment.start, "unknown", text, "warning"))
        found[MINUTES].append(minutes.table())
    with clock.on("write"):
        tables = {name: joined_tables(parts) for name, parts in found.items()}
        written = [
            store.write(name, segment, table) for name, table in tables.items() if table is not None
        ]
    return Outcome(
        segment.id, task.stage, task.token, written=tuple(written), events=tuple(events),
        seconds=dict(clock.seconds),
    )  # fmt: skip


@dataclass(frozen=True, eq=False)
class Around:
    """The motion of a mouse above the floor in its segment, and in some of its neighbours.

    `own` (T,) tells which frames are the segment's; `start` is when that begins, s of `motion`'s
    times, and `stamp` the same in us from 1970. `first` is the number of the first frame of all.
    """

    motion: Motion
    first: int
    own: NDArray[np.bool_]
    residual: Floats
    start: float
    stop: float
    stamp: int

    def in_utc(self, times: Floats) -> Ints:
        """Return times of the motion (N,) s as us from 1970."""
        return np.asarray(self.stamp + np.rint((times - self.start) * 1e6), np.int64)

    def begins(self, times: Floats) -> NDArray[np.bool_]:
        """Tell which times (N,) s are in the segment."""
        return np.asarray((times >= self.start) & (times < self.stop))


def _seen(task: Task, cage: CageWork, mouse: str, store: Store, own: Written) -> Minutes:
    """Return the minutes of a mouse with what its points tell."""
    table = store.read(own)
    rows, looked = points_of(table), table["looked"].to_numpy()
    minutes = Minutes.of_frames(mouse, table["time"].cast("int64").to_numpy())
    there, sure = rows.states == State.SEEN, rows.points.confidence[:, 0]
    step = task.segment.seconds / len(rows)
    minutes.count("frames", np.ones(len(rows), bool))
    minutes.count("looked", looked)
    minutes.count("seen", there)
    minutes.add("seconds", np.full(len(rows), step))
    minutes.median("confidence", np.where(there, np.median(sure, axis=1), np.nan))
    nose = _column(rows.points, "NOSE")
    if cage.spout is not None and nose is not None:
        xy = rows.points.xy[:, 0, nose]
        inside = ((xy >= cage.spout[:2]) & (xy <= cage.spout[2:])).all(axis=1)
        # frames that were left out are taken to be as those that were looked at
        share = len(rows) / max(int(looked.sum()), 1)
        drinks = np.asarray(inside & (sure[:, nose] >= LIKELY), np.float64)
        minutes.add("time_drinking_s", drinks * (step * share))
    return minutes


def _column(points: Keypoints2D, wanted: str) -> int | None:
    """Return which keypoint is the one of a name of the skeleton, None where none is."""
    for place, name in enumerate(points.keypoint_names):
        with contextlib.suppress(UnknownNameError):
            if canonical_name(name) == wanted:
                return place
    return None


def _around(
    task: Task, cage: CageWork, store: Store, mouse: str, known: Known | None
) -> Around | None:
    """Return the motion of a mouse in a segment, None where it has no poses or no floor."""
    if known is None or known.floor is None:
        return None
    columns = pose_columns(cage.reported)
    own = _poses(task, task.segment, mouse, store, columns)
    if own is None:
        return None
    frames = own["frame"].to_numpy()
    pieces = [own]
    before = _poses(task, task.before, mouse, store, columns)
    after = _poses(task, task.after, mouse, store, columns)
    if before is not None and before["frame"][-1].as_py() + 1 == frames[0]:
        pieces.insert(0, before.slice(_last_s(before, CONTEXT_S)))
    if after is not None and after["frame"][0].as_py() == frames[-1] + 1:
        pieces.append(after.slice(0, _first_s(after, CONTEXT_S)))
    raw = joined([raw_points_of(piece) for piece in pieces])
    number = np.concatenate([piece["frame"].to_numpy() for piece in pieces])
    residual = np.concatenate([piece["residual_px"].to_numpy() for piece in pieces])
    inside = (number >= frames[0]) & (number <= frames[-1])
    return _above(raw, known, int(number[0]), inside, residual.astype(np.float64), own)


def _above(
    raw: RawPoints, known: Known, first: int, inside: NDArray[np.bool_], residual: Floats,
    own: pa.Table,
) -> Around:  # fmt: skip
    assert known.floor is not None
    motion = above_floor(raw.motion(), known.floor)
    times = motion.times[inside]
    stamp = int(own["time"].cast("int64")[0].as_py())
    return Around(
        motion, first, inside, residual, float(times[0]), float(times[-1]) + 1 / motion.rate, stamp
    )


def _poses(
    task: Task, segment: Segment | None, mouse: str, store: Store, columns: Sequence[str]
) -> pa.Table | None:
    for written in inputs_of(task, segment, POSES):
        if mouse_of(written) == mouse and written.rows:
            return store.read(written, columns)
    return None


def _last_s(table: pa.Table, seconds: float) -> int:
    times = table["time_s"].to_numpy()
    return int(np.searchsorted(times, times[-1] - seconds))


def _first_s(table: pa.Table, seconds: float) -> int:
    times = table["time_s"].to_numpy()
    return int(np.searchsorted(times, times[0] + seconds))


def _walked(
    around: Around, minutes: Minutes, cage: CageWork, found: Found, clock: Clock
) -> None:  # fmt: skip
    """Add what the motion of a mouse tells to its minutes, and its strides and walks."""
    with clock.on("kinematics"):
        locomotion = find_locomotion(around.motion, cage.gait)
        _add_motion(minutes, around, locomotion, kinematics(around.motion))
    with clock.on("gait"):
        swings = find_swings(around.motion, locomotion, cage.gait)
        gait = gait_of(around.motion, locomotion, swings, cage.gait)
        found[STRIDES].append(_arrow(minutes.mouse, _strides(around, gait, minutes)))
        walks = _told(around, gait.bouts.drop(columns="bout"), WALK)
        found[BOUTS].append(_arrow(minutes.mouse, walks))


def _behaved(
    around: Around, minutes: Minutes, cage: CageWork, image: Motion | None, found: Found
) -> None:
    """Add what a classifier tells a mouse does to its minutes, and the bouts of it."""
    assert cage.behaviour is not None
    model = classifier_of(cage.behaviour, cage.behaviour.stat().st_mtime)
    bouts = behaviour_bouts(model, around.motion, around.first, image)
    for name in model.classes:
        of = bouts[bouts["behaviour"] == name]
        low = np.clip(of["start_s"].to_numpy(float), around.start, around.stop)
        high = np.clip(of["stop_s"].to_numpy(float), around.start, around.stop)
        minutes.lasting(name, around.in_utc(low), around.in_utc(high))
        found[BOUTS].append(_arrow(minutes.mouse, _told(around, of, name)))


def _image(task: Task, store: Store, mouse: str, around: Around) -> Motion | None:
    """Return the motion in the picture of the frames of a motion, None where points are missing."""
    pieces = [
        points_of(store.read(written)).points
        for segment in (task.before, task.segment, task.after)
        for written in inputs_of(task, segment, POINTS)
        if mouse_of(written) == mouse and written.rows
    ]
    frames = np.concatenate([piece.frame_numbers for piece in pieces])
    wanted = around.first + np.arange(len(around.motion))
    if not np.isin(wanted, frames).all() or (np.diff(frames) <= 0).any():
        return None
    begin = int(np.searchsorted(frames, wanted[0]))
    return in_image(cut(joined_keypoints(pieces), begin, begin + len(wanted)))


def _add_motion(
    minutes: Minutes, around: Around, locomotion: Locomotion, table: pd.DataFrame
) -> None:
    """Add how far and how fast the mouse went, and how well its pose is known."""
    motion, own = around.motion, around.own
    speed = locomotion.speed[own]
    step = 1 / motion.rate
    known = np.asarray(np.isfinite(motion.xyz[own]).all(axis=-1))
    solved = known.any(axis=1)
    minutes.count("solved", solved)
    minutes.add("distance_mm", np.where(speed >= _MOBILE, speed, 0.0) * step)
    minutes.mean("speed_mm_s", speed)
    minutes.largest("max_speed_mm_s", speed)
    minutes.add("time_mobile_s", np.asarray(speed >= _MOBILE, np.float64) * step)
    if "pitch_deg" in table:
        rears = table["pitch_deg"].to_numpy(np.float64)[own] > _REARING
        minutes.add("time_rearing_s", np.asarray(rears, np.float64) * step)
    inferred = (known & ~motion.seen[own]).sum(axis=1) / np.maximum(known.sum(axis=1), 1)
    minutes.mean("inferred", np.where(solved, inferred, np.nan))
    minutes.median("residual_px", around.residual[own])


def _strides(around: Around, gait: Gait, minutes: Minutes) -> pd.DataFrame:
    """Return the strides that begin in the segment, and add them to its minutes."""
    table = gait.strides
    own = table[around.begins(table["contact_s"].to_numpy(float))].copy()
    stamps = around.in_utc(own["contact_s"].to_numpy(float))
    minutes.number("strides", stamps)
    length, speed = (own[name].to_numpy(float) for name in ("stride_length_mm", "speed_mm_s"))
    minutes.median("stride_length_mm", length, stamps)
    minutes.median("stride_speed_mm_s", speed, stamps)
    starts = gait.bouts["start_s"].to_numpy(float)
    own.insert(0, "bout_time", around.in_utc(starts[own["bout"].to_numpy(np.int64)]))
    own.insert(0, "time", stamps)
    return own.drop(columns=["bout", "contact_frame"])


def _told(around: Around, bouts: pd.DataFrame, behaviour: str) -> pd.DataFrame:
    """Return the bouts that begin in the segment, with their times in UTC."""
    own = bouts[around.begins(bouts["start_s"].to_numpy(float))].copy()
    for place, (name, column) in enumerate((("time", "start_s"), ("stop", "stop_s"))):
        own.insert(place, name, around.in_utc(own[column].to_numpy(float)))
    own["behaviour"] = behaviour
    return own.drop(columns=["start_s", "stop_s"])


def _arrow(mouse: str, table: pd.DataFrame) -> pa.Table:
    """Return a table of the store: times in UTC, whose the rows are, numbers as float64."""
    import pyarrow as pa

    columns: dict[str, Any] = {}
    for name in table.columns:
        values = table[name]
        if name in ("time", "stop", "bout_time"):
            stamps = pa.array(values.to_numpy(np.int64), pa.int64())
            columns[name] = stamps.cast(pa.timestamp("us", tz="UTC"))
        elif name in ("behaviour", "limb", "marker", "quality"):
            columns[name] = pa.array(values.astype(str).to_list(), pa.string())
        elif name == "both_agree":
            columns[name] = pa.array(values.to_numpy(bool), pa.bool_())
        else:
            columns[name] = pa.array(values.to_numpy(np.float64), pa.float64())
        if name == "time":
            columns["mouse"] = pa.repeat(mouse, len(table))
    return pa.table(columns)
