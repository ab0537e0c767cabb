"""A thread that reads the ledger and the store, so that no page waits for them.

However many look at the pages, the ledger is asked as often; where it is away the pages show what
was known last, and say so.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

from mousepose.errors import MouseposeError
from mousepose.monitor.ledger.ledger import Ledger
from mousepose.monitor.ledger.overview import (
    Trouble,
    gaps_of,
    glance,
    recent_events,
    store_size,
    time_spent,
    troubles,
)
from mousepose.monitor.records import FINISHED, Event, Gap, Stage, Written
from mousepose.monitor.store.layout import named
from mousepose.monitor.store.store import Store
from mousepose.monitor.watch.alert_book import AlertBook
from mousepose.monitor.watch.disks import Disk, Disks
from mousepose.monitor.watch.film import Film, films
from mousepose.monitor.watch.history import History
from mousepose.monitor.watch.pictures import PICTURE
from mousepose.monitor.watch.rules import Facts, still, thirst
from mousepose.monitor.watch.settings import WatchSettings
from mousepose.monitor.watch.snapshot import CageView, Snapshot, state_of

_log = logging.getLogger(__name__)

_DAY, _WEEK = timedelta(hours=24), timedelta(days=7)
#: Events and pictures of a cage that are shown, and events that are read for all.
_EVENTS, _PICTURES, _ALL_EVENTS = 60, 6, 3000
#: Pictures that are held in memory, and the largest that is shown, bytes.
_PICTURES_KEPT, _LARGEST_PICTURE = 400, 4_000_000
#: Reading takes at most one part in so many of the time.
_SPARING = 4
#: Seconds that minutes are read for at once; a room that ran for long shows its cages before that.
_MINUTES_S = 4.0
#: The ledger looks through all of its work to tell how long it took: asked this seldom, s.
_SPENT_S = 900.0
#: Seconds without an answer of the ledger after which what is shown counts as old.
OLD_S = 60.0


class _Slow:
    """What is read once a minute."""

    def __init__(self) -> None:
        self.whole = True
        self.films: Mapping[str, Film] = {}
        self.events: dict[str, list[Event]] = {}
        self.gaps: dict[str, list[Gap]] = {}
        self.troubles: list[Trouble] = []
        self.disks: list[Disk] = []
        self.stored: Mapping[str, tuple[int, int]] = {}
        self.spent: Mapping[Stage, Mapping[str, float]] = {}
        self.pictures: dict[str, list[Written]] = {}


class Keeper:
    """Keeps `snapshot` up to date from `start` to `stop`; `complaints` tells what else is wrong."""

    def __init__(
        self,
        ledger: Ledger,
        store: Store,
        settings: WatchSettings,
        complaints: Callable[[], Sequence[str]] | None = None,
    ) -> None:
        self.settings, self._ledger, self._store = settings, ledger, store
        self._complaints = complaints or tuple
        self.book = AlertBook(ledger)
        self._history, self._disks = History(ledger, store), Disks(settings.disks)
        self._slow, self._slow_until, self._spent_until = _Slow(), 0.0, 0.0
        self._pictures: OrderedDict[str, bytes] = OrderedDict()
        self._lock = threading.Lock()
        self._stop, self._thread = threading.Event(), threading.Thread()
        self._read = -float("inf")
        self.snapshot: Snapshot | None = None
        self.fault = ""

    @property
    def age_s(self) -> float:
        """Seconds since the ledger answered last."""
        return time.monotonic() - self._read

    def retry(self, segment_id: str) -> bool:
        """Try a parked segment again; return whether it was parked."""
        return self._ledger.retry(segment_id)

    def start(self) -> None:
        """Begin to read."""
        self._stop.clear()
        self._thread = threading.Thread(target=self._run, name="keeper", daemon=True)
        self._thread.start()

    def stop(self, patience_s: float = 5.0) -> None:
        """End reading."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(patience_s)

    def refresh(self) -> None:
        """Read everything anew. Raises `FileError` where the ledger is out of reach."""
        now = self._ledger.clock()
        if time.monotonic() >= self._slow_until:
            self._slow = self._read_slowly(now)
            pause = self.settings.minutes_every_s if self._slow.whole else 0.0
            self._slow_until = time.monotonic() + pause
        self.snapshot = self._look(now)
        self._read, self.fault = time.monotonic(), ""

    def picture(self, cage: str, key: str) -> bytes | None:
        """Return a picture of a cage as JPEG, None where the snapshot has none of that key.

        Raises `FileError` where the store cannot be read.
        """
        view = None if self.snapshot is None else self.snapshot.cage(cage)
        written = next((one for one in view.pictures if one.key == key), None) if view else None
        if written is None or written.bytes > _LARGEST_PICTURE:
            return None
        with self._lock:
            content = self._pictures.get(key)
        if content is None:
            content = self._store.read_bytes(written)
        with self._lock:
            self._pictures[key] = content
            self._pictures.move_to_end(key)
            while len(self._pictures) > _PICTURES_KEPT:
                self._pictures.popitem(last=False)
        return content if content.startswith(b"\xff\xd8\xff") else None

    def _run(self) -> None:
        while not self._stop.is_set():
            begin = time.monotonic()
            try:
                self.refresh()
            except MouseposeError as error:
                self.fault = str(error)
                _log.warning("the dashboard shows what was known before: %s", error)
            except Exception as error:
                # whatever it is, the next reading may go well, and the pages say how old they are
                self.fault = f"{type(error).__name__} while reading"
                _log.exception("the dashboard could not read the ledger or the store")
            took = time.monotonic() - begin
            self._stop.wait(max(self.settings.refresh_s, _SPARING * took))

    def _read_slowly(self, now: datetime) -> _Slow:
        slow, since = _Slow(), now - _DAY
        slow.whole = self._history.refresh(now, _MINUTES_S)
        slow.films = films(self._ledger, since)
        for event in recent_events(self._ledger, now - _WEEK, limit=_ALL_EVENTS):
            own = slow.events.setdefault(event.cage, [])
            if len(own) < _EVENTS:
                own.append(event)
        for gap in gaps_of(self._ledger, since=since):
            slow.gaps.setdefault(gap.cage, []).append(gap)
        slow.troubles = troubles(self._ledger)
        slow.disks = self._disks.look(now)
        slow.stored = store_size(self._ledger)
        slow.spent = self._slow.spent
        if time.monotonic() >= self._spent_until:
            slow.spent = time_spent(self._ledger, since)
            self._spent_until = time.monotonic() + _SPENT_S
        for written in self._ledger.files(PICTURE, since=since):
            name = named(written.key)
            if name is not None:
                slow.pictures.setdefault(name.cage, []).append(written)
        return slow

    def _look(self, now: datetime) -> Snapshot:
        slow, glances = self._slow, glance(self._ledger, now - _DAY)
        alerts, untold = self.book.since(now - _DAY), self.book.untold(now - timedelta(minutes=5))
        facts = Facts(
            now, glances, minutes={one.cage: self._history.mice(one.cage) for one in glances}
        )
        limits, views = self.settings.alerts, []
        for one in glances:
            cage, film = one.cage, slow.films.get(one.cage)
            lasting = [alert for alert in alerts if alert.cage == cage and alert.cleared is None]
            state, level = state_of(one, film, lasting, now, self.settings)
            views.append(CageView(
                one, state, level, film, facts.minutes[cage],
                [alert for alert in alerts if alert.cage == cage], slow.events.get(cage, []),
                slow.gaps.get(cage, []), _spread(slow.pictures.get(cage, [])),
                [trouble for trouble in slow.troubles
                 if trouble.segment.cage == cage and trouble.state in FINISHED],
                still(facts, cage, limits), thirst(facts, cage, limits),
            ))  # fmt: skip
        warnings = [*self._complaints(), *list(self._history.faults.values())[:3]]
        return Snapshot(
            now, views, alerts, len(untold) if limits.webhook else 0, slow.disks, slow.stored,
            slow.spent, warnings,
        )  # fmt: skip


def _spread(pictures: list[Written]) -> list[Written]:
    """Return the newest picture, and some over the day before it, the newest first."""
    if len(pictures) <= _PICTURES:
        return pictures[::-1]
    step = (len(pictures) - 1) / (_PICTURES - 1)
    return [pictures[round(place * step)] for place in range(_PICTURES - 1, -1, -1)]
