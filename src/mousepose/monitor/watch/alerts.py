"""Alerts: what is wrong in a room is raised once, cleared when it is over, and sent."""

from __future__ import annotations

from datetime import datetime, timedelta

from mousepose.closing import Closing
from mousepose.monitor.ledger.ledger import Ledger
from mousepose.monitor.ledger.overview import glance, troubles
from mousepose.monitor.store.store import Store
from mousepose.monitor.watch.alert_book import AlertBook, Change
from mousepose.monitor.watch.disks import Disks
from mousepose.monitor.watch.film import films, last_events
from mousepose.monitor.watch.history import History
from mousepose.monitor.watch.rules import MOVED_FOR, Facts, judge
from mousepose.monitor.watch.settings import WatchSettings
from mousepose.monitor.watch.webhook import Webhook

_DAY = timedelta(hours=24)


class Alerts(Closing):
    """Checks a room by its ledger and the minutes in its store; a context manager.

    Changes are sent to the webhook of `settings.alerts`, where there is one, by a thread.
    """

    def __init__(self, ledger: Ledger, store: Store, settings: WatchSettings) -> None:
        """Raise `FileError` where the ledger is out of reach."""
        self._ledger, self._limits = ledger, settings.alerts
        self._lists = settings.lists
        self._history = History(ledger, store)
        self._disks = Disks(settings.disks)
        self.book = AlertBook(ledger)
        url = settings.alerts.webhook
        self._webhook = None if url is None else Webhook(self.book, url, settings.title)

    def check(self, now: datetime) -> list[Change]:
        """Look at everything; return what was raised and what is over.

        Call it about once a minute. Raises `FileError` where the ledger is out of reach.
        """
        self._history.refresh(now)
        cages = glance(self._ledger, now - _DAY)
        facts = Facts(
            now=now,
            cages=cages,
            films=films(self._ledger, now - _DAY),
            minutes={cage.cage: self._history.mice(cage.cage) for cage in cages},
            events=last_events(self._ledger, ("dark", "moved"), now - max(_DAY, MOVED_FOR)),
            troubles=troubles(self._ledger),
            disks=self._disks.look(now),
            raised=frozenset(alert.key for alert in self.book.open()),
            lists=self._lists,
        )
        found = judge(facts, self._limits)
        repeat = timedelta(minutes=self._limits.repeat_minutes)
        changes = self.book.update(found.findings, found.unknown, now, repeat)
        if self._webhook is not None:
            self._webhook.poke()
        return changes

    def close(self) -> None:
        """Stop sending; what is not sent yet is sent by whoever comes next."""
        if self._webhook is not None:
            self._webhook.close()
