"""When a stage of a segment can be done: what it needs is there, or will never be.

    POINTS    POINTS of the segment that it follows
    POSES     POINTS of its own; POINTS of the next one, or no next one follows; and POSES of the
              segment before in time, until the cage is settled: animals are learned in one order,
              whatever was stopped and done again
    MEASURES  POSES of its own and of both neighbours that are joined to it

What is needed of a neighbour may also have been given up (parked) or gone (lost).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Connection, Row, and_, bindparam, select, update

from mousepose.monitor.ledger.rows import grouped, in_batches
from mousepose.monitor.ledger.tables import cages, segments, stages
from mousepose.monitor.records import FINISHED, Stage, State

#: The stages in the order in which they are done.
ORDER = tuple(Stage)
#: States in which a stage waits to be done.
WAITS = (State.WAITING, State.FAILED)
_States = Mapping[str, Mapping[Stage, State]]


def refresh(connection: Connection, cage: str, segment_ids: Iterable[str | None]) -> None:
    """Tell anew which stages of some segments of a cage are ready."""
    wanted = {name for name in segment_ids if name is not None}
    rows = _segments(connection, wanted)
    previous = {row.id: segment_before(connection, cage, row.start) for row in rows}
    near = {name for row in rows for name in (row.before, row.after, previous[row.id]) if name}
    states = _states(connection, wanted | near)
    settled = connection.scalar(select(cages.c.settled).where(cages.c.name == cage))
    changes = []
    for row in rows:
        earlier = None if settled else previous[row.id]
        for stage in ORDER:
            if states[row.id][stage] in WAITS:
                ready = _is_ready(stage, row, earlier, states)
                changes.append({"b_id": row.id, "b_stage": stage, "b_ready": ready})
    if changes:
        # Only a stage that still waits: a claim made in between stays a claim.
        change = update(stages).where(
            stages.c.segment_id == bindparam("b_id"),
            stages.c.stage == bindparam("b_stage"),
            stages.c.ready != bindparam("b_ready"),
        )
        connection.execute(change.values(ready=bindparam("b_ready")), changes)


def refresh_around(connection: Connection, row: Row[Any]) -> None:
    """Tell anew what is ready of a segment and of those that may wait for it."""
    after = segment_after(connection, row.cage, row.start)
    before = segment_before(connection, row.cage, row.start)
    refresh(connection, row.cage, (row.id, row.before, row.after, before, after))


def settle(connection: Connection, cage: str) -> None:
    """Poses of a cage no longer wait for those of the segment before."""
    connection.execute(update(cages).where(cages.c.name == cage).values(settled=True))
    waiting = select(stages.c.segment_id).where(
        stages.c.cage == cage,
        stages.c.stage == Stage.POSES,
        stages.c.state.in_(WAITS),
        stages.c.ready.is_(False),
    )
    for some in in_batches(list(connection.scalars(waiting))):
        refresh(connection, cage, some)


def segment_before(connection: Connection, cage: str, start: int) -> str | None:
    """Return the id of the segment of a cage that starts last before `start`."""
    query = select(segments.c.id).where(segments.c.cage == cage, segments.c.start < start)
    return connection.scalar(query.order_by(segments.c.start.desc()).limit(1))


def segment_after(connection: Connection, cage: str, start: int) -> str | None:
    """Return the id of the segment of a cage that starts first after `start`."""
    query = select(segments.c.id).where(segments.c.cage == cage, segments.c.start > start)
    return connection.scalar(query.order_by(segments.c.start).limit(1))


def _is_ready(stage: Stage, row: Row[Any], earlier: str | None, states: _States) -> bool:
    def finished(segment_id: str | None, what: Stage) -> bool:
        return segment_id is None or states[segment_id][what] in FINISHED

    if stage == Stage.POINTS:
        return finished(row.before, stage)
    known = row.border == "closed" or row.after is not None
    if stage == Stage.POSES:
        has_points = states[row.id][Stage.POINTS] == State.DONE
        return (
            has_points and known and finished(row.after, Stage.POINTS) and finished(earlier, stage)
        )
    has_poses = states[row.id][Stage.POSES] == State.DONE
    context = finished(row.before, Stage.POSES) and finished(row.after, Stage.POSES)
    return has_poses and known and context


def _segments(connection: Connection, wanted: set[str]) -> list[Row[Any]]:
    found: list[Row[Any]] = []
    for some in in_batches(wanted):
        found += connection.execute(select(segments).where(segments.c.id.in_(some)))
    return found


def _states(connection: Connection, wanted: set[str]) -> _States:
    found: list[Row[Any]] = []
    columns = (stages.c.segment_id, stages.c.stage, stages.c.state)
    for some in in_batches(wanted):
        found += connection.execute(select(*columns).where(and_(stages.c.segment_id.in_(some))))
    return {
        segment_id: {Stage(row.stage): State(row.state) for row in rows}
        for segment_id, rows in grouped(found, "segment_id").items()
    }
