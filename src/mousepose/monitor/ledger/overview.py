"""What the ledger knows, for people: cages at a glance, frames, events, what failed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select

from mousepose.monitor.ledger.ledger import Ledger
from mousepose.monitor.ledger.rows import in_batches, segment_of
from mousepose.monitor.ledger.tables import (
    cages,
    events,
    files,
    gaps,
    segments,
    stages,
    to_number,
    to_time,
)
from mousepose.monitor.records import Event, Gap, Segment, Stage, State

#: States in which work is still to be done.
_OPEN = (State.WAITING, State.RUNNING, State.FAILED)


@dataclass(frozen=True)
class Accounts:
    """What became of all frames: `listed` in the files' indices, `total` in those that were read.

    `total` are the sum of those decoded, `damaged` and `skipped`; `seen` show a mouse. `parked`,
    `lost` and `waiting` are of files that were not read. `listed` less `unexpected` frames that
    were not there is `total` + `parked` + `lost` + `waiting`.
    """

    segments: int = 0
    listed: int = 0
    total: int = 0
    damaged: int = 0
    skipped: int = 0
    seen: int = 0
    parked: int = 0
    lost: int = 0
    waiting: int = 0

    @property
    def missing(self) -> int:
        """Frames that files promised and did not hold; negative where they held more."""
        return self.listed - self.total - self.parked - self.lost - self.waiting


@dataclass(frozen=True)
class CageGlance:
    """A cage at a glance.

    `newest` is the end of what arrived, `looked` and `measured` the ends of what POINTS and
    MEASURES are done of, None for nothing. `lag_s` is the age of `looked`; `backlog_s` are seconds
    of film on which POINTS is still to be done. `states` counts stages, `accounts` frames, of
    segments since the time asked for.
    """

    cage: str
    animals: int | None
    newest: datetime | None = None
    looked: datetime | None = None
    measured: datetime | None = None
    lag_s: float | None = None
    backlog_s: float = 0.0
    states: Mapping[Stage, Mapping[State, int]] = field(default_factory=dict)
    accounts: Accounts = field(default_factory=Accounts)


@dataclass(frozen=True)
class Trouble:
    """A stage that failed, was parked or lost: why, and the end of its log."""

    segment: Segment
    stage: Stage
    state: State
    tries: int
    interruptions: int
    reason: str
    log: str


def glance(ledger: Ledger, since: datetime) -> list[CageGlance]:
    """Return every cage at a glance, in the order of names; counts are of segments since a time."""
    start = to_number(since)
    rows = ledger.database.rows(select(cages).order_by(cages.c.name))
    newest = _ends(ledger, None)
    looked = _ends(ledger, Stage.POINTS)
    measured = _ends(ledger, Stage.MEASURES)
    backlog = _backlog(ledger)
    counted = _states(ledger, start)
    frames = _accounts(ledger, start, by_cage=True)
    now = ledger.clock()
    return [
        CageGlance(
            row.name, row.animals, newest.get(row.name), looked.get(row.name),
            measured.get(row.name),
            None if row.name not in looked else (now - looked[row.name]).total_seconds(),
            backlog.get(row.name, 0.0), counted.get(row.name, {}),
            frames.get(row.name, Accounts()),
        )
        for row in rows
    ]  # fmt: skip


def accounts(ledger: Ledger, since: datetime | None = None) -> Accounts:
    """Return what became of the frames of all segments, or of those that start since a time."""
    start = None if since is None else to_number(since)
    return _accounts(ledger, start, by_cage=False).get("", Accounts())


def recent_events(
    ledger: Ledger,
    since: datetime | None = None,
    cage: str | None = None,
    levels: Iterable[str] = (),
    limit: int = 1000,
) -> list[Event]:
    """Return the latest events, the newest first."""
    query = select(events)
    if since is not None:
        query = query.where(events.c.time >= to_number(since))
    if cage is not None:
        query = query.where(events.c.cage == cage)
    if levels := list(levels):
        query = query.where(events.c.level.in_(levels))
    query = query.order_by(events.c.time.desc(), events.c.number.desc()).limit(limit)
    return [
        Event(row.cage, to_time(row.time), row.kind, row.text, row.level)
        for row in ledger.database.rows(query)
    ]


def gaps_of(ledger: Ledger, cage: str | None = None, since: datetime | None = None) -> list[Gap]:
    """Return gaps that end after a time, in the order of time."""
    query = select(gaps)
    if cage is not None:
        query = query.where(gaps.c.cage == cage)
    if since is not None:
        query = query.where(gaps.c.stop >= to_number(since))
    return [
        Gap(row.cage, to_time(row.start), to_time(row.stop), row.reason)
        for row in ledger.database.rows(query.order_by(gaps.c.start, gaps.c.cage))
    ]


def troubles(ledger: Ledger, limit: int = 1000) -> list[Trouble]:
    """Return stages that failed, are parked or lost, the newest first; each segment's first one."""
    bad = (State.FAILED, State.PARKED, State.LOST)
    first = (
        select(stages.c.segment_id, func.min(stages.c.position).label("position"))
        .where(stages.c.state.in_(bad))
        .group_by(stages.c.segment_id)
        .subquery()
    )
    query = (
        select(
            segments, stages.c.stage, stages.c.state, stages.c.tries, stages.c.interruptions,
            stages.c.reason, stages.c.log,
        )
        .join(stages, stages.c.segment_id == segments.c.id)
        .join(
            first,
            (first.c.segment_id == stages.c.segment_id) & (first.c.position == stages.c.position),
        )
        .order_by(stages.c.changed.desc(), segments.c.id)
        .limit(limit)
    )  # fmt: skip
    return [
        Trouble(
            segment_of(row), Stage(row.stage), State(row.state), row.tries, row.interruptions,
            row.reason or "", row.log or "",
        )
        for row in ledger.database.rows(query)
    ]  # fmt: skip


