"""The minutes of all cages in memory: those of some days, read once, new ones added."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mousepose.errors import FileError
from mousepose.monitor.ledger.ledger import Ledger
from mousepose.monitor.ledger.tables import to_number
from mousepose.monitor.records import Written
from mousepose.monitor.store.layout import named
from mousepose.monitor.store.store import Store
from mousepose.types import Floats, Ints

#: us, s and number of minutes.
MINUTE_US = 60_000_000
DAY = 1440
#: Days before this one that are looked back at.
DAYS = 14
#: What adds up of minutes, and means by the column that weighs them.
SUMS = (
    "frames", "looked", "seen", "solved", "seconds", "distance_mm", "strides", "time_mobile_s",
    "time_rearing_s", "time_drinking_s",
)  # fmt: skip
_MEANS = {"confidence": "seen", "inferred": "solved", "residual_px": "solved"}
_COLUMNS = (*SUMS, *_MEANS, *(f"{name} weight" for name in _MEANS))
_PLACE = {name: place for place, name in enumerate(_COLUMNS)}


@dataclass(frozen=True, eq=False)
class MouseMinutes:
    """Minutes of one mouse on a grid of all minutes from `first`, minutes from 1970, on.

    Sums are 0 where nothing is known of a minute, `seconds` tells how much is.
    """

    first: int
    sums: NDArray[np.float32]

    def of(self, name: str) -> Floats:
        """Return a sum (N,) of each minute."""
        return self.sums[:, _PLACE[name]].astype(np.float64)

    def mean(self, name: str, start: int, stop: int) -> float:
        """Return a mean over minutes `start` to before `stop`, counted from `first`."""
        part = self.sums[max(start, 0) : max(stop, 0)].astype(np.float64)
        weight = part[:, _PLACE[f"{name} weight"]].sum()
        return float(part[:, _PLACE[name]].sum() / weight) if weight > 0 else float("nan")

    def total(self, name: str, start: int, stop: int) -> float:
        """Return a sum over minutes `start` to before `stop`, counted from `first`."""
        return float(self.sums[max(start, 0) : max(stop, 0), _PLACE[name]].sum(dtype=np.float64))


@dataclass(frozen=True, eq=False)
class _Rows:
    """What a file holds: minutes (N,) from 1970, mice (N,), values (N, C)."""

    cage: str
    minute: Ints
    mouse: list[str]
    values: NDArray[np.float32]


@dataclass(eq=False)
class History:
    """Minutes of all cages of the last `DAYS` days and today."""

    ledger: Ledger
    store: Store
    _rows: dict[str, _Rows] = field(default_factory=dict)
    _cages: dict[str, dict[str, MouseMinutes]] = field(default_factory=dict)
    _first: int = 0
    #: Files that could not be read, with the reason.
    faults: dict[str, str] = field(default_factory=dict)

    def refresh(self, now: datetime, budget_s: float = math.inf) -> bool:
        """Read what is new, the newest first; return whether that was all of it.

        What takes longer than `budget_s` is read the next time. A file that cannot be read is left
        out and told in `faults`. Raises `FileError` where the ledger is out of reach.
        """
        until = time.monotonic() + budget_s
        since = now - timedelta(days=DAYS + 1)
        files = {one.key: one for one in self.ledger.files("minutes", since=since) if one.rows}
        changed = {self._rows.pop(key).cage for key in set(self._rows) - set(files)}
        self.faults = {}
        for key, written in reversed(files.items()):
            if key in self._rows:
                continue
            if time.monotonic() > until:
                break
            try:
                rows = self._read(written)
            except FileError as error:
                self.faults[key] = str(error)
                continue
            self._rows[key] = rows
            changed.add(rows.cage)
        first = to_number(since) // MINUTE_US // DAY * DAY
        if first != self._first:
            self._first, changed = first, {rows.cage for rows in self._rows.values()} | changed
        stop = to_number(now) // MINUTE_US + 1
        self._build(changed, stop)
        return len(self._rows) + len(self.faults) == len(files)

    def mice(self, cage: str) -> Mapping[str, MouseMinutes]:
        """Return the minutes of each mouse of a cage, in the order of names."""
        return self._cages.get(cage, {})

    def _read(self, written: Written) -> _Rows:
        name = named(written.key)
        if name is None:
            raise FileError(f"{written.key}: is not of the store's making")
        table = self.store.read(written)
        minute = table["time"].cast("int64").to_numpy() // MINUTE_US
        values = np.zeros((len(table), len(_COLUMNS)), np.float32)
        for column in SUMS:
            values[:, _PLACE[column]] = np.nan_to_num(_numbers(table, column))
        for column, weight in _MEANS.items():
            mean = _numbers(table, column)
            counted = np.where(np.isfinite(mean), np.nan_to_num(_numbers(table, weight)), 0.0)
            values[:, _PLACE[column]] = np.nan_to_num(mean) * counted
            values[:, _PLACE[f"{column} weight"]] = counted
        return _Rows(name.cage, minute, table["mouse"].to_pylist(), values)

    def _build(self, cages: Iterable[str], stop: int) -> None:
        by_cage: dict[str, list[_Rows]] = {cage: [] for cage in cages}
        for rows in self._rows.values():
            if rows.cage in by_cage:
                by_cage[rows.cage].append(rows)
        for cage, parts in by_cage.items():
            mice = sorted({mouse for rows in parts for mouse in rows.mouse})
            last = max((int(rows.minute.max()) for rows in parts), default=0)
            # clocks may be ahead, but a file of the year 3000 does not fill the memory
            length = min(max(stop, last + 1), stop + DAY) - self._first
            grids = {mouse: np.zeros((length, len(_COLUMNS)), np.float32) for mouse in mice}
            for rows in parts:
                place = rows.minute - self._first
                inside = (place >= 0) & (place < length)
                who = np.array(rows.mouse)
                for mouse in set(rows.mouse):
                    own = inside & (who == mouse)
                    np.add.at(grids[mouse], place[own], rows.values[own])
            self._cages[cage] = {mouse: MouseMinutes(self._first, grid)
                                 for mouse, grid in grids.items()}  # fmt: skip


def _numbers(table: Any, column: str) -> Floats:
    """Return a column as numbers, NaN where it is missing."""
    if column not in table.column_names:
        return np.full(len(table), np.nan)
    return np.asarray(table[column].to_numpy(), np.float64)
