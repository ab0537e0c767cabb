"""What sources find reaches the ledger, and borders wait for what is known to come."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from monitor.rooms import Clock, opened, segment
from mousepose.monitor.ledger.overview import recent_events
from mousepose.monitor.sources import Found
from mousepose.monitor.work.feed import Feed
from mousepose.monitor.work.room_run import step_feeds


@dataclass
class Given:
    """Gives what it is told to."""

    found: list[Found] = field(default_factory=list)
    waiting: bool = False

    def poll(self, now: datetime) -> Found:
        return self.found.pop(0) if self.found else Found()


def test_a_border_waits_for_a_file_that_is_there_but_not_complete(tmp_path: Path) -> None:
    clock, source, other = Clock(), Given(), Given()
    with opened(tmp_path, clock) as ledger:
        for cage in ("A1", "A2"):
            ledger.add_segment(segment(cage))
        clock.pass_(3600)  # nobody looked for an hour
        feeds = [Feed(ledger, "A1", source), Feed(ledger, "A2", other)]
        source.waiting = True
        step_feeds(feeds, ledger, 30.0)
        source.found.append(Found((segment("A1", 1),)))
        other.found.append(Found((segment("A2", 1),)))
        source.waiting = False
        assert step_feeds(feeds, ledger, 30.0) == 2
        assert ledger.segment(segment("A1", 1).id).follows
        late = [event.cage for event in recent_events(ledger) if event.kind == "late"]
        assert late == ["A2"]  # nothing told that it would come
        clock.pass_(3600)
        step_feeds(feeds, ledger, 30.0)
        assert not ledger.close_border(segment("A1", 1).id)