def time_spent(ledger: Ledger, since: datetime) -> dict[Stage, dict[str, float]]:
    """Return the seconds that stages done since a time took, by what they were spent on."""
    query = select(stages.c.stage, stages.c.took).where(
        stages.c.state == State.DONE, stages.c.changed >= to_number(since)
    )
    spent: dict[Stage, dict[str, float]] = {stage: {} for stage in Stage}
    for row in ledger.database.rows(query):
        into = spent[Stage(row.stage)]
        for what, seconds in json.loads(row.took or "{}").items():
            into[what] = into.get(what, 0.0) + seconds
    return spent


def store_size(ledger: Ledger) -> dict[str, tuple[int, int]]:
    """Return how many files of each table count, and their bytes."""
    query = select(files.c.table_name, func.count().label("count"), func.sum(files.c.bytes))
    counted = query.where(files.c.retired.is_(None)).group_by(files.c.table_name)
    rows = ledger.database.rows(counted.order_by(files.c.table_name))
    return {name: (int(count), int(size)) for name, count, size in rows}


def segment_rows(ledger: Ledger) -> list[Any]:
    """Return every segment with the states of its stages, in the order of time."""
    state = {
        stage: select(stages.c.state)
        .where(stages.c.segment_id == segments.c.id, stages.c.stage == stage)
        .scalar_subquery()
        .label(stage.value)
        for stage in Stage
    }
    query = select(segments, *state.values())
    return ledger.database.rows(query.order_by(segments.c.start, segments.c.cage))


def _ends(ledger: Ledger, stage: Stage | None) -> dict[str, datetime]:
    """Return by cage the end of the last segment of which a stage is done, or of the last one."""
    # from the newest on, until one fits: a year of segments is not looked through
    own = select(stages.c.segment_id).where(stages.c.cage == cages.c.name)
    if stage is not None:
        own = own.where(stages.c.stage == stage, stages.c.state == State.DONE)
    newest = own.order_by(stages.c.start.desc()).limit(1).scalar_subquery()
    last = [row.id for row in ledger.database.rows(select(newest.label("id")).select_from(cages))]
    found: dict[str, datetime] = {}
    for some in in_batches([one for one in last if one is not None]):
        query = select(segments).where(segments.c.id.in_(some))
        found |= {row.cage: segment_of(row).end for row in ledger.database.rows(query)}
    return found


def _backlog(ledger: Ledger) -> dict[str, float]:
    query = (
        select(segments.c.cage, func.sum(segments.c.seconds))
        .join(stages, stages.c.segment_id == segments.c.id)
        .where(stages.c.stage == Stage.POINTS, stages.c.state.in_(_OPEN))
        .group_by(segments.c.cage)
    )
    return {cage: float(seconds) for cage, seconds in ledger.database.rows(query)}


def _since(start: int) -> tuple[ColumnElement[bool], ...]:
    """Choose stages of segments from a time on."""
    # cage by cage, as the index is: otherwise all that was ever recorded is looked through
    return stages.c.cage.in_(select(cages.c.name)), stages.c.start >= start


def _states(ledger: Ledger, start: int) -> dict[str, dict[Stage, dict[State, int]]]:
    query = (
        select(stages.c.cage, stages.c.stage, stages.c.state, func.count())
        .where(*_since(start))
        .group_by(stages.c.cage, stages.c.stage, stages.c.state)
    )
    found: dict[str, dict[Stage, dict[State, int]]] = {}
    for cage, stage, state, count in ledger.database.rows(query):
        found.setdefault(cage, {}).setdefault(Stage(stage), {})[State(state)] = int(count)
    return found


def _accounts(ledger: Ledger, start: int | None, by_cage: bool) -> dict[str, Accounts]:
    """Return accounts by cage, or of all cages under the name ""."""
    columns = [stages.c.cage] if by_cage else []
    query: Select[Any] = (
        select(
            *columns, stages.c.state, func.count(), func.sum(segments.c.frames),
            func.sum(segments.c.total), func.sum(segments.c.damaged),
            func.sum(segments.c.skipped), func.sum(segments.c.seen),
        )
        .join(stages, stages.c.segment_id == segments.c.id)
        .where(stages.c.stage == Stage.POINTS)
        .group_by(*columns, stages.c.state)
    )  # fmt: skip
    if start is not None:
        query = query.where(*_since(start))
    sums: dict[str, dict[str, int]] = {}
    for row in ledger.database.rows(query):
        cage = str(row[0]) if by_cage else ""
        state, *numbers = row[1:] if by_cage else row
        count, listed, total, damaged, skipped, seen = (int(number or 0) for number in numbers)
        into = sums.setdefault(cage, {})
        told = {"segments": count, "listed": listed}
        if state == State.DONE:
            told |= {"total": total, "damaged": damaged, "skipped": skipped, "seen": seen}
        else:
            name = state if state in {State.PARKED, State.LOST} else "waiting"
            told[name] = listed
        for what, number in told.items():
            into[what] = into.get(what, 0) + number
    return {cage: Accounts(**numbers) for cage, numbers in sums.items()}
