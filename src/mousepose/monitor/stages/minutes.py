"""A row for each UTC minute and mouse of a segment: how far, how fast, what, how well seen."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from mousepose.monitor.minutes import COUNTS, LARGEST, LASTS, SUMS, WEIGHED
from mousepose.types import Floats, Ints

if TYPE_CHECKING:
    import pyarrow as pa

#: us in a minute.
MINUTE = 60_000_000


@dataclass(eq=False)
class Minutes:
    """The minutes of one mouse in a segment: `minute` (N,) us from 1970 at which each begins.

    `of` (T,) is which of them each frame of the segment is in.
    """

    mouse: str
    minute: Ints
    of: Ints
    columns: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of_frames(cls, mouse: str, stamps: Ints) -> Minutes:
        """Return the minutes of frames of some times (T,), us from 1970."""
        minute, of = np.unique(stamps // MINUTE * MINUTE, return_inverse=True)
        return cls(mouse, minute, of)

    def count(self, name: str, flags: Any) -> None:
        """Add how many frames of each minute have a flag (T,)."""
        self.columns[name] = np.bincount(self.of[flags], minlength=len(self.minute))

    def add(self, name: str, values: Floats) -> None:
        """Add the sum of what frames (T,) have, NaN = nothing."""
        filled = np.nan_to_num(values)
        self.columns[name] = np.bincount(self.of, filled, minlength=len(self.minute))

    def largest(self, name: str, values: Floats) -> None:
        """Add the largest of what frames (T,) have, NaN where none has it."""
        most = np.full(len(self.minute), -np.inf)
        known = np.isfinite(values)
        np.maximum.at(most, self.of[known], values[known])
        self.columns[name] = np.where(np.isfinite(most), most, np.nan)

    def mean(self, name: str, values: Floats) -> None:
        """Add the mean of what frames (T,) have, NaN where none has it."""
        known = np.isfinite(values)
        count = np.bincount(self.of[known], minlength=len(self.minute))
        total = np.bincount(self.of[known], values[known], minlength=len(self.minute))
        self.columns[name] = np.where(count > 0, total / np.maximum(count, 1), np.nan)

    def median(self, name: str, values: Floats, stamps: Ints | None = None) -> None:
        """Add the median of what frames (T,), or things at other times (us), have."""
        of = self.of if stamps is None else self._of(stamps)
        known = np.isfinite(values) & (of >= 0)
        found = np.full(len(self.minute), np.nan)
        for minute in np.unique(of[known]):
            found[minute] = np.median(values[known & (of == minute)])
        self.columns[name] = found

    def number(self, name: str, stamps: Ints) -> None:
        """Add how many things of some times (N,) us are in each minute."""
        of = self._of(stamps)
        self.columns[name] = np.bincount(of[of >= 0], minlength=len(self.minute))

    def lasting(self, name: str, start: Ints, stop: Ints) -> None:
        """Add the seconds of each minute that stretches from `start` to `stop` (N,) us cover."""
        total = np.zeros(len(self.minute))
        for begin, end in zip(start.tolist(), stop.tolist(), strict=True):
            inside = np.minimum(self.minute + MINUTE, end) - np.maximum(self.minute, begin)
            total += np.maximum(inside, 0)
        self.columns[f"{LASTS}{name}_s"] = total / 1e6

    def table(self) -> pa.Table:
        """Return a row for each minute, with every column of the table; null where not known."""
        import pyarrow as pa

        columns: dict[str, Any] = {
            "time": pa.array(self.minute, pa.int64()).cast(pa.timestamp("us", tz="UTC")),
            "mouse": pa.repeat(self.mouse, len(self.minute)),
        }
        nothing = np.zeros(len(self.minute), np.int64)
        for name in COUNTS:
            columns[name] = pa.array(self.columns.get(name, nothing), pa.int64())
        known = [*SUMS, *LARGEST, *WEIGHED]
        unknown = np.full(len(self.minute), np.nan)
        for name in [*known, *(name for name in self.columns if name not in (*COUNTS, *known))]:
            values = np.asarray(self.columns.get(name, unknown), np.float64)
            columns[name] = pa.array(values, mask=~np.isfinite(values))
        return pa.table(columns)

    def _of(self, stamps: Ints) -> Ints:
        """Return which minute each time (N,) is in, -1 for none of these."""
        minute = stamps // MINUTE * MINUTE
        place = np.clip(np.searchsorted(self.minute, minute), 0, max(len(self.minute) - 1, 0))
        if not len(self.minute):
            return np.full(len(stamps), -1)
        return np.where(self.minute[place] == minute, place, -1)


def joined_tables(parts: Iterable[pa.Table]) -> pa.Table | None:
    """Return tables of several mice as one, None where none has a row.

    It has the columns of all of them, also of those without rows, so that files differ little.
    """
    import pyarrow as pa

    tables = list(parts)
    if not any(len(table) for table in tables):
        return None
    return pa.concat_tables(tables, promote_options="default")
