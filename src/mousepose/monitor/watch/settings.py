"""What the dashboard and the alerts are told about the room, checked when they start."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime, time
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from mousepose.errors import InputError

if TYPE_CHECKING:
    from mousepose.monitor.room_settings import Room
    from mousepose.monitor.room_watch import Alerts

#: Fewer characters than these can be guessed.
LEAST_TOKEN = 16
_TOKEN = re.compile(r"[\x21-\x7e]+")


def _usual_alerts() -> Alerts:
    from mousepose.monitor.room_watch import Alerts

    return Alerts()


@dataclass(frozen=True, eq=False)
class WatchSettings:
    """How a room is shown, and when someone is told.

    `token` lets its holder change things: without one nothing can be changed. `names` are host
    names under which the page may be asked for, besides addresses and this machine's own. Times are
    shown in `zone`; it is dark from `lights_off` to `lights_on`. Alerts watch the room on `disks`;
    no new film is awaited of the cages in `lists`. What is shown is read anew every `refresh_s`,
    minutes every `minutes_every_s` seconds.
    """

    title: str = "Room"
    alerts: Alerts = field(default_factory=_usual_alerts)
    token: str | None = field(default=None, repr=False)
    names: tuple[str, ...] = ()
    zone: str = "UTC"
    lights_on: time | None = None
    lights_off: time | None = None
    disks: tuple[Path, ...] = ()
    lists: frozenset[str] = frozenset()
    refresh_s: float = 5.0
    minutes_every_s: float = 60.0

    def __post_init__(self) -> None:
        if self.token is not None and not (
            _TOKEN.fullmatch(self.token) and len(self.token) >= LEAST_TOKEN
        ):
            raise InputError(
                f"watch: token: expected {LEAST_TOKEN} or more visible ASCII characters, got "
                f"{len(self.token)}; such as that of: openssl rand -hex 24"
            )
        if (self.lights_on is None) != (self.lights_off is None):
            raise InputError("watch: give both lights-on and lights-off, or neither")

    @classmethod
    def of_room(cls, room: Room) -> WatchSettings:
        """Return the settings of a room."""
        watch = room.watch
        on, off = (_clock(told) for told in (watch.lights_on, watch.lights_off))
        folders = [room.spool] + ([] if "://" in room.store else [Path(room.store)])
        lists = frozenset(cage.name for cage in room.cage if cage.source.kind == "files")
        return cls(
            room.study, room.alerts, watch.token, tuple(watch.names), room.time_zone, on, off,
            tuple(folders), lists,
        )  # fmt: skip

    def local(self, moment: datetime) -> datetime:
        """Return a time as the room's clocks show it."""
        return moment.astimezone(ZoneInfo(self.zone))

    def is_dark(self, moment: datetime) -> bool:
        """Tell whether the room's lights are off at a time; never where that is not known."""
        if self.lights_on is None or self.lights_off is None:
            return False
        now = self.local(moment).time()
        if self.lights_off > self.lights_on:
            return now >= self.lights_off or now < self.lights_on
        return self.lights_off <= now < self.lights_on


def _clock(told: str | None) -> time | None:
    """Return a time of the day such as "07:00". Raises `InputError`."""
    if told is None:
        return None
    try:
        return time.fromisoformat(told)
    except ValueError:
        raise InputError(f"watch: expected a time as 07:00, got {told[:40]!r}") from None
