"""Which files of the store count, and which of their rows are of which segment."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, and_, delete, exists, func, insert, select, update

from mousepose.errors import InputError
from mousepose.monitor.ledger.rows import (
    file_values,
    grouped,
    in_batches,
    part_columns,
    written_of,
)
from mousepose.monitor.ledger.tables import files, parts, segments, stages, to_number, to_time
from mousepose.monitor.records import FINISHED, Outcome, Written
from mousepose.monitor.store.layout import named


def add_parts(connection: Connection, row: Row[Any], outcome: Outcome) -> None:
    """Make what a stage of a segment wrote count.

    Raises `InputError` for files of another segment, and for two that claim to be the same.
    """
    new, names = [], set()
    for written in outcome.written:
        values = file_values(written, written.rows)
        told = named(written.key)
        if told is None or told.segment_id != row.id or written.offset:
            raise InputError(f"{written.key}: is no file of the segment {row.id}")
        names.add((written.table, told.part))
        connection.execute(insert(files).values(values))
        new.append(
            {
                "segment_id": row.id, "stage": outcome.stage, "table_name": written.table,
                "name": told.part, "key": written.key, "cage": row.cage, "offset": 0,
                "rows": written.rows, "first": values["first"], "last": values["last"],
            }
        )  # fmt: skip
    if len(names) < len(new):
        raise InputError(f"{row.id}: two files of one table have the same part")
    if new:
        connection.execute(insert(parts), new)


def inputs_of(
    connection: Connection, row: Row[Any], segment_ids: Collection[str]
) -> Mapping[str, tuple[Written, ...]]:
    """Return the files of some segments, and of the animals learned before this one, by segment."""
    query = (
        select(*part_columns(), segments.c.start)
        .join(files, files.c.key == parts.c.key)
        .join(segments, segments.c.id == parts.c.segment_id)
        .order_by(segments.c.start, parts.c.table_name, parts.c.name)
    )
    animals = and_(
        parts.c.table_name == "animal", parts.c.cage == row.cage, segments.c.start < row.start
    )
    found = connection.execute(query.where(parts.c.segment_id.in_(segment_ids) | animals))
    return {
        name: tuple(map(written_of, rows)) for name, rows in grouped(found, "segment_id").items()
    }


def learned(connection: Connection, cage: str) -> int:
    """Return how many animals of a cage have files."""
    query = select(func.count(parts.c.name.distinct()))
    found = query.where(parts.c.table_name == "animal", parts.c.cage == cage)
    return int(connection.scalar(found) or 0)


def live_files(
    connection: Connection,
    table: str,
    cage: str | None,
    since: datetime | None,
    until: datetime | None,
) -> list[Written]:
    """Return the files of a table that count, whole, in the order of time."""
    query = select(files).where(files.c.table_name == table, files.c.retired.is_(None))
    if cage is not None:
        query = query.where(files.c.cage == cage)
    if since is not None:
        query = query.where(files.c.last >= to_number(since))
    if until is not None:
        query = query.where(files.c.first < to_number(until))
    return [
        Written(
            row.table_name, row.key, row.rows, row.bytes, row.digest, to_time(row.first),
            to_time(row.last), row.columns,
        )
        for row in connection.execute(query.order_by(files.c.first, files.c.key))
    ]  # fmt: skip


def day_parts(connection: Connection, table: str, cage: str, day: date) -> list[Written]:
    """Return the parts of a cage's day, in the order of time and name."""
    query = (
        select(*part_columns())
        .join(files, files.c.key == parts.c.key)
        .join(segments, segments.c.id == parts.c.segment_id)
        .where(
            files.c.table_name == table,
            files.c.cage == cage,
            files.c.day == day.isoformat(),
            files.c.retired.is_(None),
        )
        .order_by(segments.c.start, parts.c.name)
    )
    return [written_of(row) for row in connection.execute(query)]


def scattered_days(connection: Connection, table: str, before: date) -> list[tuple[str, date]]:
    """Return cages and days before a day that lie in several files and on which all is finished."""
    query = (
        select(files.c.cage, files.c.day)
        .where(
            files.c.table_name == table,
            files.c.retired.is_(None),
            files.c.day < before.isoformat(),
        )
        .group_by(files.c.cage, files.c.day)
        .having(func.count() > 1)
        .order_by(files.c.day, files.c.cage)
    )
    return [
        (row.cage, date.fromisoformat(row.day))
        for row in connection.execute(query)
        if not _busy(connection, row.cage, date.fromisoformat(row.day))
    ]


