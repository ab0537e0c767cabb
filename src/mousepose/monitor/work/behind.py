"""What is done when films come faster than they are looked at: evenly fewer frames, and said so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from mousepose.monitor.records import Event

#: Shares of the limit by which a backlog is caught up.
_CAUGHT_UP = 0.5


@dataclass
class Behind:
    """Which cages are behind: more than `after` s of film wait, then every k-th frame is looked at.

    k is 2 beyond `after`, 3 beyond twice, and so on, at most `most`; it goes down to 1 only when
    less than half of `after` waits, so that it does not change with every segment.
    """

    after: float
    most: int = 1
    every: dict[str, int] = field(default_factory=dict)

    def look(self, backlog: Mapping[str, float], now: datetime) -> list[Event]:
        """Choose k by what waits of each cage, s of film; return what changed in words."""
        events = []
        for cage, waits in sorted(backlog.items()):
            was = self.every.get(cage, 1)
            wanted = min(1 + int(waits // self.after), self.most)
            k = max(was, wanted)
            if waits < self.after * _CAUGHT_UP:
                k = 1
            if k == was:
                continue
            self.every[cage] = k
            if k == 1:
                del self.every[cage]
                text, level = "caught up: every frame is looked at again", "info"
            else:
                text = f"{waits / 60:.0f} min of film wait: every {k}th frame is looked at"
                text, level = text.replace("2th", "2nd").replace("3th", "3rd"), "warning"
            events.append(Event(cage, now, "behind", text, level))
        return events
