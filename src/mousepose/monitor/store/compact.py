"""A day's many small files put into one, when nothing more is to be done on the day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date

from mousepose.errors import MouseposeError
from mousepose.monitor.ledger.ledger import Ledger
from mousepose.monitor.store.layout import READ
from mousepose.monitor.store.store import Store
from mousepose.types import Progress


@dataclass(frozen=True)
class Compacted:
    """What was put together: `files` of `days` (one of a table and cage each) became one a day.

    `faults` are in words: days that stay as they are, and why.
    """

    days: int
    files: int
    faults: tuple[str, ...]


def compact(ledger: Ledger, store: Store, progress: Progress | None = None) -> Compacted:
    """Put together every day that is over and finished, in UTC, of all tables that are read.

    Readers see the files of before or the one of after, never both: the ledger swaps them in one
    transaction. Those of before lie on for a while, for those who read them now (`sweep`). It may
    run while work goes on, and in two processes: the second to finish a day changes nothing.
    """
    today = ledger.clock().astimezone(UTC).date()
    todo = [(table, *one) for table in READ for one in ledger.scattered_days(table, today)]
    days = files = 0
    faults = []
    for number, (table, cage, day) in enumerate(todo):
        if progress is not None:
            progress("putting days together", number, len(todo))
        try:
            merged = compact_day(ledger, store, table, cage, day)
        except MouseposeError as error:
            faults.append(f"{table} of {cage} on {day}: {error}")
            continue
        files += merged
        days += merged > 0
    return Compacted(days, files, tuple(faults))


def compact_day(ledger: Ledger, store: Store, table: str, cage: str, day: date) -> int:
    """Put a cage's day of a table together; return how many files became one, 0 for none.

    Raises `FileError` for a file that cannot be read, `InputError` for types that do not agree.
    """
    old = ledger.day_parts(table, cage, day)
    count = len({one.key for one in old})
    if count < 2:
        return 0
    new = store.write_day(table, cage, day, old)
    if ledger.replace_files(old, new):
        return count
    return 0  # another process was faster; what was written is swept away
