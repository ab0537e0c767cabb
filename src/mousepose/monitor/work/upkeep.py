"""What the store needs once a day: days put together, old files left out, waste swept away."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta

from mousepose.monitor.ledger.ledger import Ledger
from mousepose.monitor.store.compact import compact
from mousepose.monitor.store.retain import retain, sweep
from mousepose.monitor.store.store import Store
from mousepose.monitor.work.logs import note


class Upkeep:
    """Does it once a day after `hour` (UTC); `retention` is in days by table."""

    def __init__(
        self, ledger: Ledger, store: Store, retention: Mapping[str, float], hour: float
    ) -> None:
        self._ledger, self._store = ledger, store
        self._retention, self._hour = dict(retention), hour
        self._done: date | None = None

    def step(self, now: datetime) -> bool:
        """Do it if it is time; return whether it was done. Raises `FileError`."""
        day = (now.astimezone(UTC) - timedelta(hours=self._hour)).date()
        if day == self._done:
            return False
        self.now()
        self._done = day
        return True

    def now(self) -> str:
        """Do it; return what was done in words. Raises `FileError`."""
        merged = compact(self._ledger, self._store)
        for fault in merged.faults:
            note("error", "upkeep", fault)
        retired = retain(self._ledger, self._retention)
        removed = sweep(self._ledger, self._store)
        text = (
            f"{merged.files} files of {merged.days} days put together, {retired} left out as too "
            f"old, {len(removed)} removed"
        )
        note("info", "upkeep", text)
        return text
