"""The alerts of a room in the ledger's database: each there once while it lasts.

They outlive the program, and any process that knows the ledger sees them. What is to be sent is
kept here too, so that nothing is forgotten when a program ends before it was sent.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Index,
    Integer,
    MetaData,
    Row,
    String,
    Table,
    Text,
    insert,
    or_,
    select,
    update,
)

from mousepose.monitor.ledger.ledger import Ledger
from mousepose.monitor.ledger.tables import to_number, to_time

_metadata = MetaData()

#: `mark` is a digest of what it is about while it lasts, and empty afterwards; `tell_from` is when
#: it may be sent; `told` and `told_over` are when its beginning and end were.
_alerts = Table(
    "alerts",
    _metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("mark", String(64), unique=True),
    Column("cage", String(64), nullable=False),
    Column("kind", String(32), nullable=False),
    Column("part", Text, nullable=False),
    Column("level", String(8), nullable=False),
    Column("text", Text, nullable=False),
    Column("raised", BigInteger, nullable=False),
    Column("cleared", BigInteger),
    Column("acknowledged", BigInteger),
    Column("tell_from", BigInteger, nullable=False),
    Column("told", BigInteger),
    Column("told_over", BigInteger),
    Index("alerts_by_time", "raised"),
    Index("alerts_by_cleared", "cleared"),
)

#: What is about a cage as a whole, and about the room.
Key = tuple[str, str, str]
#: Alerts that were not sent after this long are given up, and more than so many are not kept.
_GIVEN_UP = timedelta(hours=24)
_MOST_UNTOLD = 500
#: PostgreSQL: two coordinators do not update at once.
_LOCK = 7_238_458


@dataclass(frozen=True)
class Finding:
    """What is wrong now: in a `cage` ("" for the room), of a `kind`, with a `part` of it."""

    cage: str
    kind: str
    text: str
    level: str = "warning"
    part: str = ""

    @property
    def key(self) -> Key:
        """What tells it from other alerts."""
        return self.cage, self.kind, self.part


@dataclass(frozen=True)
class Alert:
    """An alert: when it was raised, and cleared or acknowledged if it was."""

    number: int
    cage: str
    kind: str
    part: str
    level: str
    text: str
    raised: datetime
    cleared: datetime | None = None
    acknowledged: datetime | None = None

    @property
    def key(self) -> Key:
        """What tells it from other alerts."""
        return self.cage, self.kind, self.part


@dataclass(frozen=True)
class Change:
    """An alert that was raised, or that is over."""

    alert: Alert
    over: bool


class AlertBook:
    """The alerts of a ledger; any thread may use it. Raises `FileError` as the ledger does."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        ledger.database.write(_prepare)

    def now(self) -> datetime:
        """Return the time by the ledger's clock."""
        return self._ledger.clock()

    def open(self) -> list[Alert]:
        """Return alerts that last, the newest first."""
        query = select(_alerts).where(_alerts.c.mark.is_not(None))
        rows = self._ledger.database.rows(query.order_by(_alerts.c.number.desc()))
        return [_alert(row) for row in rows]

    def since(self, moment: datetime, limit: int = 500) -> list[Alert]:
        """Return alerts that last or were cleared since a time, the newest first."""
        query = select(_alerts).where(
            or_(_alerts.c.mark.is_not(None), _alerts.c.cleared >= to_number(moment))
        )
        rows = self._ledger.database.rows(query.order_by(_alerts.c.number.desc()).limit(limit))
        return [_alert(row) for row in rows]

    def update(
        self,
        findings: Collection[Finding],
        unknown: Collection[tuple[str, str]],
        now: datetime,
        repeat: timedelta,
    ) -> list[Change]:
        """Raise what is found and not there yet, clear what is not found any more.

        What cannot be told now, cage and kind in `unknown`, stays as it is. The same alert is sent
        no sooner than `repeat` after it was last.
        """
        told = {finding.key: finding for finding in findings}
        return self._ledger.database.write(
            lambda it: _update(it, told, set(unknown), to_number(now), repeat // _MICROSECOND)
        )

    def acknowledge(self, number: int, now: datetime) -> bool:
        """Note that someone knows of an alert; return whether it lasts and no one did."""
        change = update(_alerts).where(
            _alerts.c.number == number,
            _alerts.c.mark.is_not(None),
            _alerts.c.acknowledged.is_(None),
        )
        change = change.values(acknowledged=to_number(now))
        return self._ledger.database.write(lambda it: it.execute(change).rowcount == 1)

    def untold(self, now: datetime) -> list[Change]:
        """Return what is to be sent, the oldest first; what is older than a day is given up."""
        moment, old = to_number(now), to_number(now - _GIVEN_UP)
        begun = (_alerts.c.told.is_(None)) & (_alerts.c.tell_from <= moment)
        begun &= _alerts.c.cleared.is_(None) & (_alerts.c.raised >= old)
        over = _alerts.c.told.is_not(None) & _alerts.c.told_over.is_(None)
        over &= _alerts.c.cleared >= old
        query = select(_alerts).where(or_(begun, over)).order_by(_alerts.c.number)
        rows = self._ledger.database.rows(query.limit(_MOST_UNTOLD))
        return [Change(_alert(row), row.cleared is not None) for row in rows]

    def was_told(self, change: Change, now: datetime) -> None:
        """Note that a change was sent."""
        done = update(_alerts).where(_alerts.c.number == change.alert.number)
        values = {"told_over" if change.over else "told": to_number(now)}
        self._ledger.database.write(lambda it: it.execute(done.values(values)))


_MICROSECOND = timedelta(microseconds=1)


def _prepare(connection: Connection) -> None:
    _lock(connection)
    _metadata.create_all(connection)


def _lock(connection: Connection) -> None:
    """One at a time; in SQLite whoever writes is alone anyway."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")


def _update(
    connection: Connection,
    found: Mapping[Key, Finding],
    unknown: Collection[tuple[str, str]],
    now: int,
    repeat: int,
) -> list[Change]:
    _lock(connection)
    query = select(_alerts).where(_alerts.c.mark.is_not(None))
    lasting = {(row.cage, row.kind, row.part): row for row in connection.execute(query)}
    changes = []
    for key, row in lasting.items():
        own = update(_alerts).where(_alerts.c.number == row.number)
        if key in found:
            new = found[key]
            if (row.text, row.level) != (new.text, new.level):
                connection.execute(own.values(text=new.text, level=new.level))
        elif key[:2] not in unknown:
            connection.execute(own.values(mark=None, cleared=now))
            changes.append(Change(_alert(row, cleared=now), over=True))
    for key, finding in found.items():
        if key not in lasting:
            changes.append(Change(_raised(connection, finding, now, repeat), over=False))
    return changes


def _raised(connection: Connection, finding: Finding, now: int, repeat: int) -> Alert:
    mark = hashlib.sha256("\0".join(finding.key).encode("utf-8", "replace")).hexdigest()
    last = connection.scalar(
        select(_alerts.c.told)
        .where(
            _alerts.c.cage == finding.cage,
            _alerts.c.kind == finding.kind,
            _alerts.c.part == finding.part,
            _alerts.c.told.is_not(None),
        )
        .order_by(_alerts.c.number.desc())
        .limit(1)
    )
    values: dict[str, Any] = {
        "mark": mark, "cage": finding.cage, "kind": finding.kind, "part": finding.part,
        "level": finding.level, "text": finding.text, "raised": now,
        "tell_from": now if last is None else max(now, last + repeat),
    }  # fmt: skip
    connection.execute(insert(_alerts).values(values))
    row = connection.execute(select(_alerts).where(_alerts.c.mark == mark)).one()
    return _alert(row)


def _alert(row: Row[Any], cleared: int | None = None) -> Alert:
    def moment(number: int | None) -> datetime | None:
        return None if number is None else to_time(number)

    return Alert(
        row.number, row.cage, row.kind, row.part, row.level, row.text, to_time(row.raised),
        moment(row.cleared if cleared is None else cleared), moment(row.acknowledged),
    )  # fmt: skip
