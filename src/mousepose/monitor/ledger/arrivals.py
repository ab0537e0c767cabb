"""What sources tell the ledger: segments, gaps, borders that are known, files that are gone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from mousepose.errors import InputError
from mousepose.monitor.ledger.readiness import (
    ORDER,
    WAITS,
    refresh_around,
    segment_after,
    segment_before,
)
from mousepose.monitor.ledger.rows import MOST_TEXT, insert_new, segment_row, tell
from mousepose.monitor.ledger.tables import cages, gaps, segments, stages, to_number, to_time
from mousepose.monitor.records import Event, Gap, Segment, Stage, State
from mousepose.monitor.store.layout import name_fault

_MICROSECOND = timedelta(microseconds=1)


def lock_cage(connection: Connection, cage: str) -> None:
    """Wait until no one else changes segments of a cage, and keep others waiting."""
    connection.execute(select(cages.c.name).where(cages.c.name == cage).with_for_update())


def add_cage(connection: Connection, name: str, animals: int | None) -> None:
    """Add a cage with so many animals, or tell how many one has."""
    fault = name_fault(name)
    if fault is not None:
        raise InputError(f"cage: {fault}")
    found = connection.execute(select(cages).where(cages.c.name == name).with_for_update()).first()
    if found is None:
        insert_new(connection, cages, [{"name": name, "animals": animals, "settled": False}])
    elif animals is not None and animals != found.animals:
        change = {"animals": animals, "settled": False}
        connection.execute(update(cages).where(cages.c.name == name).values(change))


def add_segment(connection: Connection, segment: Segment, now: int) -> bool:
    """Add a segment with its stages; return whether it is new.

    See `Ledger.add_segment` for what becomes of a start that is taken.
    """
    add_cage(connection, segment.cage, None)
    lock_cage(connection, segment.cage)
    there = _at(connection, segment)
    if there is not None and there.digest == segment.digest:
        _move(connection, there, segment.path)
        return False
    if there is not None and there.path == segment.path:
        return _replaced(connection, there, segment)
    asked = segment.start
    while there is not None:
        segment = replace(segment, start=segment.start + _MICROSECOND, follows=False)
        there = _at(connection, segment)
        if there is not None and there.digest == segment.digest:
            return False  # it had to make way before
    if segment.start != asked:
        text = (
            f"{segment.path}: another file starts at this time too; its frames are kept beside the "
            "other's. Was the clock set back?"
        )
        tell(connection, [Event(segment.cage, asked, "overlap", text, "warning")], segment.id)
    _insert(connection, segment, now)
    return True


def close_border(connection: Connection, segment_id: str) -> bool:
    """No segment follows this one any more; return whether that was open."""
    row = segment_row(connection, segment_id)
    lock_cage(connection, row.cage)
    change = update(segments).where(segments.c.id == segment_id, segments.c.border == "open")
    if not connection.execute(change.values(border="closed")).rowcount:
        return False
    refresh_around(connection, segment_row(connection, segment_id))
    return True


def close_borders(
    connection: Connection, timeout_s: float, but: frozenset[str], now: int
) -> list[str]:
    """Close the borders of segments whose next one is overdue; return their ids."""
    query = select(segments.c.id, segments.c.cage, segments.c.added, segments.c.seconds)
    overdue = query.where(segments.c.border == "open", segments.c.added < now - timeout_s * 1e6)
    found = [
        row.id
        for row in connection.execute(overdue.order_by(segments.c.cage, segments.c.start))
        if row.cage not in but and row.added + 1e6 * (row.seconds + timeout_s) < now
    ]
    return [segment_id for segment_id in found if close_border(connection, segment_id)]


def add_gap(connection: Connection, gap: Gap) -> bool:
    """Add a gap, or make one that starts then longer; return whether it is new."""
    add_cage(connection, gap.cage, None)
    lock_cage(connection, gap.cage)
    start, stop = to_number(gap.start), to_number(gap.stop)
    same = (gaps.c.cage == gap.cage, gaps.c.start == start)
    found = connection.scalar(select(gaps.c.stop).where(*same))
    if found is None:
        reason = gap.reason[:MOST_TEXT]
        values = {"cage": gap.cage, "start": start, "stop": stop, "reason": reason}
        connection.execute(insert(gaps).values(values))
    elif stop > found:
        connection.execute(update(gaps).where(*same).values(stop=stop))
    return found is None


def mark_lost(connection: Connection, segment_id: str, reason: str, now: int) -> bool:
    """The file of a segment is gone before it was read; return whether it still was needed."""
    row = segment_row(connection, segment_id)
    lock_cage(connection, row.cage)
    if _state(connection, segment_id, Stage.POINTS) not in {*WAITS, State.RUNNING, State.PARKED}:
        return False
    finish_all(connection, segment_id, State.LOST, reason, now)
    text = f"{row.path}: {row.frames} frames are lost: {reason}"
    tell(connection, [Event(row.cage, to_time(row.start), "lost", text, "error")], segment_id)
    refresh_around(connection, row)
    return True


def finish_all(
    connection: Connection, segment_id: str, state: State, reason: str, now: int
) -> None:
    """Give up all stages of a segment that are not done."""
    change = update(stages).where(stages.c.segment_id == segment_id, stages.c.state != State.DONE)
    values: dict[str, Any] = {
        "state": state, "ready": False, "token": None, "worker": None, "lease_until": None,
        "reason": reason[:MOST_TEXT], "changed": now,
    }  # fmt: skip
    connection.execute(change.values(values))


def add_cages(connection: Connection, animals: Mapping[str, int]) -> None:
    """Add cages with the number of their animals."""
    for name in sorted(animals):
        add_cage(connection, name, animals[name])


def _at(connection: Connection, segment: Segment) -> Row[Any] | None:
    query = select(segments).where(
        segments.c.cage == segment.cage, segments.c.start == to_number(segment.start)
    )
    return connection.execute(query).first()


def _insert(connection: Connection, segment: Segment, now: int) -> None:
    start = to_number(segment.start)
    before = segment_before(connection, segment.cage, start)
    joined = _join(connection, before, segment)
    # One that comes late, between two that are there, is followed by none of them.
    late = segment_after(connection, segment.cage, start) is not None
    values = {
        "id": segment.id, "cage": segment.cage, "start": start, "path": segment.path,
        "frames": segment.frames, "fps": segment.fps, "seconds": segment.seconds,
        "digest": segment.digest, "follows": segment.follows, "before": joined, "after": None,
        "border": "closed" if late else "open", "added": now,
    }  # fmt: skip
    connection.execute(insert(segments).values(values))
    new = [
        {
            "segment_id": segment.id, "stage": stage, "position": position, "cage": segment.cage,
            "start": start, "state": State.WAITING, "ready": False, "not_before": now, "tries": 0,
            "interruptions": 0, "changed": now,
        }
        for position, stage in enumerate(ORDER)
    ]  # fmt: skip
    connection.execute(insert(stages), new)
    refresh_around(connection, segment_row(connection, segment.id))


def _join(connection: Connection, before: str | None, segment: Segment) -> str | None:
    """Return the segment that this one is joined to; its border is known from now on."""
    if before is None:
        return None
    row = segment_row(connection, before)
    if row.border == "open":
        joined = segment.id if segment.follows else None
        change: dict[str, Any] = {"border": "joined" if joined else "closed", "after": joined}
        connection.execute(update(segments).where(segments.c.id == before).values(change))
        return before if joined else None
    if segment.follows:
        text = f"{segment.path}: came after the work went on without it; its track begins anew"
        told = Event(segment.cage, segment.start, "late", text, "warning")
        tell(connection, [told], segment.id)
    return None


def _replaced(connection: Connection, there: Row[Any], segment: Segment) -> bool:
    """Take what a file has become since it was added, unless its frames were read already."""
    if _state(connection, there.id, Stage.POINTS) in WAITS:
        values = {
            "frames": segment.frames, "fps": segment.fps, "seconds": segment.seconds,
            "digest": segment.digest,
        }  # fmt: skip
        connection.execute(update(segments).where(segments.c.id == there.id).values(values))
        text, level = f"{segment.path}: changed before it was read: taken as it is now", "info"
    else:
        text = (
            f"{segment.path}: changed after it was read, from {there.frames} to {segment.frames} "
            "frames; what was read stays"
        )
        level = "error"
    tell(connection, [Event(segment.cage, segment.start, "changed", text, level)], there.id)
    return False


def _move(connection: Connection, there: Row[Any], path: str) -> None:
    """Read a file from where it was seen last, if it still has to be read."""
    if _state(connection, there.id, Stage.POINTS) in WAITS:
        change = update(segments).where(segments.c.id == there.id)
        connection.execute(change.values(path=path))


def _state(connection: Connection, segment_id: str, stage: Stage) -> State:
    query = select(stages.c.state).where(stages.c.segment_id == segment_id, stages.c.stage == stage)
    return State(connection.execute(query).scalar_one())
