"""How files of the store are named: by table, study, cage, day and the start of the segment.

A name tells its content too: it ends in a digest of it. So the same work done twice gives the same
file, and work that came out otherwise never takes the place of what readers already use.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime

from mousepose.errors import InputError
from mousepose.monitor.records import stamp

#: Tables that people query; what else is in the store is for the monitor itself.
READ = ("points", "poses", "minutes", "strides", "bouts")
#: What studies, cages and mice may be called: names that are one folder on every file system.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
#: Names that one system or another takes for a device or cuts.
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
_KEY = re.compile(
    r"(?P<table>[a-z_]+)/study=(?P<study>[^/]+)/cage=(?P<cage>[^/]+)/date=(?P<date>\d{4}-\d\d-\d\d)"
    r"/(?:(?P<start>\d{8}T\d{6}\.\d{6}Z)|day)(?:~(?P<part>[^/~]+))?~(?P<digest>[0-9a-f]{16})"
    r"\.[a-z0-9]+"
)
_DIGEST_LETTERS = 16


@dataclass(frozen=True)
class Named:
    """What a file's name tells; `segment_id` is None where it holds a whole day."""

    table: str
    study: str
    cage: str
    date: date
    segment_id: str | None
    part: str


def name_fault(name: str) -> str | None:
    """Return why `name` cannot be a folder's name everywhere, None where it can."""
    if not _NAME.fullmatch(name) or name.endswith("."):
        return (
            "expected 1 to 64 of the letters A-Z and a-z, digits, '.', '_' and '-', the first a "
            f"letter or digit, the last no '.', got {name[:80]!r}"
        )
    if _RESERVED.fullmatch(name):
        return f"{name!r} is the name of a device on some systems; choose another one"
    return None


def folder_of(table: str, study: str, cage: str, day: date) -> str:
    """Return the folder of a table's files of a cage and day, below the store's root.

    Raises `InputError` for names that lead elsewhere.
    """
    for what, name in (("table", table), ("study", study), ("cage", cage)):
        fault = name_fault(name)
        if fault is not None:
            raise InputError(f"{what}: {fault}")
    return f"{table}/study={study}/cage={cage}/date={day.isoformat()}"


def segment_key(
    table: str, study: str, cage: str, start: datetime, part: str, digest: str, suffix: str
) -> str:
    """Return the key of a segment's file; `part` tells several of one table apart."""
    fault = name_fault(part) if part else None
    if fault is not None:
        raise InputError(f"part: {fault}")
    folder = folder_of(table, study, cage, start.astimezone(UTC).date())
    middle = f"~{part}" if part else ""
    return f"{folder}/{stamp(start)}{middle}~{digest[:_DIGEST_LETTERS]}{suffix}"


def day_key(table: str, study: str, cage: str, day: date, digest: str) -> str:
    """Return the key of a file that holds all of a cage's day."""
    return f"{folder_of(table, study, cage, day)}/day~{digest[:_DIGEST_LETTERS]}.parquet"


def named(key: str) -> Named | None:
    """Return what a key tells, None for one that is not of the store's making."""
    match = _KEY.fullmatch(key)
    if match is None:
        return None
    try:
        day = date.fromisoformat(match["date"])
    except ValueError:
        return None
    start = match["start"]
    segment_id = None if start is None else f"{match['cage']}/{start}"
    return Named(
        match["table"], match["study"], match["cage"], day, segment_id, match["part"] or ""
    )
