"""Work taken, kept, done or given up: each step one transaction that holds only with its token."""

from __future__ import annotations

import json
import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, and_, func, select, tuple_, update

from mousepose.monitor.ledger.arrivals import finish_all, lock_cage
from mousepose.monitor.ledger.parts import add_parts, inputs_of, learned
from mousepose.monitor.ledger.readiness import WAITS, refresh_around, settle
from mousepose.monitor.ledger.rows import (
    MOST_LOG,
    MOST_TEXT,
    in_batches,
    segment_of,
    segment_row,
    tell,
)
from mousepose.monitor.ledger.tables import cages, segments, stages, to_time
from mousepose.monitor.records import Event, Outcome, Segment, Stage, State, Task

#: Pause before the first new try; before the second it is twice as long.
_PAUSE_MICROSECONDS = 5_000_000
#: What a stage needs of the neighbours.
NEEDED = {Stage.POINTS: Stage.POINTS, Stage.POSES: Stage.POINTS, Stage.MEASURES: Stage.POSES}


@dataclass(frozen=True)
class Patience:
    """How often a stage is tried: failed `tries`, and cut off from outside `interruptions` times.

    What kills its worker again and again is cut off each time; so is what a failing machine did.
    """

    tries: int = 3
    interruptions: int = 10


def claim(
    connection: Connection,
    worker: str,
    limit: int,
    lease_until: int,
    every: Mapping[str, int],
    now: int,
) -> list[Task]:
    """Take up to `limit` stages that are ready; see `Ledger.claim`."""
    chosen = connection.execute(_fair(limit, now)).all()
    keys = [(one.segment_id, one.stage) for one in chosen]
    if not keys:
        return []
    # Rows that another claimer holds at this moment are passed over, not waited for.
    free = select(stages).where(
        tuple_(stages.c.segment_id, stages.c.stage).in_(keys), *_claimable(now)
    )
    free = free.with_for_update(skip_locked=True)
    mine = {(row.segment_id, row.stage): row for row in connection.execute(free)}
    tasks = []
    for one in chosen:
        row = mine.get((one.segment_id, one.stage))
        if row is not None:
            token = secrets.token_hex(16)
            values = {
                "state": State.RUNNING, "worker": worker[:128], "token": token,
                "lease_until": lease_until, "changed": now,
            }  # fmt: skip
            connection.execute(update(stages).where(*_is(row)).values(values))
            tasks.append(_task(connection, row, token, every))
    return tasks


def beat(connection: Connection, tokens: Collection[str], lease_until: int) -> frozenset[str]:
    """Hold on to what the tokens hold; return those that hold nothing any more."""
    held: set[str] = set()
    for some in in_batches(tokens):
        holds = and_(stages.c.token.in_(some), stages.c.state == State.RUNNING)
        held.update(connection.scalars(select(stages.c.token).where(holds).with_for_update()))
        connection.execute(update(stages).where(holds).values(lease_until=lease_until))
    return frozenset(tokens) - held


def commit(connection: Connection, outcome: Outcome, now: int) -> bool:
    """Take what a stage gave, whole, if its token still holds; see `Ledger.commit`."""
    row = segment_row(connection, outcome.segment_id)
    lock_cage(connection, row.cage)
    stage = _held(connection, outcome.token)
    if stage is None or (stage.segment_id, stage.stage) != (outcome.segment_id, outcome.stage):
        return False
    if stage.state == State.DONE:
        return True  # the answer to the first time was lost on its way
    values = {
        "state": State.DONE, "ready": False, "lease_until": None, "changed": now,
        "took": json.dumps(dict(outcome.seconds)), "reason": None,
    }  # fmt: skip
    connection.execute(update(stages).where(*_is(stage)).values(values))
    add_parts(connection, row, outcome)
    told = list(outcome.events)
    if outcome.stage == Stage.POINTS:
        told += _count(connection, row, outcome)
    tell(connection, told, row.id)
    if any(written.table == "animal" for written in outcome.written):
        animals = connection.scalar(select(cages.c.animals).where(cages.c.name == row.cage))
        if animals is not None and learned(connection, row.cage) >= animals:
            settle(connection, row.cage)
    refresh_around(connection, row)
    return True


