"""How much an animal does of something, against the same hours of its own earlier days."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from mousepose.monitor.watch.history import DAY, DAYS, MouseMinutes

#: Share of a stretch that must be on film for it to be judged.
_LEAST_FILM = 0.5
#: Share of the time that an animal does something on a usual day, below which nothing is said: it
#: sleeps in these hours anyway.
_LEAST_USUAL = 0.01
#: Spread of the logarithm that days have at least, of few days and of a week or more.
_SPREAD_OF_FEW, _SPREAD = 0.6, 0.35
#: Spreads below the usual from which a day is no chance.
_SPREADS = 3.0
#: Makes logarithms of nothing finite: 4 s in an hour.
_NOTHING = 0.001
#: The median of absolute deviations of a normal distribution, times this, is its spread.
_MAD = 1.4826


@dataclass(frozen=True)
class Against:
    """The share of the time that an animal did something, and what is `usual` in these hours.

    `usual` is the median of `days` earlier days; `low` is what no usual day falls below. Both are
    None where there are fewer days than asked for, or where it sleeps in these hours on most days.
    `now` is None where less than half of the time is on film.
    """

    now: float | None
    days: int
    usual: float | None = None
    low: float | None = None

    @property
    def holds(self) -> bool | None:
        """Whether the animal does too little; None where that cannot be told."""
        if self.now is None or self.low is None:
            return None
        return self.now < self.low


def against_usual(
    mice: Iterable[MouseMinutes], what: str, end: int, minutes: int, share: float, least_days: float
) -> Against:
    """Compare the least active of some mice, over `minutes` before minute `end` from 1970.

    `what` is a column of seconds, `share` how much of the usual is too little. Mice of one cage are
    taken together as their names are not kept from day to day: the least active one is compared
    with the least active one of each earlier day.
    """
    mice = list(mice)
    now = _least(mice, what, end - minutes, end)
    found = [_least(mice, what, end - minutes - day * DAY, end - day * DAY)
             for day in range(1, DAYS + 1)]  # fmt: skip
    earlier = np.array([one for one in found if one is not None])
    days = len(earlier)
    if days < max(least_days, 1):
        return Against(now, days)
    usual = float(np.median(earlier))
    if usual < _LEAST_USUAL:
        return Against(now, days)
    logs = np.log(earlier + _NOTHING)
    spread = _MAD * float(np.median(np.abs(logs - np.median(logs))))
    spread = max(spread, _SPREAD if days >= 7 else _SPREAD_OF_FEW)
    return Against(now, days, usual, usual * min(share, float(np.exp(-_SPREADS * spread))))


def _least(mice: Iterable[MouseMinutes], what: str, start: int, stop: int) -> float | None:
    """Return the share of the time of the mouse that does least, None where too little is known."""
    found = []
    for mouse in mice:
        low, high = start - mouse.first, stop - mouse.first
        seconds = mouse.total("seconds", low, high)
        if low < 0 or seconds < _LEAST_FILM * 60 * (stop - start):
            return None
        found.append(mouse.total(what, low, high) / seconds)
    return min(found, default=None)
