"""How much room is left on disks, and when they will be full."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

#: Readings of free room are this far apart, s, and the oldest so old.
_APART, _OLDEST = 600.0, timedelta(hours=24)
#: Readings over less than this tell nothing of how quickly a disk fills.
_LEAST = timedelta(hours=1)


@dataclass(frozen=True)
class Disk:
    """A disk: the folder that lies on it, bytes of it in all and free, and when it will be full.

    `full` is None where it does not fill, or is not known yet.
    """

    folder: str
    total: int
    free: int
    full: datetime | None = None

    @property
    def free_percent(self) -> float:
        """The free share in percent."""
        return 100 * self.free / max(self.total, 1)


@dataclass(eq=False)
class Disks:
    """Watches the disks on which some folders lie; each disk is told once."""

    folders: Iterable[Path]
    _readings: dict[int, list[tuple[datetime, int]]] = field(default_factory=dict)

    def look(self, now: datetime) -> list[Disk]:
        """Return the disks as they are now; folders that are not there are left out."""
        found: dict[int, Disk] = {}
        for folder in self.folders:
            there = next((one for one in (folder, *folder.parents) if one.is_dir()), None)
            if there is None:
                continue
            try:
                device, usage = there.stat().st_dev, shutil.disk_usage(there)
            except OSError:
                continue
            if device not in found:
                full = self._full(device, usage.free, now)
                found[device] = Disk(str(folder), usage.total, usage.free, full)
        return list(found.values())

    def _full(self, device: int, free: int, now: datetime) -> datetime | None:
        readings = self._readings.setdefault(device, [])
        if not readings or (now - readings[-1][0]).total_seconds() >= _APART:
            readings.append((now, free))
        while now - readings[0][0] > _OLDEST:
            readings.pop(0)
        begun, before = readings[0]
        if now - begun < _LEAST or before <= free:
            return None
        left = free / (before - free) * (now - begun)
        return now + min(left, timedelta(days=3650))
