"""From a source to the ledger: nothing found is forgotten while the ledger is away."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection
from datetime import datetime
from pathlib import Path
from typing import Protocol

from sqlalchemy import select

from mousepose.errors import FileError, InputError
from mousepose.monitor.ledger.ledger import Ledger
from mousepose.monitor.ledger.rows import in_batches, segment_of
from mousepose.monitor.ledger.tables import segments
from mousepose.monitor.records import Event, Gap, Segment
from mousepose.monitor.sources import Found
from mousepose.monitor.work.logs import note


class Source(Protocol):
    """What finds the segments of a cage; `waiting` tells that it sees some not yet complete."""

    @property
    def waiting(self) -> bool:
        """Tell whether segments are there that were not given yet."""
        ...

    def poll(self, now: datetime) -> Found:
        """Return what came since the last time."""
        ...


class Feed:
    """Brings what a source of a cage finds to the ledger.

    `ends` tells that nothing more comes once the source says so by its property `done`.
    """

    def __init__(self, ledger: Ledger, cage: str, source: Source, ends: bool = False) -> None:
        self.cage = cage
        self.ended = False
        self._ledger, self._source, self._ends = ledger, source, ends
        self._left: deque[Gap | Event | Segment] = deque()

    def step(self, now: datetime) -> int:
        """Bring what is new; return how many segments. Raises `FileError` where it cannot be."""
        if not self._left and not self.ended:
            found = self._source.poll(now)
            self._left.extend([*found.gaps, *found.events, *found.segments])
        count = 0
        while self._left:
            count += self._bring(self._left[0])
            self._left.popleft()
        if self._ends and not self.ended and getattr(self._source, "done", False):
            last = self._ledger.latest(self.cage)
            if last is not None:
                self._ledger.close_border(last.id)
            self.ended = True
        return count

    @property
    def waiting(self) -> bool:
        """Tell whether segments are there that the ledger does not have yet."""
        return bool(self._left) or self._source.waiting

    def _bring(self, one: Gap | Event | Segment) -> bool:
        try:
            if isinstance(one, Segment):
                return self._ledger.add_segment(one)
            if isinstance(one, Gap):
                self._ledger.add_gap(one)
            else:
                self._ledger.add_event(one)
                note(one.level, one.kind, one.text, cage=one.cage)
        except FileError:
            raise
        except InputError as error:  # it would fail again for ever, and keep others back
            note("error", "source", f"{error}", cage=self.cage)
        return False


def known_segments(ledger: Ledger, cage: str, paths: Collection[Path]) -> list[Segment]:
    """Return those segments of a cage that the ledger has of some files, and the last one."""
    found = {}
    for some in in_batches([str(path) for path in paths]):
        query = select(segments).where(segments.c.cage == cage, segments.c.path.in_(some))
        for row in ledger.database.rows(query):
            found[row.id] = segment_of(row)
    last = ledger.latest(cage)
    if last is not None:
        found[last.id] = last
    return sorted(found.values(), key=lambda segment: segment.start)
