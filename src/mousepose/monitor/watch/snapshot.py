"""What the pages show: all that is known of a room at one moment, read before anyone asks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from mousepose.monitor.ledger.overview import Accounts, CageGlance, Trouble
from mousepose.monitor.records import Event, Gap, Stage, Written
from mousepose.monitor.watch.alert_book import Alert
from mousepose.monitor.watch.baseline import Against
from mousepose.monitor.watch.disks import Disk
from mousepose.monitor.watch.film import Film
from mousepose.monitor.watch.history import MouseMinutes
from mousepose.monitor.watch.rules import awaited_s
from mousepose.monitor.watch.settings import WatchSettings

#: How bad things are, the least first.
LEVELS = ("good", "idle", "warning", "error")
#: What a cage with an alert of a kind is called, what matters most first.
_WORDS = {
    "gone": "no film", "dark": "dark", "still": "hardly moves", "thirst": "hardly drinks",
    "behind": "behind", "unseen": "no mouse seen", "moved": "camera moved",
    "parked": "segments parked",
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class CageView:
    """All that is shown of a cage; `pictures` are the newest ones, the last first."""

    glance: CageGlance
    state: str
    level: str
    film: Film | None = None
    minutes: Mapping[str, MouseMinutes] = field(default_factory=dict)
    alerts: Sequence[Alert] = ()
    events: Sequence[Event] = ()
    gaps: Sequence[Gap] = ()
    pictures: Sequence[Written] = ()
    troubles: Sequence[Trouble] = ()
    moves: Against | None = None
    drinks: Against | None = None

    @property
    def name(self) -> str:
        """The cage's name."""
        return self.glance.cage


@dataclass(frozen=True, eq=False)
class Snapshot:
    """A room at a moment: its cages in the order of names, what is wrong, and how much is stored.

    `warnings` are what the program that does the work, or files that cannot be read, complain of.
    """

    moment: datetime
    cages: Sequence[CageView] = ()
    alerts: Sequence[Alert] = ()
    untold: int = 0
    disks: Sequence[Disk] = ()
    stored: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    spent: Mapping[Stage, Mapping[str, float]] = field(default_factory=dict)
    warnings: Sequence[str] = ()

    def cage(self, name: str) -> CageView | None:
        """Return the cage of a name, None where there is none."""
        return next((cage for cage in self.cages if cage.name == name), None)

    @property
    def accounts(self) -> Accounts:
        """What became of the frames of all cages."""
        total = [cage.glance.accounts for cage in self.cages]
        names = ("segments", "listed", "total", "damaged", "skipped", "seen", "parked", "lost",
                 "waiting")  # fmt: skip
        return Accounts(**{name: sum(getattr(one, name) for one in total) for name in names})


def state_of(
    glance: CageGlance, film: Film | None, alerts: Sequence[Alert], now: datetime,
    settings: WatchSettings,
) -> tuple[str, str]:  # fmt: skip
    """Return how a cage is in one or two words, and how bad that is, one of `LEVELS`."""
    if glance.newest is None:
        return "no film yet", "idle"
    kinds = {alert.kind: alert.level for alert in alerts}
    listed = glance.cage in settings.lists
    age = (now - glance.newest).total_seconds()
    if not listed and age > awaited_s(film, settings.alerts):
        kinds["gone"] = "error"
    if glance.backlog_s > 60 * settings.alerts.behind_minutes:
        kinds.setdefault("behind", "warning")
    known = [(level, kind) for kind, level in kinds.items() if level in LEVELS and kind in _WORDS]
    for level in reversed(LEVELS):
        for kind, words in _WORDS.items():
            if (level, kind) in known:
                return words, level
    if listed:
        return ("working", "good") if glance.backlog_s else ("done", "idle")
    return "live", "good"