def replace_parts(
    connection: Connection, old: Sequence[Written], new: Sequence[Written], now: int
) -> bool:
    """Let rows be read from where they were copied to; see `Ledger.replace_files`."""
    if len(old) != len(new) or [a.rows for a in old] != [b.rows for b in new]:
        raise InputError("expected as many parts as before, each with its rows")
    totals: dict[str, int] = {}
    for written in new:
        totals[written.key] = max(totals.get(written.key, 0), written.offset + written.rows)
    by_key = {written.key: written for written in new}
    leaving = {written.key for written in old}
    counted = select(files.c.key).where(files.c.retired.is_(None)).with_for_update()
    there: set[str] = set()
    for some in in_batches(leaving):
        there.update(connection.scalars(counted.where(files.c.key.in_(some))))
    whole = select(func.count()).where(parts.c.key.in_(leaving))
    if there != leaving or connection.scalar(whole) != len(old):
        return False
    for key, written in by_key.items():
        values = file_values(written, totals[key])
        own = [one for one in new if one.key == key]
        values |= {"first": min(to_number(one.first) for one in own),
                   "last": max(to_number(one.last) for one in own)}  # fmt: skip
        connection.execute(insert(files).values(values))
    for was, becomes in zip(old, new, strict=True):
        change = update(parts).where(parts.c.key == was.key, parts.c.offset == was.offset)
        change = change.where(parts.c.rows == was.rows)
        connection.execute(change.values(key=becomes.key, offset=becomes.offset))
    for some in in_batches(leaving):
        connection.execute(update(files).where(files.c.key.in_(some)).values(retired=now))
    return True


def retire(connection: Connection, table: str, before: datetime, now: int) -> int:
    """Let files of a table whose last row is older no longer count, where all is finished."""
    query = select(files.c.key, files.c.cage, files.c.day).where(
        files.c.table_name == table, files.c.retired.is_(None), files.c.last < to_number(before)
    )
    free: dict[tuple[str, str], bool] = {}
    leaving = []
    for row in connection.execute(query):
        where = (row.cage, row.day)
        if where not in free:
            free[where] = not _busy(connection, row.cage, date.fromisoformat(row.day))
        if free[where]:
            leaving.append(row.key)
    for some in in_batches(leaving):
        connection.execute(delete(parts).where(parts.c.key.in_(some)))
        connection.execute(update(files).where(files.c.key.in_(some)).values(retired=now))
    return len(leaving)


def orphans(connection: Connection, keys: Collection[str]) -> list[str]:
    """Return the keys that no one will count: unknown, of no segment that is being worked on."""
    known: set[str] = set()
    for some in in_batches(keys):
        known.update(connection.scalars(select(files.c.key).where(files.c.key.in_(some))))
    left = {key: named(key) for key in sorted(set(keys) - known)}
    owners = {told.segment_id for told in left.values() if told is not None and told.segment_id}
    working: set[str] = set()
    for some in in_batches(owners):
        query = select(stages.c.segment_id).where(
            stages.c.segment_id.in_(some), stages.c.state.not_in(FINISHED)
        )
        working.update(connection.scalars(query))
    return [key for key, told in left.items() if told is None or told.segment_id not in working]


def removable(connection: Connection, before: int) -> list[str]:
    """Return the files that count no longer since before a time."""
    return list(connection.scalars(select(files.c.key).where(files.c.retired < before)))


def forget(connection: Connection, keys: Collection[str]) -> None:
    """Leave files that are removed out of the ledger; those that count stay."""
    for some in in_batches(keys):
        gone = delete(files).where(files.c.key.in_(some), files.c.retired.is_not(None))
        connection.execute(gone)


def _busy(connection: Connection, cage: str, day: date) -> bool:
    """Tell whether anything is still to be done on a cage's day or the segments next to it."""
    first = datetime(day.year, day.month, day.day, tzinfo=UTC)
    start, stop = to_number(first), to_number(first + timedelta(days=1))
    before = select(func.max(segments.c.start)).where(
        segments.c.cage == cage, segments.c.start < start
    )
    after = select(func.min(segments.c.start)).where(
        segments.c.cage == cage, segments.c.start >= stop
    )
    start = connection.scalar(before) or start
    stop = connection.scalar(after) or stop
    unfinished = exists().where(
        stages.c.cage == cage,
        stages.c.start.between(start, stop),
        stages.c.state.not_in(FINISHED),
    )
    return bool(connection.scalar(select(unfinished)))
