"""The tables of the ledger, in SQL that SQLite and PostgreSQL both speak.

Times are whole microseconds since 1970 in UTC: exact, and the same in every database.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

#: Raised with every change of the tables; a ledger of another version is not opened.
VERSION = 1

metadata = MetaData()

about = Table(
    "about", metadata, Column("name", String(32), primary_key=True), Column("value", Text)
)

#: A cage's row is locked by what changes its segments, so that this is done one by one. `settled`:
#: the animals are learned, poses no longer wait for those before.
cages = Table(
    "cages",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("animals", Integer),
    Column("settled", Boolean, nullable=False),
)

#: `before` and `after` are the neighbours without a gap between; `border` tells whether the next
#: one is known ("open", "joined", "closed"). The counts are of frames, after POINTS.
segments = Table(
    "segments",
    metadata,
    Column("id", String(96), primary_key=True),
    Column("cage", String(64), ForeignKey("cages.name"), nullable=False),
    Column("start", BigInteger, nullable=False),
    Column("path", Text, nullable=False),
    Column("frames", BigInteger, nullable=False),
    Column("fps", Float, nullable=False),
    Column("seconds", Float, nullable=False),
    Column("digest", String(128), nullable=False),
    Column("follows", Boolean, nullable=False),
    Column("before", String(96)),
    Column("after", String(96)),
    Column("border", String(8), nullable=False),
    Column("added", BigInteger, nullable=False),
    Column("every", Integer),
    Column("total", BigInteger),
    Column("damaged", BigInteger),
    Column("skipped", BigInteger),
    Column("seen", BigInteger),
    UniqueConstraint("cage", "start"),
    Index("segments_by_path", "cage", "path"),
    Index("segments_by_border", "border", "added"),
)

#: `position` is the order in which stages are done. `ready` tells that what it needs is there.
stages = Table(
    "stages",
    metadata,
    Column("segment_id", String(96), ForeignKey("segments.id"), primary_key=True),
    Column("stage", String(16), primary_key=True),
    Column("position", Integer, nullable=False),
    Column("cage", String(64), nullable=False),
    Column("start", BigInteger, nullable=False),
    Column("state", String(8), nullable=False),
    Column("ready", Boolean, nullable=False),
    Column("not_before", BigInteger, nullable=False),
    Column("worker", String(128)),
    Column("token", String(64), unique=True),
    Column("lease_until", BigInteger),
    Column("tries", Integer, nullable=False),
    Column("interruptions", Integer, nullable=False),
    Column("reason", Text),
    Column("log", Text),
    Column("took", Text),
    Column("changed", BigInteger, nullable=False),
    Index("stages_by_state", "state", "ready", "cage", "start"),
    Index("stages_by_cage", "cage", "start", "stage", "state"),
    Index("stages_by_changed", "state", "changed"),
)

#: Files that count (`retired` is empty), and those that no longer do and are removed soon.
files = Table(
    "files",
    metadata,
    Column("key", String(512), primary_key=True),
    Column("table_name", String(32), nullable=False),
    Column("cage", String(64), nullable=False),
    Column("day", String(10), nullable=False),
    Column("rows", BigInteger, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("columns", String(16), nullable=False),
    Column("first", BigInteger, nullable=False),
    Column("last", BigInteger, nullable=False),
    Column("retired", BigInteger),
    Index("files_by_table", "table_name", "cage", "first"),
    Index("files_by_retired", "retired"),
)

#: Which rows of which file a stage of a segment gave; `name` tells several of one table apart.
parts = Table(
    "parts",
    metadata,
    Column("segment_id", String(96), ForeignKey("segments.id"), primary_key=True),
    Column("stage", String(16), primary_key=True),
    Column("table_name", String(32), primary_key=True),
    Column("name", String(64), primary_key=True),
    Column("key", String(512), ForeignKey("files.key"), nullable=False),
    Column("cage", String(64), nullable=False),
    Column("offset", BigInteger, nullable=False),
    Column("rows", BigInteger, nullable=False),
    Column("first", BigInteger, nullable=False),
    Column("last", BigInteger, nullable=False),
    Index("parts_by_key", "key"),
    Index("parts_by_table", "table_name", "cage"),
)

gaps = Table(
    "gaps",
    metadata,
    Column("cage", String(64), primary_key=True),
    Column("start", BigInteger, primary_key=True),
    Column("stop", BigInteger, nullable=False),
    Column("reason", Text, nullable=False),
)

#: `mark` is a digest of what happened: the same thing told twice is there once.
events = Table(
    "events",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("cage", String(64), nullable=False),
    Column("time", BigInteger, nullable=False),
    Column("kind", String(32), nullable=False),
    Column("text", Text, nullable=False),
    Column("level", String(8), nullable=False),
    Column("segment_id", String(96)),
    Column("mark", String(64), nullable=False, unique=True),
    Index("events_by_cage", "cage", "time"),
    Index("events_by_time", "time"),
)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def to_number(time: datetime) -> int:
    """Return a time as whole microseconds since 1970, UTC."""
    return (time - _EPOCH) // _MICROSECOND


def to_time(number: int) -> datetime:
    """Return the time of whole microseconds since 1970, in UTC."""
    return _EPOCH + number * _MICROSECOND
