"""The ledger as tables for queries: segments, gaps, events."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pyarrow as pa
from sqlalchemy import select

from mousepose.monitor.ledger.ledger import Ledger
from mousepose.monitor.ledger.overview import segment_rows
from mousepose.monitor.ledger.tables import events, gaps
from mousepose.monitor.records import Stage
from mousepose.monitor.store.store import TIME

_SEGMENTS = pa.schema([
    ("cage", pa.string()), ("start", TIME.type), ("stop", TIME.type), ("path", pa.string()),
    ("frames", pa.int64()), ("fps", pa.float64()), ("total", pa.int64()),
    ("damaged", pa.int64()), ("skipped", pa.int64()), ("seen", pa.int64()),
    *((stage.value, pa.string()) for stage in Stage),
])  # fmt: skip
_GAPS = pa.schema([
    ("cage", pa.string()), ("start", TIME.type), ("stop", TIME.type), ("reason", pa.string()),
])  # fmt: skip
_EVENTS = pa.schema([
    ("time", TIME.type), ("cage", pa.string()), ("kind", pa.string()), ("level", pa.string()),
    ("text", pa.string()),
])  # fmt: skip


def _segments(ledger: Ledger) -> pa.Table:
    rows = [
        {**row._mapping, "stop": row.start + round(1e6 * row.seconds)}
        for row in segment_rows(ledger)
    ]
    return _table(rows, _SEGMENTS)


def _gaps(ledger: Ledger) -> pa.Table:
    rows = ledger.database.rows(select(gaps).order_by(gaps.c.start, gaps.c.cage))
    return _table([row._mapping for row in rows], _GAPS)


def _events(ledger: Ledger) -> pa.Table:
    rows = ledger.database.rows(select(events).order_by(events.c.time, events.c.number))
    return _table([row._mapping for row in rows], _EVENTS)


def _table(rows: list[Any], schema: pa.Schema) -> pa.Table:
    """Return rows as a table; whole numbers of microseconds become times."""
    columns = {name: [row[name] for row in rows] for name in schema.names}
    return pa.table([
        pa.array(columns[one.name], pa.int64()).cast(one.type)
        if one.type == TIME.type
        else pa.array(columns[one.name], one.type)
        for one in schema
    ], schema=schema)  # fmt: skip


#: Tables of the ledger by their names in queries.
LEDGER_TABLES: Mapping[str, Callable[[Ledger], pa.Table]] = {
    "segments": _segments, "gaps": _gaps, "events": _events,
}  # fmt: skip
