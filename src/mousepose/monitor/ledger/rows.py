"""Rows of the ledger's tables as the records that all parts speak of, and back."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from sqlalchemy import Connection, Row, Table, select
from sqlalchemy.dialects import postgresql, sqlite

from mousepose.errors import InputError
from mousepose.monitor.ledger.tables import events, files, parts, segments, to_number, to_time
from mousepose.monitor.records import Event, Segment, Written
from mousepose.monitor.store.layout import named

#: Longest text of an event, a reason and a log that is kept; of a log the end, where the error is.
MOST_TEXT, MOST_LOG = 2_000, 50_000
#: Names of the same kind that one query is asked for.
_AT_ONCE = 500


def segment_of(row: Row[Any]) -> Segment:
    """Return a row of `segments` as the segment; it follows where the ledger joined it."""
    return Segment(
        row.cage, to_time(row.start), row.path, row.frames, row.fps, row.seconds, row.digest,
        row.before is not None,
    )  # fmt: skip


def segment_row(connection: Connection, segment_id: str) -> Row[Any]:
    """Return the row of a segment. Raises `InputError` where there is none."""
    row = connection.execute(select(segments).where(segments.c.id == segment_id)).first()
    if row is None:
        raise InputError(f"the ledger knows no segment {segment_id[:200]!r}")
    return row


def written_of(row: Row[Any]) -> Written:
    """Return a row of `part_columns` as what was written."""
    return Written(
        row.table_name, row.key, row.rows, row.bytes, row.digest, to_time(row.first),
        to_time(row.last), row.columns, row.offset,
    )  # fmt: skip


def part_columns() -> list[Any]:
    """Return the columns that `written_of` needs, of parts joined to their files."""
    return [
        parts.c.segment_id, parts.c.stage, parts.c.name, parts.c.table_name, parts.c.key,
        parts.c.rows, files.c.bytes, files.c.digest, parts.c.first, parts.c.last, files.c.columns,
        parts.c.offset,
    ]  # fmt: skip


def file_values(written: Written, rows: int) -> dict[str, Any]:
    """Return the row of `files` for a file with `rows` rows. Raises `InputError` on its name."""
    told = named(written.key)
    if told is None or told.table != written.table:
        raise InputError(f"{written.key[:200]!r}: no file of the table {written.table}")
    return {
        "key": written.key, "table_name": written.table, "cage": told.cage,
        "day": told.date.isoformat(), "rows": rows, "bytes": written.bytes,
        "digest": written.digest, "columns": written.columns, "first": to_number(written.first),
        "last": to_number(written.last), "retired": None,
    }  # fmt: skip


def tell(connection: Connection, told: Iterable[Event], segment_id: str | None = None) -> int:
    """Write events that are not there yet; return how many."""
    new = {}
    for one in told:
        text = one.text[:MOST_TEXT]
        mark = _mark(one.cage, to_number(one.time), one.kind, text)
        new[mark] = {
            "cage": one.cage, "time": to_number(one.time), "kind": one.kind, "text": text,
            "level": one.level, "segment_id": segment_id, "mark": mark,
        }  # fmt: skip
    return insert_new(connection, events, list(new.values()))


def insert_new(connection: Connection, table: Table, values: list[dict[str, Any]]) -> int:
    """Insert the rows that are not there yet, by the table's keys; return how many were new."""
    insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    statement = insert(table).on_conflict_do_nothing()
    return sum(connection.execute(statement.values(one)).rowcount for one in values)


def in_batches(names: Collection[str]) -> Iterable[list[str]]:
    """Give names a few hundred at a time: databases limit how many one statement has."""
    ordered = sorted(names)
    for first in range(0, len(ordered), _AT_ONCE):
        yield ordered[first : first + _AT_ONCE]


def grouped(rows: Iterable[Any], column: str) -> Mapping[Any, list[Any]]:
    """Return rows by the value of one of their columns."""
    groups: dict[Any, list[Any]] = {}
    for row in rows:
        groups.setdefault(getattr(row, column), []).append(row)
    return groups


def _mark(*what: object) -> str:
    return hashlib.sha256("\0".join(map(str, what)).encode()).hexdigest()