def fail(
    connection: Connection, token: str, reason: str, log: str, patience: Patience, now: int
) -> State | None:
    """Note that a stage failed; see `Ledger.fail`."""
    stage = _held_locked(connection, token)
    if stage is None:
        return None
    tries = stage.tries + 1
    values = {"tries": tries, "reason": reason[:MOST_TEXT], "log": log[-MOST_LOG:]}
    connection.execute(update(stages).where(*_is(stage)).values(values))
    if tries >= patience.tries:
        return _park(connection, stage, f"failed {tries} times, the last time: {reason}", now)
    _wait(connection, stage, State.FAILED, now + _PAUSE_MICROSECONDS * 2 ** (tries - 1), now)
    return State.FAILED


def interrupt(
    connection: Connection, tokens: Collection[str], reason: str, patience: Patience, now: int
) -> int:
    """Let others do what was cut off; park what was cut off too often. Return how many."""
    count = 0
    for token in sorted(tokens):
        stage = _held_locked(connection, token)
        if stage is None:
            continue
        count += 1
        number = stage.interruptions + 1
        values = {"interruptions": number, "reason": reason[:MOST_TEXT]}
        connection.execute(update(stages).where(*_is(stage)).values(values))
        if number >= patience.interruptions:
            _park(connection, stage, f"cut off {number} times, the last time: {reason}", now)
        else:
            _wait(connection, stage, State.WAITING, now, now)
    return count


def give_back(connection: Connection, tokens: Collection[str], now: int) -> int:
    """Let others do what was not begun or stopped on purpose. Return how many."""
    count = 0
    for token in sorted(tokens):
        stage = _held_locked(connection, token)
        if stage is not None:
            _wait(connection, stage, State.WAITING, now, now)
            count += 1
    return count


def postpone(
    connection: Connection, tokens: Collection[str], not_before: int, reason: str, now: int
) -> int:
    """Let work wait that cannot be done now, through no fault of its own. Return how many."""
    count = 0
    for token in sorted(tokens):
        stage = _held_locked(connection, token)
        if stage is not None:
            change = update(stages).where(*_is(stage)).values(reason=reason[:MOST_TEXT])
            connection.execute(change)
            _wait(connection, stage, State.FAILED, not_before, now)
            count += 1
    return count


def retry(connection: Connection, segment_id: str, now: int) -> bool:
    """Try stages of a segment again that are parked or lost; return whether there were any."""
    row = segment_row(connection, segment_id)
    lock_cage(connection, row.cage)
    given_up = stages.c.state.in_((State.PARKED, State.LOST))
    parked = update(stages).where(stages.c.segment_id == segment_id, given_up)
    values = {
        "state": State.WAITING, "tries": 0, "interruptions": 0, "not_before": now, "changed": now,
        "reason": None,
    }  # fmt: skip
    if not connection.execute(parked.values(values)).rowcount:
        return False
    refresh_around(connection, row)
    return True


def expired(connection: Connection, now: int) -> list[str]:
    """Return the tokens whose lease ran out."""
    query = select(stages.c.token).where(
        stages.c.state == State.RUNNING, stages.c.lease_until < now
    )
    return list(connection.scalars(query))


def held_by(connection: Connection, worker: str) -> list[str]:
    """Return the tokens that a worker holds."""
    query = select(stages.c.token).where(stages.c.state == State.RUNNING)
    return list(connection.scalars(query.where(stages.c.worker == worker[:128])))


def _fair(limit: int, now: int) -> Any:
    """Return the query of what comes next: each cage's oldest work, by turns.

    What a cage has running already counts as its turns.
    """
    running = (
        select(stages.c.cage, func.count().label("count"))
        .where(stages.c.state == State.RUNNING)
        .group_by(stages.c.cage)
        .subquery()
    )
    turn = func.row_number().over(
        partition_by=stages.c.cage, order_by=(stages.c.start, stages.c.position)
    )
    ranked = (
        select(
            stages.c.segment_id, stages.c.stage, stages.c.start, stages.c.position, stages.c.cage,
            (turn + func.coalesce(running.c.count, 0)).label("turn"),
        )
        .outerjoin(running, running.c.cage == stages.c.cage)
        .where(*_claimable(now))
        .subquery()
    )  # fmt: skip
    order = (ranked.c.turn, ranked.c.start, ranked.c.position, ranked.c.cage)
    return select(ranked.c.segment_id, ranked.c.stage).order_by(*order).limit(limit)


def _claimable(now: int) -> tuple[Any, ...]:
    return stages.c.state.in_(WAITS), stages.c.ready.is_(True), stages.c.not_before <= now


def _task(connection: Connection, stage: Row[Any], token: str, every: Mapping[str, int]) -> Task:
    row = segment_row(connection, stage.segment_id)
    step = row.every
    if step is None:  # decided once: done again it is done alike
        step = max(1, every.get(row.cage, 1))
        change = update(segments).where(segments.c.id == row.id)
        connection.execute(change.values(every=step))
    before = _neighbour(connection, row.before, NEEDED[Stage(stage.stage)])
    after = None
    if stage.stage != Stage.POINTS:
        after = _neighbour(connection, row.after, NEEDED[Stage(stage.stage)])
    names = [row.id, *(one.id for one in (before, after) if one is not None)]
    return Task(
        segment_of(row), Stage(stage.stage), token, before, after,
        inputs_of(connection, row, names), step, stage.tries,
    )  # fmt: skip


def _neighbour(connection: Connection, segment_id: str | None, needed: Stage) -> Segment | None:
    """Return a segment next to another if the stage that is needed of it is done."""
    query = select(segments).join(stages, stages.c.segment_id == segments.c.id)
    done = query.where(
        segments.c.id == segment_id, stages.c.stage == needed, stages.c.state == State.DONE
    )
    row = connection.execute(done).first()
    return None if row is None else segment_of(row)


def _count(connection: Connection, row: Row[Any], outcome: Outcome) -> list[Event]:
    """Keep what became of a segment's frames; return what is odd about it."""
    frames = outcome.frames
    values = {
        "total": frames.total, "damaged": frames.damaged, "skipped": frames.skipped,
        "seen": frames.seen,
    }  # fmt: skip
    connection.execute(update(segments).where(segments.c.id == row.id).values(values))
    if frames.total == row.frames:
        return []
    text = f"{row.path}: expected {row.frames} frames, {frames.total} were there"
    return [Event(row.cage, to_time(row.start), "frames", text, "warning")]


def _held(connection: Connection, token: str) -> Row[Any] | None:
    """Return the stage that a token holds or has done, locked."""
    query = select(stages).where(stages.c.token == token).with_for_update()
    return connection.execute(query).first()


def _held_locked(connection: Connection, token: str) -> Row[Any] | None:
    """Return the stage that a token holds, its cage locked; None where it holds none."""
    cage = connection.scalar(select(stages.c.cage).where(stages.c.token == token))
    if cage is None:
        return None
    lock_cage(connection, cage)
    stage = _held(connection, token)
    return stage if stage is not None and stage.state == State.RUNNING else None


def _is(stage: Row[Any]) -> tuple[Any, ...]:
    return stages.c.segment_id == stage.segment_id, stages.c.stage == stage.stage


def _wait(connection: Connection, stage: Row[Any], state: State, not_before: int, now: int) -> None:
    values = {
        "state": state, "token": None, "worker": None, "lease_until": None, "changed": now,
        "not_before": not_before,
    }  # fmt: skip
    connection.execute(update(stages).where(*_is(stage)).values(values))
    refresh_around(connection, segment_row(connection, stage.segment_id))


def _park(connection: Connection, stage: Row[Any], reason: str, now: int) -> State:
    """Give a stage up, and those after it, until someone asks for it again."""
    row = segment_row(connection, stage.segment_id)
    finish_all(connection, row.id, State.PARKED, reason, now)
    text = f"{row.path}: {stage.stage} was given up: {reason}"
    tell(connection, [Event(row.cage, to_time(row.start), "parked", text, "error")], row.id)
    refresh_around(connection, row)
    return State.PARKED
